#pragma once

#include "actors/queue/task_returns.hpp"
#include "cluster/link/settings.hpp"
#include "protocol/interfaces.hpp"
#include "protocol/routed.pb.h"

#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

namespace reprise::cluster {

/// Who serves a call that came from another node.
using call_server = std::variant<slot_actor, queue_actor>;

/// What stands here for a bridge actor of another node: what it is answered goes there.
class remote_bridge;

/// The actors of this node that others know by number, and those that stand here for theirs.
/// Thread-safe.
class known_actors : public std::enable_shared_from_this<known_actors> {
public:
  /// Sends this to a node; false when it cannot be had or there is no room.
  using sender = std::function<bool(link::incarnation, const routed::Routed&)>;

  known_actors(caf::actor_system& system, link::incarnation mine, sender send);
  ~known_actors();

  known_actors(const known_actors&) = delete;
  known_actors& operator=(const known_actors&) = delete;

  routed::Caller caller_of(const bridge_actor& who, std::uint64_t call);
  /// Null for one of this node that has ended. One of another node is made when it is not there.
  bridge_actor bridge_of(const routed::Caller& who);
  routed::QueueActor number_of(const queue_actor& who);
  /// Tells the queue's node what became of its hand-out; the actor itself in this node, null when
  /// it has ended.
  queue_actor queue_of(const routed::QueueActor& who);

  /// A call of another node's is on its way to who serves it, until it is answered or ends.
  void begin_call(const routed::Caller& who, call_server by);
  /// The caller is gone: whoever serves it hears that.
  void cancel_call(const routed::Caller& who);
  /// The tasks of that answer are the other node's.
  void on_acknowledged(const routed::Caller& who);

  /// No tasks are on their way that nobody has said to have.
  bool is_idle();
  /// Nobody there waits any more: calls are cancelled, tasks that were on their way are taken back.
  void forget(link::incarnation node);
  /// Ends the stand-ins and returns them.
  std::vector<caf::actor> stop();

private:
  using bridge_key = std::pair<link::incarnation, std::uint64_t>;

  std::shared_ptr<remote_bridge> find(const routed::Caller& who);
  void forget_queue(caf::actor_id number);
  /// For one hand-out; ends with the last that holds it.
  queue_actor spawn_remote_queue_actor(const routed::QueueActor& who);

  caf::actor_system& system_;
  const link::incarnation mine_;
  const sender send_;
  std::mutex mutex_;
  std::map<std::uint64_t, bridge_actor> bridges_;
  std::map<std::uint64_t, queue_actor> queues_;
  /// Which queues of other nodes these actors stand for.
  std::map<caf::actor_id, routed::QueueActor> remote_queues_;
  std::map<bridge_key, std::shared_ptr<remote_bridge>> remote_;
  std::map<caf::actor_id, bridge_key> remote_ids_;
};

} // namespace reprise::cluster
