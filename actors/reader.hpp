#pragma once

#include "protocol/interfaces.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <cstddef>
#include <vector>

namespace reprise::actors {

/// The actors that may block on the store. post() is thread-safe; jobs run side by side, in any
/// order.
class reader_pool {
public:
  /// `jobs_max`: how many jobs may wait or run; more are refused.
  explicit reader_pool(std::size_t jobs_max) : jobs_max_(jobs_max) {
  }

  /// `detached`: each has a thread of its own. Else they share the scheduler's (simulation).
  void start(caf::actor_system& system, std::size_t count, bool detached);
  /// From now on no job is taken; the readers end when they have run those that were.
  void stop();

  /// To wait for their end: until then a job may be using what its poster owns.
  const std::vector<reader_actor>& all() const noexcept {
    return readers_;
  }

  /// False when too many wait already, or the pool does not run; the job is dropped then. One that
  /// was taken is run.
  [[nodiscard]] bool post(store_job job);

  std::size_t waiting() const noexcept {
    return waiting_.load(std::memory_order_relaxed);
  }

private:
  const std::size_t jobs_max_;
  std::vector<reader_actor> readers_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> waiting_{0};
  std::atomic<bool> open_{false};
  /// Threads between the look at open_ and the message to a reader.
  std::atomic<int> posting_{0};
};

} // namespace reprise::actors
