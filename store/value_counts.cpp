#include "store/value_counts.hpp"

#include "store/columns.hpp"
#include "store/sorting.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace reprise::store {

namespace {

/// Whatever has no value comes first.
auto order_of(const search_value& v) {
  auto has_value = !is_missing(v);
  return std::tuple<bool, const std::vector<std::string>&, std::int64_t, double>{has_value, v.texts,
                                                                                 v.integer, v.real};
}

} // namespace

void value_counts::add(search_value value, std::int64_t count) {
  auto place = std::ranges::lower_bound(
    groups_, value, [](auto& a, auto& b) { return order_of(a) < order_of(b); },
    &group_count::value);
  if (place != groups_.end() && place->value == value)
    place->count += count;
  else if (groups_.size() <= groups_max)
    groups_.insert(place, {.value = std::move(value), .count = count});
}

result<std::vector<group_count>> value_counts::sorted() && {
  if (groups_.size() > groups_max)
    return make_error(errc::invalid_argument, "The query has more than "
                                                + std::to_string(groups_max)
                                                + " groups; please ask for fewer workflows.");
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

std::vector<search_value> values_of(const visibility_row& row, const std::string& attribute,
                                    value_type type) {
  std::vector<search_value> out{value_of(row, attribute, type)};
  if (out.front().type != value_type::keyword_list)
    return out;
  std::set<std::string> elements{out.front().texts.begin(), out.front().texts.end()};
  out.clear();
  for (const auto& text : elements)
    out.push_back({.type = value_type::keyword_list, .texts = {text}});
  if (out.empty())
    out.emplace_back();
  return out;
}

std::optional<error> refuse_grouping(const std::string& attribute, value_type type) {
  if (find_system_column(attribute) != nullptr)
    return std::nullopt;
  if (type != value_type::text)
    return std::nullopt;
  return make_error(errc::invalid_argument, "Counts cannot be grouped by a text: " + attribute);
}

} // namespace reprise::store
