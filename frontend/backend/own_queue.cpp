#include "frontend/backend/own_queue.hpp"

#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace reprise::frontend {

namespace {

using listener_ptr = std::shared_ptr<const actors::listener<const cluster::Task&>>;

class own_queue final : public queue_actor::base {
public:
  own_queue(caf::actor_config& config, listener_ptr work)
    : queue_actor::base(config), work_(std::move(work)) {
  }

  // Slots offer; who polls a queue, or asks for one by its name, gets another.
  behavior_type make_behavior() override {
    return {
      [this](offer_atom, const cluster::Task& task) { give(task); },
      [this](poll_atom, std::uint64_t id, const bridge_actor& from, const cluster::Poll&) {
        send(from, reply_atom_v, id, cluster::Reply{});
      },
      [](cancel_atom, std::uint64_t, const bridge_actor&) {},
      [](finish_atom, std::uint64_t, const bridge_actor&) {},
      [](leave_atom, const std::string&) {},
      [](obsolete_atom, std::uint64_t) {},
      [](taken_atom, std::uint64_t) {},
      [](later_atom, std::uint64_t) {},
      [](lost_atom) {},
      [](lost_atom, std::uint64_t) {},
      [this](describe_atom, std::uint64_t id, const bridge_actor& from, const std::string&) {
        send(from, reply_atom_v, id, cluster::Reply{});
      },
      [](configured_atom) {},
      [](clock_atom) {},
      [](tick_atom) {},
      [](tick_atom, std::uint64_t) {},
    };
  }

private:
  void give(const cluster::Task& task) noexcept {
    try {
      work_->tell(task);
    } catch (...) {
      log_thrown(log_level::error, {"own work could not be begun: ", task.workflow_id()});
    }
  }

  listener_ptr work_;
};

} // namespace

queue_actor spawn_own_queue(caf::actor_system& system, listener_ptr work) {
  return system.spawn<own_queue>(std::move(work));
}

} // namespace reprise::frontend
