#pragma once

// Every typed actor interface, one comment line a message, and behind "Lost:" what heals its loss,
// late or for ever: a message is lost when its receiver dies before it reads it. The only header of
// this folder that sees CAF; its target is reprise_interfaces. Handlers live in actors/, callers
// include only this.

#include "protocol/cluster.pb.h"
#include "protocol/parse_stored.hpp"

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <caf/meta/load_callback.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/none.hpp>
#include <caf/replies_to.hpp>
#include <caf/sec.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace reprise {

/// A protobuf message; its wire form is its form between nodes.
template <class M>
concept protobuf_message = requires(M m, const M& c, const std::string& s) {
  { c.SerializeAsString() } -> std::same_as<std::string>;
  { m.ParseFromString(s) } -> std::same_as<bool>;
  { c.GetTypeName() } -> std::same_as<std::string>;
};

} // namespace reprise

namespace reprise::cluster {

template <class Inspector, protobuf_message Message>
typename Inspector::result_type inspect(Inspector& f, Message& x) {
  if constexpr (Inspector::reads_state) {
    auto bytes = x.SerializeAsString();
    return f(caf::meta::type_name("proto"), bytes);
  } else {
    std::string bytes;
    auto parse = [&]() -> caf::error {
      if (protocol::parse_stored(x, bytes))
        return caf::none;
      return caf::sec::invalid_argument;
    };
    return f(caf::meta::type_name("proto"), bytes, caf::meta::load_callback(parse));
  }
}

} // namespace reprise::cluster

namespace reprise::actors {

/// A call on a workflow id while its slot has it, and what became of one: what it appends to the
/// store and what the slot releases once that is durable (actors/call/outcome.hpp). In-process
/// only: a slot, its executions and their writer share a node.
struct call;
struct outcome;
/// What a reader found of a run (actors/run/loader.hpp); in-process only.
struct loaded_run;
/// What readers found of the histories that a decision rests on (actors/run/gathering.hpp);
/// in-process only.
struct gathering;
/// What becomes of a run with its namespace, and of many of them (actors/slot/run_order.hpp);
/// in-process only.
struct run_order;
struct run_round;
/// What a reader found of wake-ups (actors/timer/timer.hpp); in-process only.
struct due_page;
/// What a reader found of a message in an inbox (actors/slot/slot_messages.cpp), and of inboxes as
/// a whole (actors/slot/inbox_sweep.hpp); in-process only.
struct inbox_look;
struct inbox_page;
/// A read or write of the store that a reader actor runs; in-process only.
using store_job = std::function<void()>;
/// Actors that are begun anew when they die (actors/node/ward.hpp); in-process only.
struct ward;
/// A started task on its way to its worker, and one on its way back into its run
/// (actors/queue/task_returns.hpp). Neither is lost with a message: where one is destroyed before
/// it was dealt with, the task is taken back. In-process only.
class task_reply;
struct returned_task;

} // namespace reprise::actors

CAF_BEGIN_TYPE_ID_BLOCK(reprise, first_custom_type_id)

  CAF_ADD_TYPE_ID(reprise, (reprise::cluster::ExecutionRequest))
  CAF_ADD_TYPE_ID(reprise, (reprise::cluster::Poll))
  CAF_ADD_TYPE_ID(reprise, (reprise::cluster::Reply))
  CAF_ADD_TYPE_ID(reprise, (reprise::cluster::Task))

  CAF_ADD_ATOM(reprise, reprise, call_atom, "call")
  CAF_ADD_ATOM(reprise, reprise, reply_atom, "reply")
  CAF_ADD_ATOM(reprise, reprise, offer_atom, "offer")
  CAF_ADD_ATOM(reprise, reprise, refuse_atom, "refuse")
  CAF_ADD_ATOM(reprise, reprise, poll_atom, "poll")
  CAF_ADD_ATOM(reprise, reprise, obsolete_atom, "obsolete")
  CAF_ADD_ATOM(reprise, reprise, taken_atom, "taken")
  CAF_ADD_ATOM(reprise, reprise, later_atom, "later")
  CAF_ADD_ATOM(reprise, reprise, cancel_atom, "cancel")
  CAF_ADD_ATOM(reprise, reprise, describe_atom, "describe")
  CAF_ADD_ATOM(reprise, reprise, append_atom, "append")
  CAF_ADD_ATOM(reprise, reprise, flush_atom, "flush")
  CAF_ADD_ATOM(reprise, reprise, result_atom, "result")
  CAF_ADD_ATOM(reprise, reprise, tick_atom, "tick")
  CAF_ADD_ATOM(reprise, reprise, wake_atom, "wake")
  CAF_ADD_ATOM(reprise, reprise, arm_atom, "arm")
  CAF_ADD_ATOM(reprise, reprise, job_atom, "job")
  CAF_ADD_ATOM(reprise, reprise, loaded_atom, "loaded")
  CAF_ADD_ATOM(reprise, reprise, stop_atom, "stop")
  CAF_ADD_ATOM(reprise, reprise, reoffer_atom, "reoffer")
  CAF_ADD_ATOM(reprise, reprise, credit_atom, "credit")
  CAF_ADD_ATOM(reprise, reprise, epoch_atom, "epoch")
  CAF_ADD_ATOM(reprise, reprise, lost_atom, "lost")
  CAF_ADD_ATOM(reprise, reprise, trim_atom, "trim")
  CAF_ADD_ATOM(reprise, reprise, returned_atom, "returned")
  CAF_ADD_ATOM(reprise, reprise, finish_atom, "finish")
  CAF_ADD_ATOM(reprise, reprise, leave_atom, "leave")
  CAF_ADD_ATOM(reprise, reprise, watch_atom, "watch")
  CAF_ADD_ATOM(reprise, reprise, renew_atom, "renew")
  CAF_ADD_ATOM(reprise, reprise, clock_atom, "clock")
  CAF_ADD_ATOM(reprise, reprise, peer_atom, "peer")
  CAF_ADD_ATOM(reprise, reprise, inbox_atom, "inbox")
  CAF_ADD_ATOM(reprise, reprise, configured_atom, "configured")
  CAF_ADD_ATOM(reprise, reprise, order_atom, "order")

CAF_END_TYPE_ID_BLOCK(reprise)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::call>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::outcome>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::loaded_run>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::gathering>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::run_order>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::run_round>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::due_page>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::inbox_look>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::inbox_page>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::ward>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::task_reply>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<reprise::actors::returned_task>)

namespace reprise {

/// Ends calls of a frontend: knows which waiting call a number stands for.
using bridge_actor = caf::typed_actor<
  // the answer to call `id`; when nobody waits any more it is ignored. Lost: whoever begins the
  // next bridge ends the calls that wait for answers through this one
  caf::reacts_to<reply_atom, std::uint64_t, cluster::Reply>,
  // the same with tasks that were started for the caller. Lost, or nobody waits: they are taken
  // back
  caf::reacts_to<reply_atom, std::uint64_t, std::shared_ptr<actors::task_reply>>>;

/// Owner of one task queue of one namespace and kind (workflow or activity tasks). When one dies,
/// its tasks are swept from the store and its polls are sent again.
using queue_actor = caf::typed_actor<
  // an execution has work; answered to the offering slot by refuse when it cannot be held. Lost:
  // the sweep for a queue that died
  caf::reacts_to<offer_atom, cluster::Task>,
  // worker `id` behind a bridge waits for work until the poll's expiry. Lost: the bridge sends it
  // to the next queue
  caf::reacts_to<poll_atom, std::uint64_t, bridge_actor, cluster::Poll>,
  // worker `id` behind that bridge waits no more. Lost: the poll's expiry
  caf::reacts_to<cancel_atom, std::uint64_t, bridge_actor>,
  // worker `id` behind that bridge is to be answered at once: with nothing, unless a task is on its
  // way to it. Lost: the poll's expiry
  caf::reacts_to<finish_atom, std::uint64_t, bridge_actor>,
  // the worker with this instance key ends: it is no longer listed. Lost: it is listed a while
  // longer
  caf::reacts_to<leave_atom, std::string>,
  // INTERNAL, from a slot: the hand-out of this number fell through; its poller waits again, the
  // task is gone. Only an execution that holds lease and epoch says so. Lost: like offer and poll;
  // of a slot elsewhere, it counts as later after a while
  caf::reacts_to<obsolete_atom, std::uint64_t>,
  // INTERNAL, from a slot: the hand-out of this number is durable. Lost: the task is offered again,
  // and obsolete
  caf::reacts_to<taken_atom, std::uint64_t>,
  // INTERNAL, from a slot: the hand-out of this number cannot be decided now; its poller waits
  // again, the task stays and is handed out again after a pause that grows. Lost: like obsolete
  caf::reacts_to<later_atom, std::uint64_t>,
  // the worker of this sticky queue has left: what waits for it is for others. Lost: the tasks'
  // schedule-to-start timeout
  caf::reacts_to<lost_atom>,
  // INTERNAL, from the supervisor: the slot that was the actor of this id died with every hand-out
  // that it had; those given to the next one have another id. Lost: like offer and poll
  caf::reacts_to<lost_atom, std::uint64_t>,
  // DescribeTaskQueue, answered to call `id`; the payload is the serialised request. Lost: the
  // caller's deadline
  caf::reacts_to<describe_atom, std::uint64_t, bridge_actor, std::string>,
  // what users configured of the queue has changed, and is to be read. Lost: it is read each minute
  caf::reacts_to<configured_atom>,
  // INTERNAL: the wall clock moved: how long to wait is to be found anew. Lost: waits are too long
  caf::reacts_to<clock_atom>,
  // INTERNAL: rows of the backlog were read. Lost: they are found by any later tick
  caf::reacts_to<tick_atom>,
  // INTERNAL: the alarm with this ticket. Lost: the next message, which sets another
  caf::reacts_to<tick_atom, std::uint64_t>>;

/// Owner of one slot: routes to executions, keeps their long polls, releases durable effects.
using slot_actor = caf::typed_actor<
  // a call on a durable actor; answered to call `id` of the bridge. Lost: the caller's deadline
  caf::reacts_to<call_atom, std::uint64_t, bridge_actor, cluster::ExecutionRequest>,
  // the same from a task queue on behalf of a poller: the queue hears taken, obsolete or later.
  // Lost: the queue holds the task until it hears; a take-over of the slots sweeps it
  caf::reacts_to<call_atom, std::uint64_t, bridge_actor, cluster::ExecutionRequest, queue_actor>,
  // the caller `id` behind that bridge is gone (long polls and queries end). Lost: their expiry
  caf::reacts_to<cancel_atom, std::uint64_t, bridge_actor>,
  // a task was started for a worker that cannot have got it: never refused, tried until it is
  // durable. Lost: it is sent to the next slot
  caf::reacts_to<returned_atom, std::shared_ptr<actors::returned_task>>,
  // from the slot of this number, on behalf of a durable actor there: a message to one here, the
  // answer to one, or that messages may be forgotten. Lost: a message is sent again, and brings its
  // answer again; an answer that is not said to be forgotten is given again an hour later
  caf::reacts_to<peer_atom, std::uint64_t, cluster::ExecutionRequest>,
  // INTERNAL, from a reader: what the inbox has of a message that came again, or of the start that
  // one withdraws. Lost: like peer
  caf::reacts_to<inbox_atom, std::shared_ptr<actors::inbox_look>>,
  // a queue cannot hold this task: write it to the backlog, or (sticky, true) offer it elsewhere;
  // a query's (not sticky) gave way to others, and its caller is told. Lost: a take-over sweeps it
  caf::reacts_to<refuse_atom, cluster::Task, bool>,
  // INTERNAL, from the writer or an execution: what became of a call; a chain of them by `next`.
  // Lost: the slot's death ends its calls, and tasks that were started are taken back
  caf::reacts_to<result_atom, std::shared_ptr<actors::outcome>>,
  // INTERNAL, from the timer: a deadline of (namespace id, kind, id, run id) may have passed;
  // answered by credit or later with the same ticket. Lost: a take-over, where the timer scans anew
  caf::reacts_to<wake_atom, std::string, std::uint8_t, std::string, std::string, std::uint64_t>,
  // INTERNAL, from the sweep: offer again what (namespace id, kind, id, run id) has for this queue
  // (empty: any); answered like wake. Lost: like wake
  caf::reacts_to<reoffer_atom, std::string, std::uint8_t, std::string, std::string, std::string,
                 std::uint64_t>,
  // INTERNAL: the slot's epoch from now on; 0: the slot is not served here. Lost: a new slot serves
  // nothing until the keeper tells it
  caf::reacts_to<epoch_atom, std::uint64_t>,
  // INTERNAL, from a reader: the epoch after a write of unknown outcome; 0: it could not be raised.
  // Lost: the next epoch
  caf::reacts_to<epoch_atom, std::uint64_t, std::uint64_t>,
  // INTERNAL, from the upkeep of namespaces: one run is to be erased, or looked at. Lost: the order
  // is told as not done, and given again
  caf::reacts_to<order_atom, std::shared_ptr<actors::run_order>>,
  // INTERNAL: the node needs memory; executions that rest are to go, oldest first. Lost: the next
  // growth asks the next slot
  caf::reacts_to<trim_atom>,
  // INTERNAL: the wall clock moved: how long to wait is to be found anew. Lost: waits are too long
  caf::reacts_to<clock_atom>,
  // INTERNAL: deadlines or long polls may have come due; the alarm with this ticket. Lost: the next
  // deadline sets another
  caf::reacts_to<tick_atom, std::uint64_t>>;

/// One durable actor: its current run and a few older ones. Dies when something it wrote is lost.
/// Whatever it was told and did not decide, its slot gives to the next life.
using execution_actor = caf::typed_actor<
  // INTERNAL, from the slot: decide this call. Lost: its slot keeps it
  caf::reacts_to<call_atom, std::shared_ptr<actors::call>>,
  // INTERNAL, from a reader: a run is here. Lost: the next life loads it
  caf::reacts_to<loaded_atom, std::shared_ptr<actors::loaded_run>>,
  // INTERNAL, from a reader: what a call's decision rests on is here. Lost: the next life reads
  // anew
  caf::reacts_to<loaded_atom, std::shared_ptr<actors::gathering>>,
  // INTERNAL, from the slot: caller `id` behind that bridge is gone (queries). Lost: their expiry
  caf::reacts_to<cancel_atom, std::uint64_t, bridge_actor>>;

/// Commits appends in groups; the only one that writes runs.
using writer_actor = caf::typed_actor<
  // INTERNAL, from executions and slots: write this; the slot is told by result. Lost: the node,
  // too
  caf::reacts_to<append_atom, std::shared_ptr<actors::outcome>>,
  // INTERNAL: commit what has gathered. Lost: the node, too
  caf::reacts_to<flush_atom>>;

/// Runs blocking work on the store, which waits in a queue that it shares with others.
using reader_actor = caf::typed_actor<
  // INTERNAL, from the queue or itself: take a job and run it. Lost: the reader is replaced by one
  // that looks first
  caf::reacts_to<job_atom>>;

/// Wakes executions that are not in memory, and sweeps the store for undelivered work.
using timer_actor = caf::typed_actor<
  // INTERNAL, from a slot: (namespace id, kind, id, run id) left memory and is due then (ns). Lost:
  // a new timer scans the store
  caf::reacts_to<arm_atom, std::string, std::uint8_t, std::string, std::string, std::int64_t>,
  // INTERNAL, from a slot: the wake or reoffer with this ticket has been dealt with. Lost: a new
  // timer scans and sweeps anew
  caf::reacts_to<credit_atom, std::uint64_t>,
  // INTERNAL, from a slot: it could not be; the timer comes again after a pause that grows. Lost:
  // like credit
  caf::reacts_to<later_atom, std::uint64_t>,
  // INTERNAL: other ranges are served than before; (false) none. Lost: a new timer is told
  caf::reacts_to<epoch_atom, bool>,
  // a queue lost its memory: offer again what waits for (namespace id, queue); empty: all queues.
  // Lost: a new timer sweeps all queues
  caf::reacts_to<reoffer_atom, std::string, std::string>,
  // INTERNAL, from the keeper: this slot was begun anew and knows no deadlines and no offers. Lost:
  // a new timer scans and sweeps for all slots
  caf::reacts_to<renew_atom, std::uint64_t>,
  // INTERNAL, from a reader. Lost: a new timer reads anew
  caf::reacts_to<loaded_atom, std::shared_ptr<actors::due_page>>,
  // INTERNAL: the wall clock moved: how long to wait is to be found anew. Lost: waits are too long
  caf::reacts_to<clock_atom>,
  // INTERNAL: something may be due; the alarm with this ticket. Lost: the next message sets another
  caf::reacts_to<tick_atom, std::uint64_t>>;

/// Keeps inboxes small, heals what was lost of answers, and erases what resets copied in vain.
using sweep_actor = caf::typed_actor<
  // INTERNAL: time to look. Lost: the next one begins with a look
  caf::reacts_to<tick_atom>,
  // INTERNAL, from a reader: what it found. Lost: like tick
  caf::reacts_to<loaded_atom, std::shared_ptr<actors::inbox_page>>>;

/// Does what becomes of a namespace as a whole: erases what a deleted one has left, and tells
/// closed runs of another retention.
using upkeep_actor = caf::typed_actor<
  // a namespace was changed, or it is time to look. Lost: the next one begins with a look
  caf::reacts_to<tick_atom>,
  // INTERNAL, from an execution: it has a run of the namespace with this id, of which no record is
  // known. Lost: the run is woken again, and says so again
  caf::reacts_to<lost_atom, std::string>,
  // INTERNAL: the orders with this number have been under way for long. Lost: they end by
  // themselves
  caf::reacts_to<tick_atom, std::uint64_t>,
  // INTERNAL, from a reader: runs of the namespace. Lost: like tick
  caf::reacts_to<loaded_atom, std::shared_ptr<actors::run_round>>,
  // INTERNAL, from the last of them: the orders with this number are over, but for so many. Lost:
  // the tick with their number
  caf::reacts_to<result_atom, std::uint64_t, std::uint64_t>,
  // INTERNAL, from a reader: the end of the work on a namespace (true: all is done). Lost: like
  // tick
  caf::reacts_to<result_atom, bool>>;

/// Compares the clock of deadlines with that of waits, and tells who waits when they moved apart.
using watch_actor = caf::typed_actor<
  // INTERNAL: time to compare. Lost: waits are too long after the clock was set
  caf::reacts_to<tick_atom>>;

/// Keeps the node a member, takes ranges of slots and gives them up.
using keeper_actor = caf::typed_actor<
  // INTERNAL, from a slot: somebody else raised its epoch, or the store lost commits. Lost: the
  // next refused append says it
  caf::reacts_to<lost_atom>,
  // INTERNAL, from a reader: the number was raised, or (false) not. Lost: the lease runs out
  caf::reacts_to<result_atom, bool>,
  // INTERNAL, from a reader: the end of a take-over (true: as far as it went). Lost: the node, too
  caf::reacts_to<taken_atom, bool>,
  // INTERNAL, from a reader: ranges were given away, or (false) some were not. Lost: the node, too
  caf::reacts_to<finish_atom, bool>,
  // INTERNAL: time to see whether what is to be given away is written. Lost: the node, too
  caf::reacts_to<flush_atom>,
  // INTERNAL: time to renew, unless a later ticket was given out. Lost: the lease runs out
  caf::reacts_to<tick_atom, std::uint64_t>,
  // INTERNAL: the wall clock moved, and the machine may have slept: looks at once. Lost: the next
  // tick is late, and the lease may run out first
  caf::reacts_to<clock_atom>,
  // INTERNAL, from the supervisor: the timer was begun anew; told again what it has to know. Lost:
  // the node, too
  caf::reacts_to<renew_atom>,
  // INTERNAL, from the supervisor: this slot was begun anew; it gets a new epoch, sooner or later.
  // Lost: the node, too
  caf::reacts_to<renew_atom, std::uint64_t>,
  // INTERNAL, from a reader: the epoch that this slot got; 0: it could not be raised. Lost: the
  // node, too
  caf::reacts_to<epoch_atom, std::uint64_t, std::uint64_t>,
  // give the slots up. Lost: the lease runs out
  caf::reacts_to<stop_atom>>;

/// Watches the actors of a node, and begins those anew that died of an error. That message is not
/// lost while this actor lives; when it dies, the node ends.
using supervisor_actor = caf::typed_actor<
  // from whoever spawned them: look after these
  caf::reacts_to<watch_atom, std::shared_ptr<actors::ward>>,
  // INTERNAL: a pause is over
  caf::reacts_to<tick_atom, std::uint64_t>>;

} // namespace reprise
