#include "tests/simulation/model/losses.hpp"

#include "actors/node/services.hpp"
#include "actors/queue/task_queue.hpp"
#include "actors/slot/slot.hpp"
#include "tests/simulation/model/client.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/message_id.hpp>

#include <set>

namespace reprise::simulation {

namespace {

/// The slots of all workflows that there are.
std::set<std::size_t> slots_used() {
  std::set<std::size_t> out;
  for (const auto& id : workflow_ids())
    out.insert(store::slot_of(namespace_id, machine_kind::workflow, id));
  return out;
}

/// Hears everything, says nothing.
caf::behavior deaf(caf::event_based_actor* self) {
  self->set_default_handler(
    [](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
      return caf::message{};
    });
  return {[](tick_atom, tick_atom) {}};
}

} // namespace

losses::losses(universe& all, loss_plan& plan, caf::actor_system& system)
  : all_(all), plan_(plan), system_(system) {
}

void losses::note(const char* text) {
  plan_.armed = false;
  ++plan_.lost;
  ++all_.happened[text];
  all_.say(text);
}

void losses::begin(actors::services& shared) {
  shared_ = &shared;
  if (plan_.what != loss::offer)
    return;
  shared.queue_of = [this, real = shared.queue_of](const cluster::Task& task) {
    // The message is lost, not the queue that it is sent to. The judge looks for tasks of
    // workflows.
    auto queue = real(task);
    if (!plan_.armed || !queue || task.machine() != 0)
      return queue;
    note("a lost offer");
    return caf::actor_cast<queue_actor>(system_.spawn<caf::hidden>(deaf));
  };
}

// -- wakes ---------------------------------------------------------------------------------------

bool losses::takes_wakes(const caf::strong_actor_ptr& who) const {
  if (who == caf::actor_cast<caf::strong_actor_ptr>(shared_->timer.get()))
    return true;
  for (auto n : slots_used())
    if (n < shared_->slots.size()
        && who == caf::actor_cast<caf::strong_actor_ptr>(shared_->slots[n].get()))
      return true;
  return false;
}

void losses::before_time(schedule& waiting, caf::actor_clock::time_point now) {
  using clock = caf::detail::simple_actor_clock;
  if (plan_.what != loss::wake || !plan_.armed || shared_ == nullptr)
    return;
  for (auto place = waiting.begin(); place != waiting.end() && place->first <= now; ++place) {
    const auto& event = *place->second;
    if (event.subtype != clock::actor_msg_type
        || !takes_wakes(static_cast<const clock::actor_msg&>(event).receiver))
      continue;
    waiting.erase(place);
    return note("a lost wake");
  }
}

// -- hand-outs -----------------------------------------------------------------------------------

bool losses::is_queue(caf::resumable* job) {
  return dynamic_cast<actors::task_queue*>(job) != nullptr;
}

bool losses::is_slot(caf::resumable* job) {
  return dynamic_cast<actors::slot*>(job) != nullptr;
}

bool losses::loses(const cluster::ExecutionRequest& request) {
  if (plan_.what == loss::message && request.has_deliver())
    return plan_.armed || request.deliver().again();
  return loses_answers() && !plan_.is_fair && request.has_answered() && all_.random.chance(850);
}

void losses::spawn_stand_ins() {
  for (auto n : slots_used()) {
    auto behave = [this, place = stand_ins_.size()](caf::event_based_actor* self) {
      auto real = [this, place] { return caf::actor_cast<slot_actor>(stand_ins_[place].real); };
      self->set_default_handler([real](caf::scheduled_actor* me,
                                       caf::message_view& x) -> caf::result<caf::message> {
        caf::actor_cast<caf::strong_actor_ptr>(real())->enqueue(
          me->current_sender(), caf::make_message_id(), x.move_content_to_message(), me->context());
        return caf::message{};
      });
      auto on_peer = [this, self, real](peer_atom a, std::uint64_t from,
                                        cluster::ExecutionRequest& request) {
        if (loses(request))
          return note(request.has_deliver() ? "a lost message" : "a lost answer");
        self->send(real(), a, from, std::move(request));
      };
      return caf::behavior{
        std::move(on_peer),
        [this, self, real](call_atom a, std::uint64_t id, bridge_actor& from,
                           cluster::ExecutionRequest& request, queue_actor& queue) {
          if (plan_.what == loss::handout && plan_.armed)
            return note("a lost hand-out");
          self->send(real(), a, id, std::move(from), std::move(request), std::move(queue));
        }};
    };
    auto actor = system_.spawn<caf::hidden>(std::move(behave));
    stand_ins_.push_back({.number = n, .actor = caf::actor_cast<caf::strong_actor_ptr>(actor)});
  }
}

void losses::exchange_slots() {
  if (stand_ins_.empty())
    spawn_stand_ins();
  are_exchanged_ = !are_exchanged_;
  for (auto& s : stand_ins_) {
    if (are_exchanged_)
      s.real = caf::actor_cast<caf::strong_actor_ptr>(shared_->slots[s.number].get());
    shared_->routes.set_own(static_cast<store::slot_id>(s.number),
                            caf::actor_cast<slot_actor>(are_exchanged_ ? s.actor : s.real));
  }
}

} // namespace reprise::simulation
