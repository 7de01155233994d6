#include "actors/queue/queue_job.hpp"

#include "actors/run/loader.hpp"
#include "engine/machine/machine.hpp"
#include "protocol/address.hpp"
#include "protocol/queue.pb.h"

#include <utility>

namespace reprise::actors {

void backlog_job::run(store::store& db, const store::queue_key& key, std::size_t page_rows) {
  switch (what) {
    case kind::count:
      if (auto n = db.count_backlog(key)) {
        count = *n;
        ok = true;
      }
      break;
    case kind::read:
      if (auto page = db.read_backlog(key, behind.first, behind.second, page_rows)) {
        rows = std::move(*page);
        ok = true;
      }
      break;
    case kind::erase:
      ok = db.erase_backlog(key, places).has_value();
      break;
    case kind::rules: {
      auto found = load_run(
        db, *engine::machine_of(machine_kind::task_queue),
        {.namespace_id = key.namespace_id, .workflow_id = queue_actor_id(key.kind, key.name)});
      ok = found.what == loaded_run::outcome::found || found.what == loaded_run::outcome::absent;
      if (found.what == loaded_run::outcome::found)
        rules = queue_rules{found.state.as<queue::QueueState>().config()};
      break;
    }
  }
}

} // namespace reprise::actors
