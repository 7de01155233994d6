#pragma once

#include "base/clock.hpp"

#include <cstddef>

namespace reprise::frontend {

/// Bounds of the calls themselves; the values are the reference server's. Clients are told some of
/// them by DescribeNamespace.
struct front_limits {
  /// Largest blob (input, details, ...) and memo, in bytes. A local_server takes them from the
  /// engine's bounds.
  std::size_t blob_bytes_max = 2U << 20;
  std::size_t memo_bytes_max = 2U << 20;
  /// Longest name or id, in bytes; from the engine's bounds, too.
  std::size_t id_length_max = 1000;
  /// How long a poll for tasks waits at most, and a long poll for history.
  duration task_poll_max = std::chrono::seconds{60};
  duration history_poll_max = std::chrono::seconds{20};
  /// Rows of a page of a list.
  int page_rows_max = 1000;
  /// Batch operations of a namespace that run at the same time; of each one, what it does in a
  /// second and at the same time.
  int batches_max = 1;
  int batch_rate_max = 600;
  int batch_at_once = 5;
  /// Custom search attributes of one type in a namespace.
  int attributes_of_type_max = 100;
};

} // namespace reprise::frontend
