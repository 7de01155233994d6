#pragma once

#include "base/metrics.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace reprise::actors {

/// The two metrics of a bound, by its label (docs/BOUNDS.md).
counter& refused_of(metrics& m, const char* bound);
gauge& used_of(metrics& m, const char* bound);

/// How full the fullest one was, of a bound that each workflow id or each queue has, within the
/// last minute or two. Thread-safe.
class peak {
public:
  explicit peak(gauge& shown) : shown_(shown) {
  }

  peak(const peak&) = delete;
  peak& operator=(const peak&) = delete;

  /// One of them holds so much.
  void note(std::size_t n) noexcept {
    auto value = static_cast<std::int64_t>(n);
    if (value > now_.load(std::memory_order_relaxed)) [[unlikely]]
      raise(value);
  }

  /// A minute is over. For one thread at a time.
  void begin_period() noexcept {
    shown_.set(now_.exchange(0, std::memory_order_relaxed));
  }

private:
  void raise(std::int64_t value) noexcept {
    auto known = now_.load(std::memory_order_relaxed);
    while (value > known && !now_.compare_exchange_weak(known, value, std::memory_order_relaxed)) {
    }
    if (value > shown_.value())
      shown_.set(value);
  }

  gauge& shown_;
  std::atomic<std::int64_t> now_{0};
};

/// What the bounds of a node refused.
struct refusals {
  explicit refusals(metrics& m);

  counter& node_calls;
  counter& node_call_bytes;
  counter& workflow_calls;
  counter& workflow_call_bytes;
  counter& workflow_polls;
  counter& workflow_queries;
  counter& task_queues;
  counter& queue_polls;
  counter& queue_tasks;
  counter& queue_queries;
  counter& deadlines;
  counter& wakes_put_off;
  counter& returned_tasks;
  counter& messages;
  counter& message_bytes;
  counter& store_reads;
  counter& store_scans;
};

/// How full they are.
struct fill_levels {
  explicit fill_levels(metrics& m);

  /// Of all peaks.
  void begin_period() noexcept;

  gauge& node_calls;
  gauge& node_call_bytes;
  gauge& task_queues;
  gauge& deadlines;
  gauge& wakes;
  gauge& wakes_put_off;
  gauge& messages;
  gauge& message_bytes;
  gauge& store_reads;
  gauge& store_scans;
  peak workflow_calls;
  peak workflow_call_bytes;
  peak workflow_polls;
  peak workflow_queries;
  peak queue_polls;
  peak queue_tasks;
  peak queue_queries;
  peak queue_handouts;
  peak returned_tasks;
};

} // namespace reprise::actors
