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

  /// Tells one time of having the lease from the next, and from the time between them. What was
  /// read in one must not be told in another: somebody else may have written in between.
  std::uint64_t tenure() const noexcept {
    return tenure_.load(std::memory_order_acquire);
  }

  /// Valid, and since that time without a break.
  bool valid_since(std::uint64_t tenure) const noexcept {
    return valid() && this->tenure() == tenure;
  }

  /// Stores that only this process can open need no renewal.
  void grant_forever() noexcept {
    set(forever);
  }

  /// `until`: boot time.
  void grant(std::chrono::nanoseconds until) noexcept {
    set(until.count());
  }

  void revoke() noexcept {
    until_ns_.store(0, std::memory_order_release);
    tenure_.fetch_add(1, std::memory_order_acq_rel);
  }

private:
  static constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

  void set(std::int64_t until) noexcept {
    // Whoever sees the lease valid again sees the next tenure, too.
    if (until_ns_.load(std::memory_order_relaxed) == 0)
      tenure_.fetch_add(1, std::memory_order_acq_rel);
    until_ns_.store(until, std::memory_order_release);
  }

  const clock& time_;
  std::atomic<std::int64_t> until_ns_{0};
  std::atomic<std::uint64_t> tenure_{0};
};

} // namespace reprise::actors
