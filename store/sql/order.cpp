// Values to group and to sort by. A value is an expression over the visibility row `v`.
#include "store/columns.hpp"
#include "store/sql/condition.hpp"

namespace reprise::store::sql {

namespace {

void append(condition& out, const condition& part) {
  out.text += part.text;
  out.parameters.insert(out.parameters.end(), part.parameters.begin(), part.parameters.end());
}

/// Of an attribute's element in `attributes`, or, by `choice` (MIN, MAX), of several.
condition attribute_value(const std::string& attribute, value_type type, const char* choice) {
  condition out;
  auto of_list = type == value_type::keyword_list;
  out.text = std::string{"(SELECT "} + (of_list ? choice : "") + "(" + value_column(type)
             + ") FROM attributes a WHERE a.run_key = v.run_key AND a.name = ? "
             + (of_list ? "" : "AND a.place = 0 ") + "AND a.type = ?)";
  out.parameters = {attribute, std::int64_t{static_cast<int>(type)}};
  return out;
}

condition value_of(const std::string& attribute, value_type type, const char* choice) {
  if (attribute == "CloseTime")
    return {.text = "(CASE WHEN v.close_order < 9223372036854775807 THEN v.close_order END)"};
  if (const auto* column = find_system_column(attribute))
    return {.text = std::string{column->sql}};
  return attribute_value(attribute, type, choice);
}

condition value_of(const sort_key& key) {
  return value_of(key.attribute, key.type, key.is_descending ? "MAX" : "MIN");
}

void add_parameter(condition& out, parameter p) {
  out.text += '?';
  out.parameters.push_back(std::move(p));
}

void bind_value(condition& out, const search_value& value) {
  if (!value.texts.empty())
    add_parameter(out, value.texts.front());
  else if (value.type == value_type::real)
    add_parameter(out, value.real);
  else
    add_parameter(out, value.integer);
}

void write_behind(condition& out, std::span<const sort_key> order,
                  std::span<const search_value> values, std::int64_t key) {
  if (order.empty()) {
    out.text += "v.run_key < ";
    return add_parameter(out, key);
  }
  auto value = value_of(order.front());
  auto rest = [&] { write_behind(out, order.subspan(1), values.subspan(1), key); };
  out.text += '(';
  append(out, value);
  if (is_missing(values.front())) {
    out.text += " IS NULL AND ";
    rest();
    out.text += ')';
    return;
  }
  out.text += order.front().is_descending ? " < " : " > ";
  bind_value(out, values.front());
  out.text += " OR ";
  append(out, value);
  out.text += " IS NULL OR (";
  append(out, value);
  out.text += " = ";
  bind_value(out, values.front());
  out.text += " AND ";
  rest();
  out.text += "))";
}

} // namespace

grouping compile_grouping(const std::string& attribute, value_type type) {
  if (type != value_type::keyword_list || find_system_column(attribute) != nullptr)
    return {.value = value_of(attribute, type, "")};
  grouping out{.value = {.text = "g.text_value"}};
  out.join.text = " LEFT JOIN attributes g ON g.run_key = v.run_key AND g.name = ? AND g.type = ?";
  out.join.parameters = {attribute, std::int64_t{static_cast<int>(type)}};
  return out;
}

condition compile_sort_values(std::span<const sort_key> order) {
  condition out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    out.text += ", ";
    append(out, value_of(order[i]));
    out.text += " AS k" + std::to_string(i);
  }
  return out;
}

std::string sort_terms(std::span<const sort_key> order, std::string_view prefix) {
  std::string out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    auto name = std::string{prefix} + "k" + std::to_string(i);
    out += name + " IS NULL, " + name + (order[i].is_descending ? " DESC, " : ", ");
  }
  return out + std::string{prefix} + "place DESC";
}

condition compile_behind(std::span<const sort_key> order, const sorted_place& place) {
  condition out;
  write_behind(out, order, place.values, place.key);
  return out;
}

} // namespace reprise::store::sql
