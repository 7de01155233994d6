#pragma once

#include "base/clock.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace reprise::frontend {

/// Calls a second; none: any number. A bucket that is full lets so many seconds' worth through at
/// once.
struct rate {
  std::optional<double> per_second{};
  double burst = 2;
};

/// Of the calls of one namespace. Nothing is limited unless it is set.
struct rate_limits {
  /// Which calls share a rate.
  enum class group : std::uint8_t {
    others,
    lists,
    changes_of_namespaces,
  };
  static constexpr std::size_t group_count = 3;

  /// By group.
  std::array<rate, group_count> rates{rate{}, rate{.burst = 1}, rate{.burst = 10}};
  /// Calls of one method that wait at the same time for what may be long in coming.
  std::optional<std::size_t> waiting_max{};

  bool any() const noexcept {
    return waiting_max || rates[0].per_second || rates[1].per_second || rates[2].per_second;
  }
};

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
  /// Runs that one batch names: more are refused.
  int batch_runs_max = 1000;
  int batch_rate_max = 600;
  int batch_at_once = 5;
  /// Custom search attributes of one type in a namespace.
  int attributes_of_type_max = 10'000;
  /// Search attributes of a start: how many, bytes of one value, of all with their names; from the
  /// engine's bounds, too.
  std::size_t search_attributes_max = 100;
  std::size_t search_attribute_bytes_max = 2U << 10;
  std::size_t search_attributes_bytes_max = 40U << 10;
  /// Completion callbacks of a start (the engine's, too), bytes of one's URL and of its headers.
  std::size_t callbacks_max = 2000;
  std::size_t callback_url_bytes_max = 1000;
  std::size_t callback_header_bytes_max = 8U << 10;
  /// Links of a request, and bytes of each.
  std::size_t links_max = 10;
  std::size_t link_bytes_max = 4000;
  /// Of a worker's build id of the older way.
  std::size_t build_id_bytes_max = 255;
  std::size_t bad_binaries_max = 10;
  rate_limits rates{};
};

} // namespace reprise::frontend
