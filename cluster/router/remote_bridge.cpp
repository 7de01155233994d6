#include "cluster/router/remote_bridge.hpp"

#include "actors/call/errors.hpp"
#include "actors/call/outcome.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <utility>
#include <variant>

namespace reprise::cluster {

void remote_bridge::begin(caf::actor_system& system) {
  auto answers = [](std::shared_ptr<remote_bridge> me) -> bridge_actor::behavior_type {
    return {
      [me](reply_atom, std::uint64_t call, const cluster::Reply& reply) {
        me->on_reply(call, reply);
      },
      [me](reply_atom, std::uint64_t call, const std::shared_ptr<actors::task_reply>& reply) {
        me->on_tasks(call, reply);
      },
    };
  };
  actor_ = system.spawn(answers, shared_from_this());
}

routed::Routed remote_bridge::answer(std::uint64_t call, const cluster::Reply& reply) const {
  routed::Routed out;
  auto& to = *out.mutable_answer()->mutable_caller();
  to.set_node(node_);
  to.set_bridge(number_);
  to.set_call(call);
  *out.mutable_answer()->mutable_reply() = reply;
  return out;
}

void remote_bridge::on_reply(std::uint64_t call, const cluster::Reply& reply) {
  end_call(call);
  // One that is refused for its size is not the last word.
  if (!send_(node_, answer(call, reply)))
    send_(node_, answer(call, actors::to_reply(actors::overloaded())));
}

void remote_bridge::on_tasks(std::uint64_t call, const std::shared_ptr<actors::task_reply>& reply) {
  end_call(call);
  {
    std::lock_guard lock{mutex_};
    // Nobody has them: they are taken back with the reply.
    if (has_ended_)
      return;
    tasks_.insert_or_assign(call, reply);
  }
  if (send_(node_, answer(call, reply->see())))
    return;
  std::lock_guard lock{mutex_};
  tasks_.erase(call);
}

void remote_bridge::begin_call(std::uint64_t call, call_server by) {
  std::lock_guard lock{mutex_};
  if (!has_ended_)
    calls_.insert_or_assign(call, std::move(by));
}

void remote_bridge::end_call(std::uint64_t call) {
  std::lock_guard lock{mutex_};
  calls_.erase(call);
}

void remote_bridge::tell_cancelled(std::uint64_t call, const call_server& by) {
  std::visit([&](const auto& who) { caf::anon_send(who, cancel_atom_v, call, actor_); }, by);
}

void remote_bridge::cancel_call(std::uint64_t call) {
  std::lock_guard lock{mutex_};
  auto found = calls_.find(call);
  if (found == calls_.end())
    return;
  tell_cancelled(call, found->second);
  calls_.erase(found);
}

void remote_bridge::on_acknowledged(std::uint64_t call) {
  std::shared_ptr<actors::task_reply> had;
  std::lock_guard lock{mutex_};
  auto found = tasks_.find(call);
  if (found == tasks_.end())
    return;
  had = std::move(found->second);
  tasks_.erase(found);
  (void)had->take();
}

bool remote_bridge::is_idle() {
  std::lock_guard lock{mutex_};
  return tasks_.empty();
}

void remote_bridge::end() {
  std::map<std::uint64_t, call_server> calls;
  std::map<std::uint64_t, std::shared_ptr<actors::task_reply>> tasks;
  {
    std::lock_guard lock{mutex_};
    has_ended_ = true;
    calls.swap(calls_);
    tasks.swap(tasks_);
  }
  for (const auto& [call, by] : calls)
    tell_cancelled(call, by);
  caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
}

} // namespace reprise::cluster
