#pragma once

#include "cluster/router/known_actors.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace reprise::cluster {

class remote_bridge : public std::enable_shared_from_this<remote_bridge> {
public:
  remote_bridge(link::incarnation node, std::uint64_t number, known_actors::sender send)
    : node_(node), number_(number), send_(std::move(send)) {
  }

  /// Begins the actor that stands for it.
  void begin(caf::actor_system& system);

  const bridge_actor& actor() const noexcept {
    return actor_;
  }

  void begin_call(std::uint64_t call, call_server by);
  void cancel_call(std::uint64_t call);
  void on_acknowledged(std::uint64_t call);
  bool is_idle();
  /// Its node is gone.
  void end();

private:
  void end_call(std::uint64_t call);
  void tell_cancelled(std::uint64_t call, const call_server& by);
  routed::Routed answer(std::uint64_t call, const cluster::Reply& reply) const;
  void on_reply(std::uint64_t call, const cluster::Reply& reply);
  void on_tasks(std::uint64_t call, const std::shared_ptr<actors::task_reply>& reply);

  const link::incarnation node_;
  const std::uint64_t number_;
  const known_actors::sender send_;
  bridge_actor actor_;
  std::mutex mutex_;
  bool has_ended_ = false;
  std::map<std::uint64_t, call_server> calls_;
  /// Answers whose tasks the other node has not said to have.
  std::map<std::uint64_t, std::shared_ptr<actors::task_reply>> tasks_;
};

} // namespace reprise::cluster
