#pragma once

#include "base/clock.hpp"

#include <atomic>
#include <cstdint>
#include <limits>

namespace reprise::actors {

/// Until when this node may answer from memory, on the clock that counts through suspends
/// (invariant 3). Written by the keeper, asked before every answer that rests on a read alone;
/// writes are fenced by the store. Thread-safe.
class lease {
public:
  explicit lease(const clock& time) : time_(time) {
  }

  bool valid() const noexcept {
    auto until = until_ns_.load(std::memory_order_acquire);
    return until == forever || (until != 0 && time_.boot_time().count() < until);
  }

  /// Stores that only this process can open need no renewal.
  void grant_forever() noexcept {
    until_ns_.store(forever, std::memory_order_release);
  }

  /// `until`: boot time.
  void grant(std::chrono::nanoseconds until) noexcept {
    until_ns_.store(until.count(), std::memory_order_release);
  }

  void revoke() noexcept {
    until_ns_.store(0, std::memory_order_release);
  }

private:
  static constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

  const clock& time_;
  std::atomic<std::int64_t> until_ns_{0};
};

} // namespace reprise::actors
