#include "actors/slot/run_order.hpp"

#include "base/log.hpp"

#include <caf/send.hpp>

namespace reprise::actors {

run_round::~run_round() {
  if (!is_given)
    return;
  try {
    caf::anon_send(to, result_atom_v, number, undone.load(std::memory_order_acquire));
  } catch (...) {
    // The upkeep goes on when its patience is over.
    log_thrown(log_level::error, "the end of a round of orders could not be told");
  }
}

run_order::~run_order() {
  if (!is_done)
    round->undone.fetch_add(1, std::memory_order_acq_rel);
}

} // namespace reprise::actors
