#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "actors/node/bounds.hpp"
#include "actors/node/hooks.hpp"
#include "actors/node/services.hpp"
#include "actors/queue/queue_directory.hpp"
#include "actors/storage/writer.hpp"
#include "base/metrics.hpp"
#include "cluster/clock_watch.hpp"
#include "cluster/keeper.hpp"
#include "cluster/router/router.hpp"
#include "cluster/supervisor.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace caf {
class actor_system_config;
}

namespace reprise::cluster {

struct node_options {
  /// Everything random comes from it.
  std::uint64_t seed = 0;
  engine::limits bounds{};
  std::size_t memory_budget_bytes = 96U << 20;
  /// How much is held at the same time; `bounds` are what the API allows.
  actors::node_bounds capacity{};
  actors::group_limits group{};
  /// Threads of their own for what blocks. False in simulations: everything runs on the scheduler.
  bool detached = true;
  /// What the others that share the store are told of it: its link's address, if it has one, and
  /// its life, which is drawn where it is left out. See keeper_options.
  store::member self{};
  duration lease_length{};
  std::function<void(bool)> on_serving{};
  /// Members and owners, at each change that is seen. On any thread, one call at a time.
  std::function<void(const store::membership&)> on_membership{};
  /// Called once, on any thread, when the node cannot go on: it serves nothing any more, and the
  /// process had better end, so that another takes over.
  std::function<void(const std::string& why)> on_failed{};
  clock_watch_options watch{};
  /// It shares the slots with other nodes, and messages go to them and come from them; nothing: it
  /// is alone, or stands by. `self` has its link's address then.
  std::optional<router_options> route{};
  /// The machine of each kind; tests bring machines of their own.
  const engine::machine* (*machine_of)(machine_kind) = engine::machine_of;
  /// In simulations: lets the scheduler run until nothing is left to do. Else empty.
  std::function<void()> run_all{};
};

/// What an actor system needs to know before a node can run in it: our messages, and the
/// scheduler's policy.
void prepare(caf::actor_system_config& config);

/// One server without its front door: the actors on a store. start() returns at once; the node
/// serves while it holds ranges of the store's slots. The clock, the store, the metrics and the
/// actor system must outlive it. stop() or the destructor ends its actors; calls are answered
/// UNAVAILABLE from then on.
class node {
public:
  node(caf::actor_system& system, store::store& db, const clock& time, metrics& m,
       node_options options);
  ~node();

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  void start();

  /// Where its link listens, as others reach it; before start().
  void set_link_address(std::string address) {
    options_.self.link_address = std::move(address);
  }

  /// Waits, at most for `patience`, until no call is under way. Calls are taken as before.
  void settle(duration patience);
  /// Ends long polls, lets what was decided become durable, gives the slots and the lease up.
  /// Blocks; at most for `patience`.
  void drain(duration patience = std::chrono::seconds{5});
  void stop();

  bool serving() const noexcept {
    return serving_.load(std::memory_order_acquire);
  }

  /// The incarnation under which it is a member; 0: it is none, or not yet.
  store::incarnation_id incarnation() const noexcept {
    return incarnation_.load(std::memory_order_acquire);
  }

  /// Its process, as links name it.
  std::uint64_t life() const noexcept {
    return options_.self.life;
  }

  /// What keeps the node alive has died; see node_options::on_failed.
  bool failed() const noexcept {
    return failed_.load(std::memory_order_acquire);
  }

  caf::actor_system& system() noexcept {
    return system_;
  }

  actors::services& shared() noexcept {
    return shared_;
  }

  actors::queue_directory& queues() noexcept {
    return queues_;
  }

  /// Null where the node is alone. Whoever gives it a carrier takes that away again before stop().
  router* route() noexcept {
    return router_.get();
  }

  actors::namespace_registry& namespaces() noexcept {
    return namespaces_;
  }

  const slot_actor& slot_for(const std::string& namespace_id, machine_kind kind,
                             const std::string& id) const {
    return shared_.slot_for(namespace_id, kind, id);
  }

  /// Of the actor that a request or a task names.
  template <class Message>
  const slot_actor& slot_for(const Message& m) const {
    return shared_.slot_for(m);
  }

  /// Of a workflow id.
  const slot_actor& slot_for(const std::string& namespace_id,
                             const std::string& workflow_id) const {
    return slot_for(namespace_id, machine_kind::workflow, workflow_id);
  }

private:
  void watch(actors::ward w);
  void begin_supervision();
  void begin_clock_watch();
  void begin_slots();
  void begin_timer();
  void begin_inbox_sweep();
  void begin_namespace_upkeep();
  void on_serving(bool serving);
  void on_membership(const store::membership& seen);
  void fail(const std::string& why);
  void end_supervision();
  void end_actors();

  caf::actor_system& system_;
  node_options options_;
  metrics& metrics_;
  actors::hooks hooks_;
  actors::namespace_registry namespaces_;
  actors::services shared_;
  actors::queue_directory queues_;
  std::unique_ptr<router> router_;
  actors::handle_cell<watch_actor> clock_watch_;
  actors::handle_cell<sweep_actor> inbox_sweep_;
  std::atomic<store::incarnation_id> incarnation_{0};
  std::atomic<bool> serving_{false};
  std::atomic<bool> failed_{false};
  bool started_ = false;
};

} // namespace reprise::cluster
