#include "store/sql/pages.hpp"

#include "store/columns.hpp"

#include <algorithm>
#include <vector>

namespace reprise::store::sql {

namespace {

/// Running and paused.
bool is_open_status(const search_value& status) {
  return status.type == value_type::integer && (status.integer == 1 || status.integer == 8);
}

bool is_of_open(const filter& leaf) {
  if (leaf.attribute != "ExecutionStatus" || leaf.values.empty())
    return false;
  if (leaf.what == filter::op::equal)
    return is_open_status(leaf.values.front());
  return leaf.what == filter::op::in && std::ranges::all_of(leaf.values, is_open_status);
}

bool is_walk(const list_cursor& behind) {
  return behind.walk_began && !behind.close_time;
}

/// "Started before, or at the same time with a lower key."
std::string started_behind(const std::string& table, const list_cursor& behind) {
  auto start = std::to_string(nanoseconds(behind.start_time));
  return table + "start_time <= " + start + " AND (" + table + "start_time < " + start + " OR "
         + table + "run_key < " + std::to_string(behind.key) + ")";
}

/// Conditions that part the rows behind a place, each with the order in which its range is read.
std::vector<std::pair<std::string, std::string>> parts_of(const row_source& from,
                                                          const list_cursor& behind) {
  const auto& i = from.in_order;
  auto close = i + "close_order";
  auto by_start = " ORDER BY " + i + "start_time DESC, " + i + "run_key DESC";
  auto place = std::to_string(close_order(behind));
  std::vector<std::pair<std::string, std::string>> parts;
  parts.emplace_back(close + " = " + place + " AND " + started_behind(i, behind), by_start);
  if (from.is_open_only)
    return parts;
  auto before = " < " + place;
  if (is_walk(behind)) {
    auto began = std::to_string(nanoseconds(*behind.walk_began));
    parts.emplace_back(close + " > " + began + " AND " + close + before + " AND "
                         + started_behind(i, behind),
                       by_start);
    before = " <= " + began;
  }
  parts.emplace_back(close + before, order_of_lists(i));
  return parts;
}

} // namespace

bool asks_for_open_only(machine_kind kind, const filter& f) {
  if (f.what == filter::op::both)
    return std::ranges::any_of(
      f.children, [kind](const auto& child) { return asks_for_open_only(kind, child); });
  return kind == machine_kind::workflow && f.children.empty() && is_of_open(f);
}

std::string order_of_lists(const std::string& table) {
  return " ORDER BY " + table + "close_order DESC, " + table + "start_time DESC, " + table
         + "run_key DESC";
}

int parts_behind(const row_source& from, const list_cursor& behind) {
  return static_cast<int>(parts_of(from, behind).size());
}

std::string keys_behind(const row_source& from, const list_cursor& behind, std::uint64_t limit) {
  std::string out;
  for (const auto& [condition, order] : parts_of(from, behind)) {
    auto name = " q" + std::to_string(out.size());
    out += (out.empty() ? "" : " UNION ALL ")
           + ("SELECT place FROM (SELECT v.run_key AS place "
              "FROM "
              + from.tables)
           + " WHERE " + from.where + " AND " + condition + order + " LIMIT "
           + std::to_string(limit) + ")" + name;
  }
  return out;
}

std::string order_behind(const list_cursor& behind) {
  if (!is_walk(behind))
    return order_of_lists("v.");
  return " ORDER BY CASE WHEN v.close_order > " + std::to_string(nanoseconds(*behind.walk_began))
         + " THEN " + std::to_string(open_run_order)
         + " ELSE v.close_order END DESC, v.start_time DESC, v.run_key DESC";
}

} // namespace reprise::store::sql
