#pragma once

#include "actors/node/handle_cell.hpp"
#include "actors/node/services.hpp"
#include "actors/queue/queue_hooks.hpp"
#include "actors/queue/queue_places.hpp"
#include "protocol/interfaces.hpp"
#include "store/types.hpp"

#include <caf/fwd.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace reprise::actors {

/// What of a task queue survives its actor. Shared by the directory and the actor.
struct queue_facts {
  store::queue_key key{};
  /// When a worker was last seen on it (nanoseconds since the epoch), 0: never.
  std::atomic<std::int64_t> last_poll_ns{0};
};

/// Finds the actor of a task queue, and spawns it when there is none. Thread-safe; finding one that
/// is there takes one shared lock of many. When one dies of an error, whoever listens is told, and
/// executions offer again what waits for that queue (invariant 6).
class queue_directory {
public:
  using lost_handler = std::function<void(const store::queue_key&)>;

  queue_directory(caf::actor_system& system, services& shared, metrics& m);
  ~queue_directory();

  queue_directory(const queue_directory&) = delete;
  queue_directory& operator=(const queue_directory&) = delete;

  /// Which queues are elsewhere: those get another actor. Before any is found; null: all are here.
  void set_places(queue_places* which) noexcept {
    places_.store(which, std::memory_order_release);
  }

  /// Queues may live in other nodes.
  bool may_move() const noexcept {
    return places_.load(std::memory_order_acquire) != nullptr;
  }

  /// Null when there are too many queues or the directory was stopped.
  queue_actor find(const store::queue_key& key);
  /// The queue that holds tasks like this one.
  queue_actor find(const cluster::Task& task);
  /// Null when there is none; makes none.
  queue_actor find_known(const store::queue_key& key) const;
  /// The same for one that is to hear something: where it is elsewhere, it may be there.
  queue_actor find_to_tell(const store::queue_key& key);
  /// A worker waited on this queue at or after `since`; of one that is elsewhere nobody here knows,
  /// and that one refuses what it has no worker for.
  bool polled_since(const store::queue_key& key, time_point since) const;

  /// The worker that a sticky queue belongs to has left: from now on its tasks go to the normal
  /// queue. Makes no queue.
  void on_worker_left(const store::queue_key& key);

  /// These are other nodes' now, or this one's, or held by one that lost them: whoever listens
  /// hears of each as of one that is lost, and the next is found where it is now.
  void review(const std::function<bool(const store::queue_key&)>& moved);

  /// To all queues: the slot that was this actor is dead.
  void on_slot_lost(caf::actor_id slot) const;
  /// To all queues: the slots are this node's again, or for the first time. What other servers'
  /// queues did in between to rows of the backlog, nobody here knows.
  void on_taken_over() const;

  /// The wall clock moved: all queues are to find out anew how long they wait.
  void tell_clock_moved() const;

  /// Tasks that this server does itself (protocol::own_work_queue) go to this actor from now on.
  /// Before, they find no queue, and wait. One thread at a time.
  void do_own_work(queue_actor who);

  /// Called, on any thread, after a queue's actor died of an error. Null: nobody listens.
  void on_lost(lost_handler listener);

  /// From a queue that has nothing to do: from now on find() gives another. What still reaches the
  /// old one, it passes on.
  void retire(const store::queue_key& which, const queue_actor& who);

  /// Ends all queues and waits for them. `run_all`: see cluster::node_options.
  void stop(const std::function<void()>& run_all);

private:
  struct entry {
    std::shared_ptr<queue_facts> facts{};
    queue_actor actor{};
    /// It stands for one that is elsewhere.
    bool is_elsewhere = false;
  };

  struct shard {
    mutable std::shared_mutex mutex{};
    std::unordered_map<std::string, entry> entries{};
    /// On their way out; see retire().
    std::vector<queue_actor> retired{};
  };

  static std::string name_of(const store::queue_key& key);
  const shard& shard_of(const std::string& name) const;
  shard& shard_of(const std::string& name);
  queue_actor spawn(const store::queue_key& key, const std::string& name, shard& where);
  bool is_elsewhere(const store::queue_key& key) const;
  void on_down(const queue_facts& which, caf::actor_id who, bool failed);

  caf::actor_system& system_;
  services& shared_;
  queue_hooks hooks_;
  std::array<shard, 32> shards_;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> open_{true};
  std::atomic<queue_places*> places_{nullptr};
  handle_cell<queue_actor> own_work_;
  std::shared_mutex listener_mutex_;
  lost_handler listener_;
};

} // namespace reprise::actors
