#pragma once

#include "actors/node/bounds.hpp"
#include "actors/node/handle_cell.hpp"
#include "actors/node/hooks.hpp"
#include "actors/storage/key_source.hpp"
#include "actors/node/lease.hpp"
#include "actors/node/listener.hpp"
#include "actors/node/slot_routes.hpp"
#include "actors/namespaces/namespace_registry.hpp"
#include "actors/slot/parked_list.hpp"
#include "actors/storage/reader.hpp"
#include "actors/slot/sent_messages.hpp"
#include "actors/slot/slot_epochs.hpp"
#include "actors/queue/task_returns.hpp"
#include "engine/machine/context.hpp"
#include "engine/machine/machine_of.hpp"
#include "protocol/address.hpp"
#include "protocol/interfaces.hpp"
#include "store/store.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <vector>

namespace reprise::actors {

/// Where a failed allocation is survived: what was under way fails, and nothing else does.
enum class allocation : std::uint8_t {
  /// A call on its way from the wire to its slot.
  handler,
  load,
  /// What comes behind a load: the run as an execution keeps it.
  host,
  decide,
  /// Behind the decision, when the state has changed already.
  evolve,
  encode,
  /// When the slot is told what became of a call, be it that a run could not be loaded.
  tell,
  commit,
  /// Behind the store's commit.
  committed,
  /// When a slot that died sends its executions away, and when a bridge that died is replaced.
  farewell,
};

/// What the actors of one node share. Owned by cluster::node, which outlives its actors; handles
/// are filled in before the first slot is served and cleared when all actors have ended.
struct services {
  const clock& time;
  const engine::limits& bounds;
  store::store& db;
  namespace_registry& namespaces;
  hooks& watch;
  /// Mixed into everything random.
  std::uint64_t seed = 0;
  /// Executions are passivated beyond this many (estimated) bytes.
  std::size_t memory_budget_bytes = 96U << 20;
  const node_bounds capacity{};
  /// The machine of a kind; null where there is none.
  const engine::machine* (*machine_of)(machine_kind) = engine::machine_of;

  lease own_lease{time};
  key_source keys{};
  reader_pool readers{};
  writer_actor writer{};
  keeper_actor keeper{};
  supervisor_actor supervisor{};
  handle_cell<timer_actor> timer{};
  handle_cell<upkeep_actor> upkeep{};
  /// This node's own, indexed by slot, whether it has the slot or not.
  std::vector<handle_cell<slot_actor>> slots
    = std::vector<handle_cell<slot_actor>>(store::slot_count);
  /// To whoever has it.
  slot_routes routes{};
  std::shared_ptr<task_returns> returns = std::make_shared<task_returns>(routes.cells());
  slot_epochs epochs{};
  parked_list parked{};
  message_level messages{};
  /// Told of a slot that died, when another is in its place: the calls that it had are lost.
  listener<const slot_actor&> lost_slots{};
  /// The queue that holds tasks like this one.
  std::function<queue_actor(const cluster::Task&)> queue_of{};
  /// A worker waited on this queue at or after that moment.
  std::function<bool(const store::queue_key&, time_point)> polled_since{};
  /// Simulations let executions die by throwing here, before a call is decided; else empty.
  std::function<void(const cluster::ExecutionRequest&)> before_decision{};
  /// Tests and simulations let allocations fail by answering true; else empty.
  std::function<bool(allocation)> allocation_fails{};

  std::atomic<std::uint64_t> incarnations{0};
  /// Of wakes and offers; unique across lives of the timer: what is said of a dead one's means none
  /// of the next one's.
  std::atomic<std::uint64_t> tickets{0};
  /// Execution actors that have not ended yet. The last thing that one of them touches here.
  std::atomic<std::int64_t> executions{0};
  std::atomic<std::size_t> trim_place{0};
  /// Executions in memory, indexed by slot. Written by the slots.
  std::vector<std::atomic<std::uint32_t>> residents
    = std::vector<std::atomic<std::uint32_t>>(store::slot_count);
  std::atomic<std::int64_t> resident_bytes{0};
  /// Calls that slots took and that have no outcome yet.
  std::atomic<std::int64_t> calls_under_way{0};
  /// Appends on their way to the writer or taken by it, ever.
  std::atomic<std::uint64_t> appends_sent{0};
  /// Of these, those that the writer is done with, however they ended. Written by the writer.
  std::atomic<std::uint64_t> appends_done{0};
  /// Workflow tasks whose start left before its commit and is not durable yet.
  std::atomic<std::int64_t> early_starts{0};

  const slot_actor& slot_for(const std::string& namespace_id, machine_kind kind,
                             const std::string& id) const {
    return routes.to(store::slot_of(namespace_id, kind, id));
  }

  /// Of the actor that a request or a task names.
  template <class Message>
  const slot_actor& slot_for(const Message& m) const {
    return slot_for(m.namespace_id(), kind_of(m), m.workflow_id());
  }

  /// Throws std::bad_alloc where a test wants it.
  void allocate(allocation where) const {
    if (allocation_fails && allocation_fails(where)) [[unlikely]]
      throw std::bad_alloc{};
  }

  /// The slot whose turn it is to give up memory: slots take turns, those that hold nothing pass.
  std::size_t next_to_trim() noexcept {
    auto place = trim_place.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < slots.size(); ++i, ++place)
      if (residents[place % slots.size()].load(std::memory_order_relaxed) > 0)
        break;
    trim_place.store(place + 1, std::memory_order_relaxed);
    return place % slots.size();
  }

  bool over_budget() const noexcept {
    return resident_bytes.load(std::memory_order_relaxed)
           > static_cast<std::int64_t>(memory_budget_bytes);
  }
};

} // namespace reprise::actors
