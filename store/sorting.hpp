#pragma once

#include "base/error.hpp"
#include "store/types.hpp"

#include <span>

namespace reprise::store {

/// One part of an order that a caller asks for; the first one counts most. Rows that lack the
/// attribute come last, whatever the direction; rows that are equal in all parts come by their key,
/// descending.
struct sort_key {
  /// As in a filter.
  std::string attribute{};
  value_type type = value_type::keyword;
  bool is_descending = false;
};

/// Where a sorted list goes on: behind the row that has these values, one for each part of the
/// order, and this key.
struct sorted_place {
  std::vector<search_value> values{};
  std::int64_t key = 0;
};

/// Whether it stands for the rows that lack the attribute: a keyword without texts.
bool is_missing(const search_value& value) noexcept;

/// What the row is sorted by. Of a list it is the least element, or the greatest one where the
/// greatest come first.
search_value sort_value(const visibility_row& row, const sort_key& key);
sorted_place sorted_place_of(const visibility_row& row, std::span<const sort_key> order);
/// Both places have a value for each part of the order.
bool is_sorted_before(const sorted_place& a, const sorted_place& b,
                      std::span<const sort_key> order);

/// Texts are found by their words and have no order (invalid_argument).
std::optional<error> refuse_sorting(std::span<const sort_key> order);

} // namespace reprise::store
