#pragma once

#include "store/filter.hpp"

#include <limits>
#include <string>
#include <string_view>
#include <variant>

namespace reprise::store {

/// What an open run has instead of a close time where rows are ordered or compared: it is later
/// than any.
inline constexpr std::int64_t open_run_order = std::numeric_limits<std::int64_t>::max();

inline std::int64_t nanoseconds(time_point t) noexcept {
  return t.time_since_epoch().count();
}

inline time_point from_nanoseconds(std::int64_t n) noexcept {
  return time_point{duration{n}};
}

/// The first part of the default order of lists.
inline std::int64_t close_order(const visibility_row& row) noexcept {
  return row.close_time ? nanoseconds(*row.close_time) : open_run_order;
}

inline std::int64_t close_order(const list_cursor& place) noexcept {
  return place.close_time ? nanoseconds(*place.close_time) : open_run_order;
}

/// Between these, without them, lie the ids of all messages that a run wrote first.
inline std::string messages_from(const std::string& run_id) {
  return run_id + ":";
}

inline std::string messages_to(const std::string& run_id) {
  return run_id + ";";
}

/// A value as comparisons see it; monostate: the row has none. The view points into the row.
using cell = std::variant<std::monostate, std::string_view, std::int64_t, double>;

/// One of the attributes that every run has, told once for both meanings of a filter: the C++ one
/// and the SQL one, so that they cannot drift apart.
struct system_column {
  std::string_view name;
  /// The same value as an expression over the visibility table under the alias `v`.
  std::string_view sql;
  bool is_text;
  cell (*read)(const visibility_row& row);
};

/// Nothing when `name` is not a system column's; names are compared as they are.
const system_column* find_system_column(std::string_view name) noexcept;

} // namespace reprise::store
