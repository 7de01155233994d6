#include "frontend/query/values.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/validate/search_attributes.hpp"
#include "temporal/api/enums/v1/workflow.pb.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>

namespace reprise::frontend::query {

namespace enums = temporal::api::enums::v1;

namespace {

constexpr std::array<const char*, 9> status_names{
  "",           "Running",        "Completed", "Failed", "Canceled",
  "Terminated", "ContinuedAsNew", "TimedOut",  "Paused"};

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number n{};
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (end != text.data() + text.size())
    return std::nullopt;
  // Too close to zero for a double is zero.
  if constexpr (std::is_same_v<Number, double>)
    if (failed == std::errc::result_out_of_range)
      if (n = std::strtod(std::string{text}.c_str(), nullptr); std::isfinite(n))
        return n;
  if (failed != std::errc{})
    return std::nullopt;
  return n;
}

/// The fewest digits that read back as the same number, of which the first is a unit of
/// 10^exponent.
struct decimal {
  bool is_negative = false;
  std::string digits{};
  int exponent = 0;
};

decimal digits_of(double x) {
  std::array<char, 32> text{};
  auto end = std::to_chars(text.begin(), text.end(), x, std::chars_format::scientific).ptr;
  std::string_view all{text.begin(), end};
  decimal out{.is_negative = all.starts_with('-')};
  auto e = all.find('e');
  for (char c : all.substr(0, e))
    if (c >= '0' && c <= '9')
      out.digits += c;
  auto power = all.substr(e + (all[e + 1] == '+' ? 2 : 1));
  out.exponent = parse_number<int>(power).value_or(0);
  return out;
}

/// Without an exponent, however long that is.
std::string plain_text(const decimal& d) {
  auto whole = d.exponent + 1;
  auto count = static_cast<int>(d.digits.size());
  std::string out = d.is_negative ? "-" : "";
  if (whole <= 0)
    return out + "0." + std::string(static_cast<std::size_t>(-whole), '0') + d.digits;
  if (whole >= count)
    return out + d.digits + std::string(static_cast<std::size_t>(whole - count), '0');
  return out + d.digits.substr(0, static_cast<std::size_t>(whole)) + "."
         + d.digits.substr(static_cast<std::size_t>(whole));
}

/// As the reference's store (SQLite) spells a number that no integer of it holds.
std::string real_text(const decimal& d) {
  constexpr int smallest = -4;
  constexpr int longest = 17;
  if (d.exponent >= smallest && d.exponent < longest) {
    auto text = plain_text(d);
    return text.contains('.') ? text : text + ".0";
  }
  std::array<char, 16> power{};
  std::snprintf(power.data(), power.size(), "e%+03d", d.exponent);
  return (d.is_negative ? "-" : "") + d.digits.substr(0, 1) + "."
         + (d.digits.size() > 1 ? d.digits.substr(1) : "0") + power.data();
}

/// The text that a number has beside keywords.
std::string stored_text(const std::string& written) {
  auto plain = number_text(written);
  auto x = parse_number<double>(plain);
  return parse_number<std::int64_t>(plain) || !x ? plain : real_text(digits_of(*x));
}

error bad_expression(std::string text) {
  return invalid_argument("invalid query: invalid expression: " + std::move(text));
}

error unexpected_type(const attribute& a, const operand& o) {
  const char* type = "string";
  if (o.what == operand::kind::number)
    type = parse_number<std::int64_t>(o.text) ? "int64" : "float64";
  else if (o.what == operand::kind::boolean)
    type = "bool";
  else if (o.what == operand::kind::null)
    type = "<nil>";
  else if (o.what == operand::kind::tuple)
    type = "[]interface {}";
  return bad_expression(std::string{"unexpected value type "} + type + " for search attribute "
                        + a.name);
}

store::search_value integer(store::value_type type, std::int64_t n) {
  return {.type = type, .integer = n};
}

// Values of another type than the attribute's compare as the reference's store (SQLite) compares
// them: numbers with keywords as texts, texts with numbers as numbers where they spell one, truth
// values as 1 and 0. Whatever spells no number is greater than every number.

std::int64_t truth(const operand& o) {
  return o.text == "true" ? 1 : 0;
}

store::search_value above_all_numbers() {
  return {.type = store::value_type::real, .real = std::numeric_limits<double>::max()};
}

/// The number that a text spells, blanks around it or not; no word such as "inf".
std::string_view number_in(std::string_view text) {
  constexpr const char* blanks = " \t\n\v\f\r";
  auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  text = text.substr(first, text.find_last_not_of(blanks) - first + 1);
  if (text.starts_with('+'))
    text.remove_prefix(1);
  auto behind_sign = text.substr(text.starts_with('-') ? 1 : 0);
  return behind_sign.find_first_of("0123456789.") == 0 ? text : std::string_view{};
}

/// A number, also one that is given as a text: "7".
result<store::search_value> number(const attribute& a, const operand& o) {
  if (o.what == operand::kind::boolean)
    return integer(store::value_type::integer, truth(o));
  if (o.what != operand::kind::number && o.what != operand::kind::text)
    return unexpected_type(a, o);
  auto digits = o.what == operand::kind::text ? number_in(o.text) : std::string_view{o.text};
  if (auto n = parse_number<std::int64_t>(digits))
    return a.type == enums::INDEXED_VALUE_TYPE_DOUBLE
             ? store::search_value{.type = store::value_type::real, .real = static_cast<double>(*n)}
             : integer(store::value_type::integer, *n);
  if (auto x = parse_number<double>(digits))
    return store::search_value{.type = store::value_type::real, .real = *x};
  return o.what == operand::kind::text ? result<store::search_value>{above_all_numbers()}
                                       : unexpected_type(a, o);
}

/// As a text: 1e2 is "100", 1e20 is "1.0e+20", true is "1".
result<store::search_value> keyword(const attribute& a, const operand& o) {
  store::search_value out{.type = store::value_type::keyword};
  if (o.what == operand::kind::text)
    out.texts = {o.text};
  else if (o.what == operand::kind::boolean)
    out.texts = {std::to_string(truth(o))};
  else if (o.what == operand::kind::number && parse_number<double>(o.text))
    out.texts = {stored_text(o.text)};
  else
    return unexpected_type(a, o);
  return out;
}

result<store::search_value> status(const attribute& a, const operand& o) {
  if (o.what == operand::kind::boolean)
    return integer(store::value_type::integer, truth(o));
  if (o.what == operand::kind::number) {
    if (auto n = parse_number<std::int64_t>(o.text))
      return integer(store::value_type::integer, *n);
    return unexpected_type(a, o);
  }
  if (o.what != operand::kind::text)
    return unexpected_type(a, o);
  for (std::size_t i = 1; i < status_names.size(); ++i)
    if (o.text == status_names[i])
      return integer(store::value_type::integer, static_cast<std::int64_t>(i));
  enums::WorkflowExecutionStatus full{};
  if (enums::WorkflowExecutionStatus_Parse(o.text, &full))
    return integer(store::value_type::integer, full);
  return bad_expression("invalid ExecutionStatus value '" + o.text + "'");
}

result<store::search_value> datetime(const attribute& a, const operand& o) {
  // Times are texts there, and so greater than any number.
  if (o.what == operand::kind::boolean)
    return integer(store::value_type::datetime, std::numeric_limits<std::int64_t>::min());
  if (o.what == operand::kind::number)
    if (auto n = parse_number<std::int64_t>(o.text))
      return integer(store::value_type::datetime, *n);
  if (o.what != operand::kind::text)
    return unexpected_type(a, o);
  if (auto n = parse_rfc3339(o.text))
    return integer(store::value_type::datetime, *n);
  return bad_expression("unable to parse datetime '" + o.text + "'");
}

std::int64_t saturated(double nanos) {
  constexpr double most = 9.2e18;
  return static_cast<std::int64_t>(std::min(std::max(nanos, -most), most));
}

/// "1h30m", "1.5h", "2d", "500ms": numbers with units, in nanoseconds.
std::optional<std::int64_t> units(std::string_view text) {
  struct unit {
    std::string_view name;
    double nanos;
  };

  // Longer names first, so that "ms" is not taken for "m".
  static constexpr std::array<unit, 8> known{{{"ns", 1.0},
                                              {"us", 1e3},
                                              {"µs", 1e3},
                                              {"ms", 1e6},
                                              {"s", 1e9},
                                              {"m", 60e9},
                                              {"h", 3600e9},
                                              {"d", 86400e9}}};
  double sign = text.starts_with('-') ? -1 : 1;
  if (text.starts_with('-') || text.starts_with('+'))
    text.remove_prefix(1);
  if (text.empty())
    return std::nullopt;
  double nanos = 0;
  while (!text.empty()) {
    auto digits = text.find_first_not_of("0123456789.");
    auto amount = digits == std::string_view::npos ? std::nullopt
                                                   : parse_number<double>(text.substr(0, digits));
    if (!amount)
      return std::nullopt;
    text.remove_prefix(digits);
    const unit* found = nullptr;
    for (const auto& u : known)
      if (found == nullptr && text.starts_with(u.name))
        found = &u;
    if (found == nullptr)
      return std::nullopt;
    text.remove_prefix(found->name.size());
    nanos += *amount * found->nanos;
  }
  return saturated(sign * nanos);
}

error bad_duration(const std::string& text, const char* why) {
  return invalid_argument("invalid query: invalid value for search attribute ExecutionDuration: "
                          + text + " (" + why + ")");
}

/// "hh:mm:ss"; nothing when the text is not of that form.
std::optional<result<std::int64_t>> clock_time(const std::string& text) {
  auto first = text.find(':');
  auto second = first == std::string::npos ? first : text.find(':', first + 1);
  if (second == std::string::npos)
    return std::nullopt;
  std::string_view view{text};
  auto hours = parse_number<std::uint32_t>(view.substr(0, first));
  auto minutes = parse_number<std::uint32_t>(view.substr(first + 1, second - first - 1));
  auto seconds = parse_number<std::uint32_t>(view.substr(second + 1));
  if (!hours || !minutes || !seconds)
    return std::nullopt;
  if (*minutes > 59)
    return bad_duration(text, "invalid duration: minutes must be from 0 to 59");
  if (*seconds > 59)
    return bad_duration(text, "invalid duration: seconds must be from 0 to 59");
  return saturated((*hours * 3600.0 + *minutes * 60.0 + *seconds) * 1e9);
}

result<store::search_value> execution_duration(const attribute& a, const operand& o) {
  if (o.what == operand::kind::number || o.what == operand::kind::boolean)
    return number(a, o);
  if (o.what != operand::kind::text)
    return unexpected_type(a, o);
  if (auto n = parse_number<std::int64_t>(o.text))
    return integer(store::value_type::integer, *n);
  if (auto n = units(o.text))
    return integer(store::value_type::integer, *n);
  auto n = clock_time(o.text);
  if (!n)
    return bad_duration(o.text, "invalid duration");
  if (!*n)
    return std::move(*n).error();
  return integer(store::value_type::integer, **n);
}

result<store::search_value> words(const operand& o) {
  if (o.what != operand::kind::text)
    return bad_expression("unexpected value type (expected string, got " + shown(o) + ")");
  if (store::words_of(o.text).empty())
    return bad_expression("unexpected value for Text type search attribute (no tokens found in '"
                          + o.text + "')");
  return store::search_value{.type = store::value_type::text, .texts = {o.text}};
}

} // namespace

std::string number_text(const std::string& written) {
  if (auto n = parse_number<std::int64_t>(written))
    return std::to_string(*n);
  auto x = parse_number<double>(written);
  return x ? plain_text(digits_of(*x)) : written;
}

bool is_too_large(const std::string& written) {
  return !std::isfinite(std::strtod(written.c_str(), nullptr));
}

/// The integers of a sign whose decimal text begins with these digits: `n`, then ten numbers from
/// 10n on, then a hundred, and so on.
std::vector<integer_range> integers_beginning_with(std::string_view prefix) {
  constexpr std::uint64_t top = std::numeric_limits<std::int64_t>::max();
  auto is_negative = prefix.starts_with('-');
  if (prefix == "-")
    return {{std::numeric_limits<std::int64_t>::min(), -1}};
  if (prefix == "0")
    return {{0, 0}};
  auto n = parse_number<std::uint64_t>(prefix.substr(is_negative ? 1 : 0));
  if (!n || prefix.find_first_not_of('-') == std::string_view::npos
      || prefix[is_negative ? 1 : 0] == '0')
    return {};
  auto limit = top + (is_negative ? 1 : 0);
  std::vector<integer_range> out;
  std::uint64_t first = *n;
  for (std::uint64_t width = 1; first <= limit; first *= 10, width *= 10) {
    auto last = std::min(first + width - 1, limit);
    // Negation within the unsigned type: the least integer has no positive counterpart.
    out.push_back(
      is_negative
        ? integer_range{static_cast<std::int64_t>(0 - last), static_cast<std::int64_t>(0 - first)}
        : integer_range{static_cast<std::int64_t>(first), static_cast<std::int64_t>(last)});
    if (first > limit / 10)
      break;
  }
  return out;
}

std::string status_name(std::int64_t status) {
  if (status < 0 || status >= static_cast<std::int64_t>(status_names.size()))
    return {};
  return status_names[static_cast<std::size_t>(status)];
}

store::value_type to_value_type(enums::IndexedValueType type) {
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_TEXT:
      return store::value_type::text;
    case enums::INDEXED_VALUE_TYPE_INT:
      return store::value_type::integer;
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return store::value_type::real;
    case enums::INDEXED_VALUE_TYPE_BOOL:
      return store::value_type::boolean;
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      return store::value_type::datetime;
    case enums::INDEXED_VALUE_TYPE_KEYWORD_LIST:
      return store::value_type::keyword_list;
    default:
      return store::value_type::keyword;
  }
}

store::value_type stored_type(const attribute& a) {
  return a.name == "ExecutionStatus" ? store::value_type::integer : to_value_type(a.type);
}

result<store::search_value> value_of(const attribute& a, const operand& o) {
  if (a.name == "ExecutionStatus")
    return status(a, o);
  if (a.name == "ExecutionDuration")
    return execution_duration(a, o);
  switch (a.type) {
    case enums::INDEXED_VALUE_TYPE_INT:
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return number(a, o);
    case enums::INDEXED_VALUE_TYPE_BOOL:
      if (o.what != operand::kind::boolean)
        return number(a, o);
      return integer(store::value_type::boolean, truth(o));
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      return datetime(a, o);
    case enums::INDEXED_VALUE_TYPE_TEXT:
      return words(o);
    case enums::INDEXED_VALUE_TYPE_KEYWORD_LIST:
      if (o.what != operand::kind::text)
        return bad_expression("unexpected value type (expected string, got " + shown(o) + ")");
      return store::search_value{.type = store::value_type::keyword, .texts = {o.text}};
    default:
      return keyword(a, o);
  }
}

} // namespace reprise::frontend::query
