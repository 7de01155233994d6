#pragma once

#include <caf/detail/simple_actor_clock.hpp>
#include <caf/fwd.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace reprise::cluster {

/// Where a worker of the pool waits while no actor is ready: it turns what comes from outside into
/// calls and messages, on the worker's own thread.
class event_source {
public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~event_source() = default;

  /// Ends what is begun, so that nothing of it is left to do when wait() sleeps; that may make
  /// actors ready, which the worker looks for afterwards. Called before each wait(), by its thread.
  virtual void settle() = 0;
  /// Makes no actor ready before it sleeps. Handles what has come; when nothing has, waits until
  /// something does, wake() was called, or the given moment. Without a moment: for as long as it
  /// takes. By one thread at a time.
  virtual void wait(std::optional<time_point> until) = 0;
  /// Ends a wait(), or else the next one. Any thread.
  virtual void wake() = 0;
};

/// The clock of a worker_pool: its workers deliver what is due, so no thread of its own wakes up
/// for each message that is to be sent later. Thread safe.
class pool_clock final : public caf::detail::simple_actor_clock {
public:
  using super = caf::detail::simple_actor_clock;

  void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                            std::uint64_t id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                         std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point t, caf::strong_actor_ptr receiver,
                        caf::mailbox_element_ptr content) override;
  void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender,
                        caf::message content) override;
  void cancel_all() override;

  /// Told when something is due earlier than all that was there.
  void on_sooner(std::function<void()> tell) {
    tell_ = std::move(tell);
  }

  /// Delivers what is due.
  void deliver();
  /// When the next is due.
  std::optional<time_point> next() const;

private:
  template <class Change>
  void change(Change what);

  static constexpr auto never = std::chrono::steady_clock::duration::max().count();

  // Recursive: what a delivery drops may cancel timeouts.
  mutable std::recursive_mutex mutex_;
  std::atomic<std::chrono::steady_clock::rep> next_{never};
  std::function<void()> tell_;
};

/// CAF's scheduler for a server: a few threads that run actors and, in between, wait in event
/// sources. A call that comes from the network is then decided by the thread that read it and
/// answered from there, without one wake-up of another thread, and several calls that came
/// together share the wake-ups of what they cause. An actor that is made ready by a worker runs on
/// that worker; from other threads, on whoever is free.
class worker_pool final : public caf::scheduler::abstract_coordinator {
public:
  /// Has actor systems of this configuration run on a pool of so many threads.
  static void use(caf::actor_system_config& config, std::size_t workers);
  /// The pool of a system that runs on one.
  static worker_pool& of(caf::actor_system& system);

  explicit worker_pool(caf::actor_system& system);
  ~worker_pool() override;

  /// For CAF.
  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>);

  /// From now on this worker waits in `source`, which must outlive this; none: where it waited at
  /// first. Returns when the worker has left its former source. Not from a worker.
  void attach(std::size_t worker, event_source* source);

  void enqueue(caf::resumable* job) override;

  caf::actor_clock& clock() noexcept override {
    return clock_;
  }

protected:
  void start() override;
  void stop() override;

private:
  class worker;

  void take(worker& w);
  bool sleep(worker& w);
  void woken(worker& w);
  void share(worker& w);
  worker* claim_sleeper();

  pool_clock clock_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  /// Ready, and nobody's yet.
  std::deque<caf::resumable*> shared_;
  std::atomic<std::size_t> shared_size_{0};
  std::atomic<std::size_t> sleepers_{0};
};

} // namespace reprise::cluster
