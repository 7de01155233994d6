#include "cluster/router/stand_ins.hpp"

#include "cluster/router/router.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace reprise::cluster {

namespace {

class remote_slots final : public slot_actor::base {
public:
  remote_slots(caf::actor_config& config, router& by, store::range_id range)
    : slot_actor::base(config), router_(by), range_(range) {
  }

  // What only a node's own actors say to a slot does not come here.
  behavior_type make_behavior() override {
    return {
      [this](call_atom, std::uint64_t id, const bridge_actor& from,
             cluster::ExecutionRequest& request) { call(id, from, request, nullptr); },
      [this](call_atom, std::uint64_t id, const bridge_actor& from,
             cluster::ExecutionRequest& request,
             const queue_actor& queue) { call(id, from, request, &queue); },
      [this](cancel_atom, std::uint64_t id, const bridge_actor& from) { cancel(id, from); },
      [this](returned_atom, actors::returned_task_ptr& task) {
        auto slot = slot_of_actor(task->task().request);
        router_.give_back(slot, std::move(task));
      },
      [this](peer_atom, std::uint64_t from_slot, cluster::ExecutionRequest& request) {
        tell_peer(from_slot, request);
      },
      [](inbox_atom, const std::shared_ptr<actors::inbox_look>&) {},
      [this](refuse_atom, cluster::Task& task, bool sticky) { refuse(task, sticky); },
      [](result_atom, const std::shared_ptr<actors::outcome>&) {},
      [](wake_atom, const std::string&, std::uint8_t, const std::string&, const std::string&,
         std::uint64_t) {},
      [](reoffer_atom, const std::string&, std::uint8_t, const std::string&, const std::string&,
         const std::string&, std::uint64_t) {},
      [](epoch_atom, std::uint64_t) {},
      [](epoch_atom, std::uint64_t, std::uint64_t) {},
      [](order_atom, const std::shared_ptr<actors::run_order>&) {},
      [](trim_atom) {},
      [](clock_atom) {},
      [](tick_atom, std::uint64_t) {},
    };
  }

private:
  void call(std::uint64_t id, const bridge_actor& from, cluster::ExecutionRequest& request,
            const queue_actor* queue) {
    routed::Routed out;
    out.set_slot(slot_of_actor(request));
    auto& call = *out.mutable_call();
    *call.mutable_caller() = router_.known().caller_of(from, id);
    *call.mutable_request() = std::move(request);
    if (queue != nullptr)
      *call.mutable_queue() = router_.known().number_of(*queue);
    router_.to_slot(std::move(out));
  }

  /// Which slot has it the other node knows.
  void cancel(std::uint64_t id, const bridge_actor& from) {
    routed::Routed out;
    out.set_slot(store::first_slot(range_));
    *out.mutable_cancel_call() = router_.known().caller_of(from, id);
    router_.to_slot(std::move(out));
  }

  void tell_peer(std::uint64_t from_slot, cluster::ExecutionRequest& request) {
    routed::Routed out;
    out.set_slot(request.has_forget() ? request.forget().slot() : slot_of_actor(request));
    out.mutable_peer()->set_from_slot(static_cast<std::uint32_t>(from_slot));
    *out.mutable_peer()->mutable_request() = std::move(request);
    router_.to_slot(std::move(out));
  }

  void refuse(cluster::Task& task, bool sticky) {
    routed::Routed out;
    out.set_slot(slot_of_actor(task));
    out.mutable_refuse()->set_sticky(sticky);
    *out.mutable_refuse()->mutable_task() = std::move(task);
    router_.to_slot(std::move(out));
  }

  router& router_;
  const store::range_id range_;
};

class remote_queue final : public queue_actor::base {
public:
  /// Longer than any poll waits.
  static constexpr duration idle_max = std::chrono::minutes{5};
  /// How long one that was replaced passes on what still reaches it.
  static constexpr duration retired_for = std::chrono::minutes{1};

  remote_queue(caf::actor_config& config, router& by, const store::queue_key& queue)
    : queue_actor::base(config), router_(by), queue_(to_proto(queue)), slot_(slot_of(queue)) {
  }

  behavior_type make_behavior() override {
    delayed_send(this, idle_max, tick_atom_v);
    return {
      [this](offer_atom, cluster::Task& task) {
        auto out = begin();
        auto& offer = *out.mutable_offer();
        *offer.mutable_queue() = queue_;
        *offer.mutable_task() = std::move(task);
        router_.to_slot(std::move(out));
      },
      [this](poll_atom, std::uint64_t id, const bridge_actor& from, cluster::Poll& poll) {
        auto out = begin();
        auto& wait = *out.mutable_poll();
        *wait.mutable_queue() = queue_;
        *wait.mutable_caller() = router_.known().caller_of(from, id);
        *wait.mutable_poll() = std::move(poll);
        router_.to_slot(std::move(out));
      },
      [this](cancel_atom, std::uint64_t id, const bridge_actor& from) {
        auto out = begin();
        about(*out.mutable_cancel_poll(), id, from);
        router_.to_slot(std::move(out));
      },
      [this](finish_atom, std::uint64_t id, const bridge_actor& from) {
        auto out = begin();
        about(*out.mutable_finish_poll(), id, from);
        router_.to_slot(std::move(out));
      },
      [this](leave_atom, const std::string& worker) {
        auto out = begin();
        *out.mutable_leave()->mutable_queue() = queue_;
        out.mutable_leave()->set_worker_instance_key(worker);
        router_.to_slot(std::move(out));
      },
      // Slots answer whoever handed out.
      [](obsolete_atom, std::uint64_t) {},
      [](taken_atom, std::uint64_t) {},
      [](later_atom, std::uint64_t) {},
      [this](lost_atom) {
        auto out = begin();
        *out.mutable_worker_left() = queue_;
        router_.to_slot(std::move(out));
      },
      [](lost_atom, std::uint64_t) {},
      [this](describe_atom, std::uint64_t id, const bridge_actor& from, std::string& request) {
        auto out = begin();
        auto& asked = *out.mutable_describe();
        *asked.mutable_queue() = queue_;
        *asked.mutable_caller() = router_.known().caller_of(from, id);
        asked.set_request(std::move(request));
        router_.to_slot(std::move(out));
      },
      [this](configured_atom) {
        auto out = begin();
        *out.mutable_configured() = queue_;
        router_.to_slot(std::move(out));
      },
      [](clock_atom) {},
      [this](tick_atom) { retire_when_idle(); },
      [](tick_atom, std::uint64_t) {},
    };
  }

private:
  void retire_when_idle() {
    if (is_retired_)
      return quit();
    is_retired_ = !std::exchange(was_used_, false);
    if (is_retired_)
      router_.retire(from_proto(queue_), queue_actor{this});
    delayed_send(this, is_retired_ ? retired_for : idle_max, tick_atom_v);
  }

  routed::Routed begin() {
    was_used_ = true;
    routed::Routed out;
    out.set_slot(slot_);
    return out;
  }

  void about(routed::QueueCall& out, std::uint64_t id, const bridge_actor& from) {
    *out.mutable_queue() = queue_;
    *out.mutable_caller() = router_.known().caller_of(from, id);
  }

  router& router_;
  const routed::Queue queue_;
  const store::slot_id slot_;
  bool was_used_ = true;
  bool is_retired_ = false;
};

} // namespace

slot_actor spawn_remote_slots(caf::actor_system& system, router& by, store::range_id range) {
  return system.spawn<remote_slots>(by, range);
}

queue_actor spawn_remote_queue(caf::actor_system& system, router& by,
                               const store::queue_key& queue) {
  return system.spawn<remote_queue>(by, queue);
}

store::slot_id slot_of(const store::queue_key& queue) {
  return store::slot_of(queue.namespace_id, machine_kind::task_queue,
                        queue_actor_id(queue.kind, queue.name));
}

routed::Queue to_proto(const store::queue_key& queue) {
  routed::Queue out;
  out.set_namespace_id(queue.namespace_id);
  out.set_name(queue.name);
  out.set_kind(static_cast<std::uint32_t>(queue.kind));
  return out;
}

store::queue_key from_proto(const routed::Queue& queue) {
  return {.namespace_id = queue.namespace_id(),
          .name = queue.name(),
          .kind = static_cast<int>(queue.kind())};
}

} // namespace reprise::cluster
