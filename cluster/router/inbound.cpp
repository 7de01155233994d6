// What came from another node, or from here and is for this node after all.

#include "actors/call/errors.hpp"
#include "actors/call/outcome.hpp"
#include "base/log.hpp"
#include "cluster/router/router.hpp"
#include "cluster/router/stand_ins.hpp"
#include "protocol/address.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace reprise::cluster {

namespace {

bool is_for_slot(const routed::Routed& what) {
  return what.what_case() >= routed::Routed::kCall
         && what.what_case() <= routed::Routed::kReturnTask;
}

bool is_for_queue(const routed::Routed& what) {
  return what.what_case() >= routed::Routed::kOffer
         && what.what_case() <= routed::Routed::kConfigured;
}

} // namespace

void router::deliver(link::incarnation from, routed::Routed&& what) {
  if (is_for_slot(what) || is_for_queue(what)) {
    if (!is_sound(what))
      return log(log_level::warn, "another node sent something to a slot that it is not for");
    if (!is_ours(store::range_of(static_cast<store::slot_id>(what.slot()))))
      return bounce(from, std::move(what));
    if (what.has_return_task()) {
      routed::Routed out;
      out.set_returned(what.return_task().ticket());
      (void)to_node(from, out);
    }
    return deliver_here(std::move(what), from);
  }
  switch (what.what_case()) {
    case routed::Routed::kAnswer:
      return take_answer(from, *what.mutable_answer());
    case routed::Routed::kAcknowledged:
      return known_->on_acknowledged(what.acknowledged());
    case routed::Routed::kHandedOut:
      return take_outcome(what.handed_out());
    case routed::Routed::kReturned:
      return end_return(what.returned());
    case routed::Routed::kBounced:
      return take_bounced(std::move(*what.mutable_bounced()));
    case routed::Routed::kSlotLost:
      return take_lost_slot(static_cast<store::slot_id>(what.slot_lost()));
    case routed::Routed::kLook:
      return caf::anon_send(shared_.keeper, clock_atom_v);
    case routed::Routed::kQueueLost:
      return take_lost_queue(from_proto(what.queue_lost()));
    default:
      return;
  }
}

/// A slot's actor takes what it is given: it would begin a second life of what another one has.
bool router::is_sound(const routed::Routed& what) {
  if (what.slot() >= store::slot_count)
    return false;
  if (is_for_queue(what))
    return slot_of(from_proto(queue_named(what))) == what.slot();
  switch (what.what_case()) {
    case routed::Routed::kCall:
      return slot_of_actor(what.call().request()) == what.slot();
    case routed::Routed::kPeer:
      return what.peer().request().has_forget()
             || slot_of_actor(what.peer().request()) == what.slot();
    case routed::Routed::kRefuse:
      return slot_of_actor(what.refuse().task()) == what.slot();
    case routed::Routed::kReturnTask:
      return slot_of_actor(what.return_task().request()) == what.slot();
    default:
      return true;
  }
}

void router::deliver_here(routed::Routed&& what, link::incarnation from) {
  if (is_for_queue(what))
    deliver_to_queue(from, std::move(what));
  else
    deliver_to_slot(std::move(what));
}

void router::deliver_to_slot(routed::Routed&& what) {
  const auto& slot = shared_.slots[what.slot()].get();
  if (what.has_call()) {
    auto& call = *what.mutable_call();
    const auto& caller = call.caller();
    // What is started for a worker of a node that cannot be told would only be taken back.
    if (!can_be_told(caller))
      return fail(what);
    auto bridge = known_->bridge_of(caller);
    // Nobody waits for it any more.
    if (!bridge)
      return;
    // A poll is called off at its queue.
    if (!call.has_queue())
      known_->begin_call(caller, slot);
    if (!call.has_queue())
      return caf::anon_send(slot, call_atom_v, caller.call(), bridge,
                            std::move(*call.mutable_request()));
    auto queue = known_->queue_of(call.queue());
    if (queue)
      caf::anon_send(slot, call_atom_v, caller.call(), bridge, std::move(*call.mutable_request()),
                     queue);
  } else if (what.has_cancel_call()) {
    known_->cancel_call(what.cancel_call());
  } else if (what.has_peer()) {
    caf::anon_send(slot, peer_atom_v, std::uint64_t{what.peer().from_slot()},
                   std::move(*what.mutable_peer()->mutable_request()));
  } else if (what.has_refuse()) {
    caf::anon_send(slot, refuse_atom_v, std::move(*what.mutable_refuse()->mutable_task()),
                   what.refuse().sticky());
  } else if (what.has_return_task()) {
    shared_.returns->take_back(what.return_task().request().token().SerializeAsString());
  }
}

bool router::can_be_told(const routed::Caller& caller) {
  return caller.node() == options_.mine || is_up(caller.node());
}

void router::deliver_to_queue(link::incarnation from, routed::Routed&& what) {
  auto queue = queues_.find(from_proto(queue_named(what)));
  // There are too many: whoever has the task's run offers it again.
  if (!queue && from != 0 && what.has_offer())
    return bounce(from, std::move(what));
  if (!queue)
    return fail(what);
  switch (what.what_case()) {
    case routed::Routed::kOffer:
      return caf::anon_send(queue, offer_atom_v, std::move(*what.mutable_offer()->mutable_task()));
    case routed::Routed::kPoll: {
      const auto& caller = what.poll().caller();
      auto bridge = can_be_told(caller) ? known_->bridge_of(caller) : bridge_actor{};
      if (!bridge)
        return;
      known_->begin_call(caller, queue);
      return caf::anon_send(queue, poll_atom_v, caller.call(), bridge,
                            std::move(*what.mutable_poll()->mutable_poll()));
    }
    case routed::Routed::kCancelPoll:
      return known_->cancel_call(what.cancel_poll().caller());
    case routed::Routed::kFinishPoll:
      if (!can_be_told(what.finish_poll().caller()))
        return;
      if (auto bridge = known_->bridge_of(what.finish_poll().caller()))
        caf::anon_send(queue, finish_atom_v, what.finish_poll().caller().call(), bridge);
      return;
    case routed::Routed::kLeave:
      return caf::anon_send(queue, leave_atom_v, what.leave().worker_instance_key());
    case routed::Routed::kWorkerLeft:
      return queues_.on_worker_left(from_proto(what.worker_left()));
    case routed::Routed::kDescribe:
      if (!can_be_told(what.describe().caller()))
        return;
      if (auto bridge = known_->bridge_of(what.describe().caller()))
        caf::anon_send(queue, describe_atom_v, what.describe().caller().call(), bridge,
                       what.describe().request());
      return;
    case routed::Routed::kConfigured:
      return caf::anon_send(queue, configured_atom_v);
    default:
      return;
  }
}

const routed::Queue& router::queue_named(const routed::Routed& what) {
  switch (what.what_case()) {
    case routed::Routed::kOffer:
      return what.offer().queue();
    case routed::Routed::kPoll:
      return what.poll().queue();
    case routed::Routed::kCancelPoll:
      return what.cancel_poll().queue();
    case routed::Routed::kFinishPoll:
      return what.finish_poll().queue();
    case routed::Routed::kLeave:
      return what.leave().queue();
    case routed::Routed::kWorkerLeft:
      return what.worker_left();
    case routed::Routed::kDescribe:
      return what.describe().queue();
    default:
      return what.configured();
  }
}

// -- what others say to this node ----------------------------------------------------------------

void router::take_answer(link::incarnation from, routed::Answer& answer) {
  const auto& caller = answer.caller();
  auto bridge = caller.node() == options_.mine ? known_->bridge_of(caller) : bridge_actor{};
  auto& reply = *answer.mutable_reply();
  if (reply.tasks() == cluster::Reply::NOWHERE) {
    if (bridge)
      caf::anon_send(bridge, reply_atom_v, caller.call(), std::move(reply));
    return;
  }
  // From now on this node sees to it that they are taken back when nobody gets them.
  auto tasks = std::make_shared<actors::task_reply>(shared_.returns, std::move(reply));
  routed::Routed out;
  *out.mutable_acknowledged() = caller;
  (void)to_node(from, out);
  if (bridge)
    caf::anon_send(bridge, reply_atom_v, caller.call(), std::move(tasks));
}

void router::take_outcome(const routed::HandedOut& told) {
  auto queue = known_->queue_of(told.queue());
  if (!queue)
    return;
  if (told.outcome() == routed::HandedOut::TAKEN)
    caf::anon_send(queue, taken_atom_v, told.handout());
  else if (told.outcome() == routed::HandedOut::OBSOLETE)
    caf::anon_send(queue, obsolete_atom_v, told.handout());
  else
    caf::anon_send(queue, later_atom_v, told.handout());
}

void router::end_return(std::uint64_t ticket) {
  std::lock_guard lock{mutex_};
  auto found = returns_.find(ticket);
  if (found == returns_.end())
    return;
  found->second.task->is_done = true;
  returns_.erase(found);
}

void router::take_lost_slot(store::slot_id slot) {
  std::vector<slot_actor> lost;
  {
    std::lock_guard lock{mutex_};
    if (!stopped_)
      lost.push_back(stand_ins_[store::range_of(slot)]);
  }
  lose(lost);
}

/// As for one that died here: whoever waits there waits anew, and what it held is offered again.
void router::take_lost_queue(const store::queue_key& queue) {
  queues_.review([&queue](const store::queue_key& known) { return known == queue; });
  offer_again(queue);
}

// -- what cannot be delivered --------------------------------------------------------------------

void router::bounce(link::incarnation to, routed::Routed&& what) {
  bounced_.add();
  routed::Routed out;
  *out.mutable_bounced() = std::move(what);
  (void)to_node(to, out);
}

/// The maps of two nodes differ for a moment.
void router::take_bounced(routed::Routed&& what) {
  if ((!is_for_slot(what) && !is_for_queue(what)) || what.slot() >= store::slot_count)
    return;
  // Its queue hands out anew, by the map of then: it has to know who has what it handed out.
  if (what.has_call() && what.call().has_queue())
    return fail(what);
  what.set_hops(what.hops() + 1);
  // A task on its way back has all the time that it takes.
  if (what.hops() > options_.hops_max && !what.has_return_task())
    return fail(what);
  again_later(std::move(what));
}

void router::again_later(routed::Routed&& what) {
  std::lock_guard lock{mutex_};
  if (stopped_)
    return;
  auto pause = options_.hop_pause * std::clamp(what.hops(), 1U, options_.hops_max);
  later_.emplace(shared_.time.boot_time() + pause, std::move(what));
  arm();
}

void router::fail(routed::Routed& what) {
  failed_.add();
  auto tell = [&](const routed::Caller& caller) {
    auto bridge = can_be_told(caller) ? known_->bridge_of(caller) : bridge_actor{};
    if (bridge)
      caf::anon_send(bridge, reply_atom_v, caller.call(), actors::to_reply(actors::not_served()));
  };
  // Nothing else remembers that it was in vain.
  if (what.has_offer())
    return offer_again(from_proto(what.offer().queue()));
  if (what.has_poll())
    return tell(what.poll().caller());
  if (what.has_describe())
    return tell(what.describe().caller());
  if (!what.has_call())
    return;
  // A poller waits on; its queue hands the task out again.
  if (!what.call().has_queue())
    return tell(what.call().caller());
  routed::HandedOut told;
  told.set_outcome(routed::HandedOut::LATER);
  *told.mutable_queue() = what.call().queue();
  told.set_handout(what.call().request().handout());
  take_outcome(told);
}

} // namespace reprise::cluster
