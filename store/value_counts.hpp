#pragma once

#include "base/result.hpp"
#include "store/filter.hpp"

namespace reprise::store {

/// So many groups may a count have; nobody reads more, and each takes memory.
inline constexpr std::size_t groups_max = 10'000;

/// Counts by value, in the order that count_by answers: by value, rows without one first, so that
/// all backends answer the same.
class value_counts {
public:
  void add(search_value value, std::int64_t count);
  /// Refused (invalid_argument): more than groups_max values.
  result<std::vector<group_count>> sorted() &&;

private:
  std::vector<group_count> groups_;
};

/// The row's value of an attribute; a keyword without texts when it lacks the attribute.
search_value value_of(const visibility_row& row, const std::string& attribute, value_type type);
/// The values by which count_by groups the row: of a list its different elements.
std::vector<search_value> values_of(const visibility_row& row, const std::string& attribute,
                                    value_type type);

/// Texts are found by their words, by which nobody groups (invalid_argument).
std::optional<error> refuse_grouping(const std::string& attribute, value_type type);

} // namespace reprise::store
