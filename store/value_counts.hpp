#pragma once

#include "base/error.hpp"
#include "store/filter.hpp"

namespace reprise::store {

/// Counts by value, in the order that count_by answers: by value, rows without one first, so that
/// all backends answer the same.
class value_counts {
public:
  void add(search_value value, std::int64_t count);
  /// Ends the counting.
  std::vector<group_count> sorted();

private:
  std::vector<group_count> groups_;
};

/// The value by which count_by groups the row; a keyword without texts when it lacks the attribute.
search_value value_of(const visibility_row& row, const std::string& attribute, value_type type);

/// Lists and texts have no single value to group by (invalid_argument).
std::optional<error> refuse_grouping(const std::string& attribute, value_type type);

} // namespace reprise::store
