#include "store/sorting.hpp"

#include "store/columns.hpp"
#include "store/value_counts.hpp"

#include <algorithm>
#include <compare>

namespace reprise::store {

namespace {

/// Of two values of one type.
std::partial_ordering compare(const search_value& a, const search_value& b) {
  if (auto order = a.texts <=> b.texts; order != 0)
    return order;
  if (auto order = a.integer <=> b.integer; order != 0)
    return order;
  return a.real <=> b.real;
}

} // namespace

bool is_missing(const search_value& value) noexcept {
  return value.type == value_type::keyword && value.texts.empty();
}

search_value sort_value(const visibility_row& row, const sort_key& key) {
  auto value = value_of(row, key.attribute, key.type);
  if (value.type != value_type::keyword_list)
    return value;
  if (value.texts.empty())
    return {};
  auto ends = std::ranges::minmax_element(value.texts);
  return {.type = value.type, .texts = {key.is_descending ? *ends.max : *ends.min}};
}

sorted_place sorted_place_of(const visibility_row& row, std::span<const sort_key> order) {
  sorted_place place{.key = row.key};
  for (const auto& key : order)
    place.values.push_back(sort_value(row, key));
  return place;
}

bool is_sorted_before(const sorted_place& a, const sorted_place& b,
                      std::span<const sort_key> order) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    auto a_missing = is_missing(a.values[i]);
    if (a_missing != is_missing(b.values[i]))
      return !a_missing;
    auto which = a_missing ? std::partial_ordering::equivalent : compare(a.values[i], b.values[i]);
    if (which != 0)
      return order[i].is_descending ? which > 0 : which < 0;
  }
  return a.key > b.key;
}

std::optional<error> refuse_sorting(std::span<const sort_key> order) {
  for (const auto& key : order)
    if (find_system_column(key.attribute) == nullptr && key.type == value_type::text)
      return make_error(errc::invalid_argument,
                        "Lists cannot be sorted by a text: " + key.attribute);
  return std::nullopt;
}

} // namespace reprise::store
