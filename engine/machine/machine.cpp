#include "engine/machine/machine.hpp"

#include "base/ensure.hpp"
#include "engine/batch/batch_machine.hpp"
#include "engine/queue/queue_machine.hpp"
#include "engine/workflow/workflow_machine.hpp"

namespace reprise::engine {

bool machine::concerns(const run_state&, const cluster::ExecutionRequest&) const {
  return false;
}

record machine::joined(record, record) const {
  ENSURE(false, "nothing of this kind of run leaves early");
}

// Complete when it compiles: a kind without a line here is a warning, and warnings are errors.
const machine* machine_of(machine_kind kind) noexcept {
  switch (kind) {
    case machine_kind::workflow:
      return &the_workflow_machine();
    case machine_kind::task_queue:
      return &the_queue_machine();
    case machine_kind::batch:
      return &the_batch_machine();
  }
  // What a later version wrote.
  return nullptr;
}

} // namespace reprise::engine
