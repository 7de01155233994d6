#include "cluster/router/known_actors.hpp"

#include "cluster/router/remote_bridge.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace reprise::cluster {

namespace {

/// Of one hand-out: gone with the call that holds it.
class remote_queue_actor final : public queue_actor::base {
public:
  remote_queue_actor(caf::actor_config& config, routed::QueueActor queue, known_actors::sender send)
    : queue_actor::base(config), queue_(std::move(queue)), send_(std::move(send)) {
  }

  behavior_type make_behavior() override {
    using told = routed::HandedOut;
    return {
      [](offer_atom, const cluster::Task&) {},
      [](poll_atom, std::uint64_t, const bridge_actor&, const cluster::Poll&) {},
      [](cancel_atom, std::uint64_t, const bridge_actor&) {},
      [](finish_atom, std::uint64_t, const bridge_actor&) {},
      [](leave_atom, const std::string&) {},
      [this](obsolete_atom, std::uint64_t handout) { tell_queue(told::OBSOLETE, handout); },
      [this](taken_atom, std::uint64_t handout) { tell_queue(told::TAKEN, handout); },
      [this](later_atom, std::uint64_t handout) { tell_queue(told::LATER, handout); },
      [](lost_atom) {},
      [](lost_atom, std::uint64_t) {},
      [](describe_atom, std::uint64_t, const bridge_actor&, const std::string&) {},
      [](configured_atom) {},
      [](clock_atom) {},
      [](tick_atom) {},
      [](tick_atom, std::uint64_t) {},
    };
  }

private:
  void tell_queue(routed::HandedOut::Outcome what, std::uint64_t handout) {
    routed::Routed out;
    auto& told = *out.mutable_handed_out();
    told.set_outcome(what);
    *told.mutable_queue() = queue_;
    told.set_handout(handout);
    send_(queue_.node(), out);
  }

  const routed::QueueActor queue_;
  const known_actors::sender send_;
};

} // namespace

known_actors::known_actors(caf::actor_system& system, link::incarnation mine, sender send)
  : system_(system), mine_(mine), send_(std::move(send)) {
}

known_actors::~known_actors() = default;

routed::Caller known_actors::caller_of(const bridge_actor& who, std::uint64_t call) {
  routed::Caller out;
  out.set_call(call);
  std::lock_guard lock{mutex_};
  if (auto found = remote_ids_.find(who.id()); found != remote_ids_.end()) {
    out.set_node(found->second.first);
    out.set_bridge(found->second.second);
    return out;
  }
  bridges_.try_emplace(who.id(), who);
  out.set_node(mine_);
  out.set_bridge(who.id());
  return out;
}

std::shared_ptr<remote_bridge> known_actors::find(const routed::Caller& who) {
  std::lock_guard lock{mutex_};
  auto found = remote_.find({who.node(), who.bridge()});
  return found == remote_.end() ? nullptr : found->second;
}

bridge_actor known_actors::bridge_of(const routed::Caller& who) {
  std::lock_guard lock{mutex_};
  if (who.node() == mine_) {
    auto found = bridges_.find(who.bridge());
    return found == bridges_.end() ? bridge_actor{} : found->second;
  }
  auto& known = remote_[{who.node(), who.bridge()}];
  if (!known) {
    known = std::make_shared<remote_bridge>(who.node(), who.bridge(), send_);
    known->begin(system_);
    remote_ids_[known->actor().id()] = {who.node(), who.bridge()};
  }
  return known->actor();
}

routed::QueueActor known_actors::number_of(const queue_actor& who) {
  routed::QueueActor out;
  out.set_node(mine_);
  out.set_number(who.id());
  {
    std::lock_guard lock{mutex_};
    // A call that is passed on is still its queue's.
    if (auto found = remote_queues_.find(who.id()); found != remote_queues_.end())
      return found->second;
    if (!queues_.try_emplace(who.id(), who).second)
      return out;
  }
  // Outside of the lock: it runs at once when the actor has ended.
  who->attach_functor([known = weak_from_this(), number = who.id()](const caf::error&) {
    if (auto still = known.lock())
      still->forget_queue(number);
  });
  return out;
}

queue_actor known_actors::queue_of(const routed::QueueActor& who) {
  if (who.node() != mine_)
    return spawn_remote_queue_actor(who);
  std::lock_guard lock{mutex_};
  auto found = queues_.find(who.number());
  return found == queues_.end() ? queue_actor{} : found->second;
}

void known_actors::forget_queue(caf::actor_id number) {
  // Gone behind the lock: it may be the last that holds it.
  decltype(queues_)::node_type ended;
  std::lock_guard lock{mutex_};
  ended = queues_.extract(number);
  remote_queues_.erase(number);
}

queue_actor known_actors::spawn_remote_queue_actor(const routed::QueueActor& who) {
  queue_actor made = system_.spawn<remote_queue_actor>(who, send_);
  {
    std::lock_guard lock{mutex_};
    remote_queues_.emplace(made.id(), who);
  }
  made->attach_functor([known = weak_from_this(), number = made.id()](const caf::error&) {
    if (auto still = known.lock())
      still->forget_queue(number);
  });
  return made;
}

void known_actors::begin_call(const routed::Caller& who, call_server by) {
  if (auto known = find(who))
    known->begin_call(who.call(), std::move(by));
}

void known_actors::cancel_call(const routed::Caller& who) {
  if (auto known = find(who))
    known->cancel_call(who.call());
}

void known_actors::on_acknowledged(const routed::Caller& who) {
  if (auto known = find(who))
    known->on_acknowledged(who.call());
}

bool known_actors::is_idle() {
  std::lock_guard lock{mutex_};
  return std::ranges::all_of(remote_, [](const auto& r) { return r.second->is_idle(); });
}

void known_actors::forget(link::incarnation node) {
  std::vector<std::shared_ptr<remote_bridge>> gone;
  {
    std::lock_guard lock{mutex_};
    auto first = remote_.lower_bound({node, 0});
    auto last = first;
    for (; last != remote_.end() && last->first.first == node; ++last) {
      remote_ids_.erase(last->second->actor().id());
      gone.push_back(last->second);
    }
    remote_.erase(first, last);
  }
  for (const auto& bridge : gone)
    bridge->end();
}

std::vector<caf::actor> known_actors::stop() {
  std::vector<caf::actor> out;
  // All of them gone behind the lock, which the last hold on an actor may want.
  std::map<bridge_key, std::shared_ptr<remote_bridge>> all;
  decltype(bridges_) bridges;
  decltype(queues_) queues;
  {
    std::lock_guard lock{mutex_};
    all.swap(remote_);
    remote_ids_.clear();
    bridges.swap(bridges_);
    queues.swap(queues_);
  }
  for (const auto& [key, bridge] : all) {
    bridge->end();
    out.push_back(caf::actor_cast<caf::actor>(bridge->actor()));
  }
  return out;
}

} // namespace reprise::cluster
