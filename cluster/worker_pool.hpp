#pragma once

#include "cluster/pool_clock.hpp"

#include <caf/fwd.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace reprise::cluster {

/// Where a worker of the pool waits while no actor is ready: it turns what comes from outside into
/// calls and messages. By one thread at a time: the worker's, or that of a stand-in while the
/// worker is busy with one job for long.
class event_source {
public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~event_source() = default;

  /// Ends what is begun, so that nothing of it is left to do when wait() sleeps; that may make
  /// actors ready, which the worker looks for afterwards. Called before each wait().
  virtual void settle() = 0;
  /// Waits until something has come, wake() was called, or the given moment. Without a moment: for
  /// as long as it takes. Makes no actor ready.
  virtual void wait(std::optional<time_point> until) = 0;
  /// Handles what has come. After each wait().
  virtual void handle() = 0;
  /// Ends a wait(), or else the next one. Any thread.
  virtual void wake() = 0;
};

/// CAF's scheduler for a server: a few threads that run actors and, in between, wait in event
/// sources. A call that comes from the network is then decided by the thread that read it and
/// answered from there, without one wake-up of another thread, and several calls that came
/// together share the wake-ups of what they cause. An actor that is made ready by a worker runs on
/// that worker; from other threads, on whoever is free. Of those who sleep one at most watches the
/// clock.
///
/// One job that takes long (a large history is decided on) holds up nothing else: when a worker did
/// not get on for some milliseconds, a stand-in takes what is ready there, waits in its source and
/// watches the clock until the worker is back. There are two; they sleep while all workers do, and
/// look at the workers now and then while some do not.
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

  /// How long a worker that has nothing to do may sleep.
  struct nap {
    std::optional<event_source::time_point> until{};
  };

  template <class Jobs>
  void put(const Jobs& jobs);
  void take(worker& w);
  void share(worker& w);
  std::optional<nap> sleep(worker& w);
  void woken(worker& w);
  void on_sooner();
  // Under the lock.
  worker* claim_sleeper();
  void leaves_sleep(worker& w);
  worker* find_stuck();
  worker* wait_for_stuck(std::unique_lock<std::mutex>& lock);

  void stand_by(worker& me);
  void stand_in(worker& me, worker& stuck);

  pool_clock clock_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<std::unique_ptr<worker>> stand_ins_;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  /// Ready, and nobody's yet.
  std::deque<caf::resumable*> shared_;
  std::atomic<std::size_t> shared_size_{0};
  std::atomic<std::size_t> sleepers_{0};
  /// Who of those that sleep wakes up for the clock, and when. Others may do so, too, once, when
  /// something became due sooner after they fell asleep.
  worker* timekeeper_ = nullptr;
  event_source::time_point timekeeper_until_{};
  /// Whether a stand-in looks at the workers; and whether it rests, since all of them sleep.
  bool is_watched_ = false;
  bool watch_rests_ = false;
  std::condition_variable watch_changed_;
};

} // namespace reprise::cluster
