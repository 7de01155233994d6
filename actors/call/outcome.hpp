#pragma once

#include "actors/slot/run_order.hpp"
#include "actors/queue/task_returns.hpp"
#include "engine/history/pager.hpp"
#include "engine/machine/step.hpp"
#include "protocol/interfaces.hpp"
#include "store/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What slots, executions and the writer hand each other. Every call that a slot gives to an
// execution comes back as exactly one outcome, by the writer when it appended something, else
// directly; so the slot knows at any time what is under way, whoever dies.

namespace reprise::actors {

struct entry;

/// A call while its slot has it. Made by the slot; the execution reads `request` and writes
/// `decided` and `threw`, which the slot reads only when it knows the execution to be dead or the
/// call to be over.
struct call {
  enum class origin : std::uint8_t {
    /// A caller behind a bridge.
    bridge,
    /// A task queue, for a poller behind a bridge.
    queue,
    /// The timer or the sweep, which get a credit back.
    timer,
    /// The slot itself.
    slot,
    /// Another durable actor, by way of its slot.
    peer,
  };
  origin by = origin::bridge;
  /// The caller's number; the timer's ticket; the number of a peer's slot.
  std::uint64_t id = 0;
  bridge_actor from{};
  queue_actor queue{};
  cluster::ExecutionRequest request{};
  /// What the slot itself wants done; there is no request then.
  enum class chore : std::uint8_t {
    none,
    /// Write what is held back.
    flush,
    /// The same, and a snapshot.
    snapshot,
  };
  chore to_do = chore::none;
  /// An outcome is on its way.
  bool decided = false;
  /// Deciding this call ended the execution.
  bool threw = false;
  /// And it did so because there was no memory.
  bool out_of_memory = false;
  /// How often it was decided in vain.
  int tries = 0;
  /// How often an older run was looked for in the store; the execution's own business.
  int tries_to_load = 0;
  /// The slot's record of the workflow id; nobody else's business.
  entry* owner = nullptr;
  /// The caller hung up before the call was decided: it is not to wait. The slot's business too.
  bool gone = false;
  /// It counts among its workflow id's calls of clients. The slot's business too.
  bool counted = false;
  /// The task that the slot itself takes back by it; null: it is about something else.
  returned_task_ptr returned{};
  /// What it does for the upkeep of namespaces; null: something else.
  run_order_ptr order{};
};

using call_ptr = std::shared_ptr<call>;

/// One life of an execution actor. Its appends are numbered from 1; reads rest on the last number.
struct incarnation {
  std::uint64_t number = 0;
  /// The lease's, when it began: what it reads is told in that time only.
  std::uint64_t tenure = 0;
  /// Written by the writer alone: when one append failed, all later ones fail alike.
  store::commit_status broken = store::commit_status::committed;
  /// Written by the execution before it dies because the journal cannot be folded.
  std::string poison{};
  std::string poisoned_run_id{};
};

using incarnation_ptr = std::shared_ptr<incarnation>;

/// The answer to one caller, kept back until what it rests on is durable.
struct answer {
  std::uint64_t id = 0;
  bridge_actor to{};
  cluster::Reply reply{};
  /// When set, a reader makes the reply from the store, once all is durable that it may show.
  std::function<cluster::Reply(store::store&)> read{};
  /// Of the tasks that come with what is read: when that fails, they are taken back.
  std::vector<std::string> task_tokens{};
};

/// Where a run stands after a transition.
struct run_news {
  std::string run_id{};
  std::optional<time_point> timer_at{};
  std::int64_t next_event_id = 1;
  bool open = true;
};

/// The start of a workflow task that left before its commit: an entry that its execution holds back
/// for the next row. The slot keeps it too, so that it survives the execution.
struct early_entry {
  std::string run_id{};
  /// The row that it comes behind.
  std::uint64_t last_seq = 0;
  engine::record written{};
};

using early_entry_ptr = std::shared_ptr<const early_entry>;

/// What leaves an execution because of one call (invariant 2); released by the slot.
struct effects {
  std::vector<answer> answers{};
  std::vector<cluster::Task> offers{};
  /// To other durable actors.
  std::vector<outbox::Message> messages{};
  /// What the sender of the message is told that the call brought.
  std::optional<outbox::Answered> told_sender{};
  /// The message whose answer the call brought is over: its receiver may forget it.
  bool forget = false;
  /// The run that is current afterwards, when the slot does not know already how it stands.
  std::optional<run_news> current{};
  /// Another run that changed.
  std::optional<run_news> other{};
  std::optional<engine::event_wait> wait{};
  /// A task that was taken is not to be had, by what the execution knows; the queue is told.
  bool obsolete_task = false;
  /// The caller gets its answer by a later outcome (a query that waits). Until then the slot keeps
  /// the call and does not passivate the execution; should that die, the call is decided again.
  bool caller_stays = false;
  /// When such a caller has waited long enough; the slot wakes the execution then.
  std::optional<time_point> callers_due{};
  /// What was asked could not be decided, since a run could not be loaded. A client knows by its
  /// answer; who asks for this server (a queue, the timer, the slot) is to ask again later.
  bool try_again = false;
  /// The answer hands out a workflow task whose start is held back: it rests on `number`, and on
  /// this, which may be lost. Every later append holds it. Nothing else leaves with it.
  early_entry_ptr early_start{};
  /// Work that needs to be done before the next call can be: a reader runs it.
  store_job load{};
};

/// What became of a call. Destroyed before its answers were released, with a slot or its mailbox,
/// the tasks are taken back that its answers bring.
struct outcome {
  ~outcome();

  call_ptr what{};
  incarnation_ptr who{};
  /// Of an append: its own number; of a read: of the last append that it rests on.
  std::uint64_t number = 0;
  bool appended = false;
  effects released{};
  /// Estimated bytes of the execution in memory; 0: as before.
  std::size_t resident_bytes = 0;
  /// Journal rows that a rehydration would have to replay.
  std::uint64_t rows_behind_snapshot = 0;

  // Of appends only.
  store::transition write{};
  std::size_t write_bytes = 0;
  store::commit_status status = store::commit_status::committed;
  /// The next outcome of the same slot.
  std::shared_ptr<outcome> next{};
  /// It is no call's, but the slot's own write for this.
  run_order_ptr order{};
  /// When an answer brings tasks that were started; null, too, when the call is decided again and
  /// may bring the same.
  std::shared_ptr<task_returns> returns{};
};

using outcome_ptr = std::shared_ptr<outcome>;

/// A failure as it is sent to callers.
cluster::Reply to_reply(const error& e);
/// The same of a response in its wire form.
cluster::Reply to_reply(std::string response);

} // namespace reprise::actors
