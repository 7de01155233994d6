#pragma once

#include "base/clock.hpp"
#include "store/types.hpp"

#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

namespace reprise::actors {

/// Until when this node may answer from memory, on the clock that counts through suspends
/// (invariant 3), and for which ranges of slots. Written by the keeper, asked before every answer
/// that rests on a read alone; writes are fenced by the store. Thread-safe.
class lease {
public:
  explicit lease(const clock& time) : time_(time) {
  }

  bool valid() const noexcept {
    auto until = until_ns_.load(std::memory_order_acquire);
    return until == forever || (until != 0 && time_.boot_time().count() < until);
  }

  /// The range is served here, whenever the lease is valid.
  bool serves(store::range_id range) const noexcept {
    return serves_[range].load(std::memory_order_acquire);
  }

  bool serves_all() const noexcept {
    return served_.load(std::memory_order_acquire) == store::range_count;
  }

  bool valid_for(store::slot_id slot) const noexcept {
    return valid() && serves(store::range_of(slot));
  }

  /// Tells one time of serving a slot from the next, and from the time between them. What was
  /// read in one must not be told in another: somebody else may have written in between.
  std::uint64_t tenure(store::slot_id slot) const noexcept {
    return tenure_.load(std::memory_order_acquire)
           + tenures_[store::range_of(slot)].load(std::memory_order_acquire);
  }

  /// Valid for the slot, and since that time without a break.
  bool valid_since(store::slot_id slot, std::uint64_t tenure) const noexcept {
    return valid_for(slot) && this->tenure(slot) == tenure;
  }

  /// How often ranges came here, ever: whoever is done with all that is served here begins anew.
  std::uint64_t arrivals() const noexcept {
    return arrivals_.load(std::memory_order_acquire);
  }

  /// By the keeper alone.
  void serve(store::range_id range) noexcept {
    if (serves_[range].exchange(true, std::memory_order_acq_rel))
      return;
    served_.fetch_add(1, std::memory_order_acq_rel);
    arrivals_.fetch_add(1, std::memory_order_acq_rel);
  }

  void lose(store::range_id range) noexcept {
    if (!serves_[range].exchange(false, std::memory_order_acq_rel))
      return;
    served_.fetch_sub(1, std::memory_order_acq_rel);
    tenures_[range].fetch_add(1, std::memory_order_acq_rel);
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
  std::vector<std::atomic<bool>> serves_ = std::vector<std::atomic<bool>>(store::range_count);
  std::vector<std::atomic<std::uint64_t>> tenures_
    = std::vector<std::atomic<std::uint64_t>>(store::range_count);
  std::atomic<std::uint32_t> served_{0};
  std::atomic<std::uint64_t> arrivals_{0};
};

} // namespace reprise::actors
