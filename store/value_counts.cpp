#include "store/value_counts.hpp"

#include "store/columns.hpp"

#include <algorithm>
#include <tuple>

namespace reprise::store {

namespace {

auto order_of(const search_value& v) {
  return std::tie(v.texts, v.integer, v.real);
}

} // namespace

void value_counts::add(search_value value, std::int64_t count) {
  auto place = std::ranges::lower_bound(
    groups_, value, [](auto& a, auto& b) { return order_of(a) < order_of(b); },
    &group_count::value);
  if (place != groups_.end() && place->value == value)
    place->count += count;
  else
    groups_.insert(place, {.value = std::move(value), .count = count});
}

std::vector<group_count> value_counts::sorted() {
  return std::move(groups_);
}

search_value value_of(const visibility_row& row, const std::string& attribute, value_type type) {
  if (auto column = find_system_column(attribute)) {
    auto value = column->read(row);
    if (attribute == "CloseTime" && !row.close_time)
      return {};
    if (auto text = std::get_if<std::string_view>(&value))
      return {.type = type, .texts = {std::string{*text}}};
    if (auto number = std::get_if<std::int64_t>(&value))
      return {.type = type, .integer = *number};
    return {};
  }
  for (auto& a : row.search_attributes)
    if (a.name == attribute && a.value.type == type)
      return a.value;
  return {};
}

std::optional<error> refuse_grouping(const std::string& attribute, value_type type) {
  if (find_system_column(attribute) != nullptr)
    return std::nullopt;
  if (type != value_type::keyword_list && type != value_type::text)
    return std::nullopt;
  return make_error(errc::invalid_argument,
                    "Counts can be grouped by attributes with a single value only: " + attribute);
}

} // namespace reprise::store
