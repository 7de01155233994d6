#pragma once

#include "base/clock.hpp"
#include "store/types.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace reprise::actors {

/// Gives rows their keys: time first, so that rows cluster by age (invariant 8), and the slot last,
/// so that nodes which own different slots never give the same. Thread-safe.
class key_source {
public:
  /// Strictly greater than every key given before in this process.
  std::int64_t next(time_point now, store::slot_id slot) noexcept {
    constexpr std::int64_t epoch_2020_ms = 1'577'836'800'000;
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    auto wanted = std::max<std::int64_t>(ms - epoch_2020_ms, 0) << counter_bits;
    auto last = last_.load(std::memory_order_relaxed);
    std::int64_t ticket = 0;
    do
      ticket = std::max(wanted, last + 1);
    while (!last_.compare_exchange_weak(last, ticket, std::memory_order_relaxed));
    return (ticket << slot_bits) | slot;
  }

  /// No key at or below that one is given from now on, wherever it came from.
  void start_above(std::int64_t key) noexcept {
    auto ticket = key >> slot_bits;
    auto last = last_.load(std::memory_order_relaxed);
    while (last < ticket && !last_.compare_exchange_weak(last, ticket, std::memory_order_relaxed))
      ;
  }

private:
  static constexpr int slot_bits = 12;
  static constexpr int counter_bits = 10;
  static_assert(store::slot_count <= 1U << slot_bits);

  std::atomic<std::int64_t> last_{0};
};

} // namespace reprise::actors
