// Search attributes as callers send them: payloads of JSON whose type the namespace knows.

#include "protocol/search_attributes.hpp"

#include "protocol/json_value.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>

namespace reprise::protocol {

namespace {

namespace enums = temporal::api::enums::v1;
using payload_type = temporal::api::common::v1::Payload;
using kind = json_value::kind;

bool read_digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (text.size() < at + count)
    return false;
  const auto* end = text.data() + at + count;
  for (const auto* p = text.data() + at; p != end; ++p)
    if (*p < '0' || *p > '9')
      return false;
  return std::from_chars(text.data() + at, end, out).ptr == end;
}

/// The fraction of a second in nanoseconds; takes it off `rest`.
bool read_fraction(std::string_view& rest, std::int64_t& ns) {
  if (rest.empty() || (rest[0] != '.' && rest[0] != ','))
    return true;
  std::int64_t unit = 100'000'000;
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] >= '0' && rest[i] <= '9'; ++i) {
    ns += (rest[i] - '0') * unit;
    unit /= 10;
  }
  rest.remove_prefix(i);
  return i > 1;
}

/// "Z", "+01:30", "-08:00" in seconds.
bool read_offset(std::string_view rest, std::int64_t& seconds) {
  if (rest == "Z" || rest == "z")
    return true;
  int hours = 0;
  int minutes = 0;
  constexpr std::size_t length = 6;
  if (rest.size() != length || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':'
      || !read_digits(rest, 1, 2, hours) || !read_digits(rest, 4, 2, minutes) || hours > 23
      || minutes > 59)
    return false;
  seconds = (hours * 3600 + minutes * 60) * (rest[0] == '-' ? -1 : 1);
  return true;
}

/// Nanoseconds since the epoch of an RFC 3339 time, and its zone. Beyond what 64 bits hold: the
/// nearest.
std::optional<std::int64_t> parse_time(std::string_view text, std::int32_t& zone) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  constexpr std::size_t fixed_length = 19;
  if (!read_digits(text, 0, 4, year) || !read_digits(text, 5, 2, month)
      || !read_digits(text, 8, 2, day) || !read_digits(text, 11, 2, hour)
      || !read_digits(text, 14, 2, minute) || !read_digits(text, 17, 2, second))
    return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':'
      || text[16] != ':' || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{year},
                                   std::chrono::month{static_cast<unsigned>(month)},
                                   std::chrono::day{static_cast<unsigned>(day)}};
  auto rest = text.substr(fixed_length);
  std::int64_t ns = 0;
  std::int64_t offset = 0;
  if (!date.ok() || !read_fraction(rest, ns) || !read_offset(rest, offset))
    return std::nullopt;
  zone = static_cast<std::int32_t>(offset);
  auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  auto seconds = std::int64_t{days} * 86'400 + hour * 3600 + minute * 60 + second - offset;
  constexpr std::int64_t far = 9'223'372'035;
  return std::clamp(seconds, -far, far) * 1'000'000'000 + ns;
}

template <class T>
bool parse_number(const std::string& text, T& out) {
  const auto* end = text.data() + text.size();
  auto [at, failure] = std::from_chars(text.data(), end, out);
  return failure == std::errc{} && at == end;
}

/// A single value of a type that has no lists.
bool decode_one(const json_value& json, int type, search_attribute_value& out) {
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_TEXT:
    case enums::INDEXED_VALUE_TYPE_KEYWORD:
      out.texts = {json.text};
      return json.what == kind::string;
    case enums::INDEXED_VALUE_TYPE_INT:
      return json.what == kind::number && parse_number(json.text, out.integer);
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return json.what == kind::number && parse_number(json.text, out.real);
    case enums::INDEXED_VALUE_TYPE_BOOL:
      out.integer = json.boolean ? 1 : 0;
      return json.what == kind::boolean;
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      if (json.what != kind::string)
        return false;
      if (auto time = parse_time(json.text, out.zone_seconds)) {
        out.integer = *time;
        return true;
      }
      return false;
    default:
      return false;
  }
}

bool decode(const json_value& json, int type, search_attribute_value& out) {
  if (type == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST) {
    for (const auto& item : json.items) {
      if (item.what != kind::string)
        return false;
      out.texts.push_back(item.text);
    }
    return json.what == kind::list;
  }
  if (json.what == kind::list)
    return json.items.size() == 1 && decode_one(json.items[0], type, out);
  return decode_one(json, type, out);
}

/// As JSON, with the characters escaped that mean something to HTML: clients compare bytes.
void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::string_view escaped = "\"\\\b\f\n\r\t";
  constexpr std::string_view names = "\"\\bfnrt";
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (auto at = escaped.find(c); at != std::string_view::npos) {
      out += '\\';
      out += names[at];
    } else if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 0xF];
    } else {
      out += c;
    }
  }
  out += '"';
}

template <class... Format>
std::string number_text(double value, Format... format) {
  constexpr std::size_t longest = 400;
  std::string out(longest, ' ');
  auto end = std::to_chars(out.data(), out.data() + out.size(), value, format...).ptr;
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

/// Plain digits, but for what would be very long.
std::string real_text(double value) {
  constexpr double smallest = 1e-6;
  constexpr double largest = 1e21;
  auto size = std::abs(value);
  auto plain = size == 0 || (size >= smallest && size < largest);
  return number_text(value, plain ? std::chars_format::fixed : std::chars_format::scientific);
}

std::string zone_text(std::int32_t seconds) {
  if (seconds == 0)
    return "Z";
  auto minutes = std::abs(seconds) / 60;
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%c%02d:%02d", seconds < 0 ? '-' : '+', minutes / 60,
                minutes % 60);
  return text.data();
}

std::string time_text(std::int64_t ns, std::int32_t zone) {
  // At the end of what is counted a clock of another zone cannot be told.
  constexpr std::int64_t far = 9'200'000'000'000'000'000;
  if (ns > far || ns < -far)
    zone = 0;
  std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds{ns}
                                                       + std::chrono::seconds{zone}};
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 64> text{};
  std::snprintf(
    text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09d", static_cast<int>(date.year()),
    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
    static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  std::string out = text.data();
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.')
    out.pop_back();
  return '"' + out + zone_text(zone) + '"';
}

std::string encoding_of(const payload_type& payload) {
  auto i = payload.metadata().find("encoding");
  return i == payload.metadata().end() ? std::string{} : i->second;
}

/// The names in their order: a refusal must not depend on the order of a hash map.
std::vector<std::string> sorted_names(const temporal::api::common::v1::SearchAttributes& a) {
  std::vector<std::string> out;
  for (const auto& [name, payload] : a.indexed_fields())
    out.push_back(name);
  std::ranges::sort(out);
  return out;
}

} // namespace

const search_attribute_types& reserved_search_attributes() {
  static const search_attribute_types all{
    {"WorkflowId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"RunId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"WorkflowType", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"StartTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"ExecutionTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"CloseTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"ExecutionStatus", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TaskQueue", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"HistoryLength", enums::INDEXED_VALUE_TYPE_INT},
    {"HistorySizeBytes", enums::INDEXED_VALUE_TYPE_INT},
    {"ExecutionDuration", enums::INDEXED_VALUE_TYPE_INT},
    {"StateTransitionCount", enums::INDEXED_VALUE_TYPE_INT},
    {"ParentWorkflowId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"ParentRunId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"RootWorkflowId", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"RootRunId", enums::INDEXED_VALUE_TYPE_KEYWORD},
  };
  return all;
}

const search_attribute_types& predefined_search_attributes() {
  static const search_attribute_types all{
    {"BatcherNamespace", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"BatcherUser", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"BinaryChecksums", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"BuildIds", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalChangeVersion", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalExternalPayloadCount", enums::INDEXED_VALUE_TYPE_INT},
    {"TemporalExternalPayloadSizeBytes", enums::INDEXED_VALUE_TYPE_INT},
    {"TemporalNamespaceDivision", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalPauseInfo", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalReportedProblems", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalScheduledById", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalScheduledStartTime", enums::INDEXED_VALUE_TYPE_DATETIME},
    {"TemporalSchedulePaused", enums::INDEXED_VALUE_TYPE_BOOL},
    {"TemporalUsedWorkerDeploymentVersions", enums::INDEXED_VALUE_TYPE_KEYWORD_LIST},
    {"TemporalWorkerDeployment", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalWorkerDeploymentVersion", enums::INDEXED_VALUE_TYPE_KEYWORD},
    {"TemporalWorkflowVersioningBehavior", enums::INDEXED_VALUE_TYPE_KEYWORD},
  };
  return all;
}

bool may_be_set(const std::string& name) {
  static const std::set<std::string> servers_own{
    "TemporalExternalPayloadCount",         "TemporalExternalPayloadSizeBytes",
    "TemporalUsedWorkerDeploymentVersions", "TemporalWorkerDeployment",
    "TemporalWorkerDeploymentVersion",      "TemporalWorkflowVersioningBehavior"};
  return !servers_own.contains(name) && !reserved_search_attributes().contains(name);
}

search_attribute_types system_search_attributes() {
  auto out = reserved_search_attributes();
  out.insert(predefined_search_attributes().begin(), predefined_search_attributes().end());
  return out;
}

const char* search_attribute_type_name(int type) {
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_TEXT:
      return "Text";
    case enums::INDEXED_VALUE_TYPE_KEYWORD:
      return "Keyword";
    case enums::INDEXED_VALUE_TYPE_INT:
      return "Int";
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return "Double";
    case enums::INDEXED_VALUE_TYPE_BOOL:
      return "Bool";
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      return "Datetime";
    case enums::INDEXED_VALUE_TYPE_KEYWORD_LIST:
      return "KeywordList";
    default:
      return "Unspecified";
  }
}

bool is_no_value(const payload_type& payload) {
  auto encoding = encoding_of(payload);
  if (encoding == "binary/null" || (payload.metadata().empty() && payload.data().empty()))
    return true;
  if (encoding != "json/plain")
    return false;
  auto json = parse_json(payload.data());
  return json && (json->what == kind::null || (json->what == kind::list && json->items.empty()));
}

std::optional<std::optional<search_attribute_value>>
decode_search_attribute(const payload_type& payload, int type) {
  if (is_no_value(payload))
    return std::optional<search_attribute_value>{};
  search_attribute_value out;
  auto json = parse_json(payload.data());
  if (encoding_of(payload) != "json/plain" || !json || !decode(*json, type, out))
    return std::nullopt;
  return std::optional{std::move(out)};
}

std::string search_attribute_json(const search_attribute_value& value, int type) {
  std::string out;
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_INT:
      return std::to_string(value.integer);
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return real_text(value.real);
    case enums::INDEXED_VALUE_TYPE_BOOL:
      return value.integer != 0 ? "true" : "false";
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      return time_text(value.integer, value.zone_seconds);
    case enums::INDEXED_VALUE_TYPE_KEYWORD_LIST:
      for (const auto& text : value.texts) {
        out += out.empty() ? '[' : ',';
        append_string(out, text);
      }
      return out + "]";
    default:
      append_string(out, value.texts.empty() ? std::string_view{} : value.texts.front());
      return out;
  }
}

namespace {

/// Longer values are cut in texts: they stand in headers and events.
constexpr std::size_t shown_bytes_max = 2U << 10;

/// Of the character of UTF-8 that a text begins with; 0 where it begins with none.
std::size_t utf8_length(std::string_view text) {
  auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80)
    return 1;
  if (first < 0xC2 || first > 0xF4)
    return 0;
  std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  auto goes_on = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; };
  return text.size() >= length && std::ranges::all_of(text.substr(1, length - 1), goes_on) ? length
                                                                                           : 0;
}

/// A text as protobuf's text format spells it: what cannot be printed as an escape, but whole
/// characters of UTF-8 as they are.
std::string quoted(std::string_view text) {
  constexpr std::string_view special = "\"\\\n\r\t";
  constexpr std::string_view names = "\"\\nrt";
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  while (!text.empty()) {
    auto length = utf8_length(text);
    auto byte = static_cast<unsigned char>(text[0]);
    if (auto at = special.find(text[0]); at != std::string_view::npos) {
      out += {'\\', names[at]};
    } else if (length == 0 || byte < ' ' || byte == 0x7F) {
      out += {'\\', 'x', hex[byte >> 4], hex[byte & 0xF]};
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + '"';
}

/// A payload in protobuf's text format, in the reference's spacing.
std::string shown_payload(const payload_type& payload) {
  std::map<std::string, std::string> metadata{payload.metadata().begin(), payload.metadata().end()};
  std::string out;
  auto add = [&out](const std::string& field) { out += (out.empty() ? "" : "  ") + field; };
  for (const auto& [key, value] : metadata)
    add("metadata:{key:" + quoted(key) + "  value:" + quoted(value) + "}");
  if (!payload.data().empty())
    add("data:" + quoted(payload.data().substr(0, shown_bytes_max)));
  return out;
}

std::string shown_bytes(std::string_view bytes) {
  std::string out = "[";
  for (char c : bytes.substr(0, shown_bytes_max))
    out += (out.size() > 1 ? " " : "") + std::to_string(static_cast<unsigned char>(c));
  return out + "]";
}

/// What a payload holds, as texts show it: its value where it can be read, else all of it.
std::string shown_value(const payload_type& payload) {
  auto encoding = encoding_of(payload);
  if (encoding == "binary/plain")
    return shown_bytes(payload.data());
  if (encoding == "json/plain")
    if (auto json = parse_json(payload.data()); json && has_finite_numbers(*json))
      return to_plain_text(*json).substr(0, shown_bytes_max);
  return "value from <" + shown_payload(payload) + ">";
}

} // namespace

std::string search_attribute_refusal(const std::string& name, const payload_type& payload,
                                     int type) {
  return "invalid value for search attribute " + name + " of type "
         + search_attribute_type_name(type) + ": " + shown_value(payload);
}

std::optional<std::string>
search_attributes_size_problem(const temporal::api::common::v1::SearchAttributes& attributes,
                               const search_attribute_limits& bounds) {
  auto names = sorted_names(attributes);
  if (names.size() > bounds.count_max)
    return "number of search attributes " + std::to_string(names.size()) + " exceeds limit "
           + std::to_string(bounds.count_max);
  std::size_t total = 0;
  for (const auto& name : names) {
    auto size = attributes.indexed_fields().at(name).data().size();
    if (size > bounds.value_bytes_max)
      return "search attribute " + name + " value size " + std::to_string(size)
             + " exceeds size limit " + std::to_string(bounds.value_bytes_max);
    total += name.size() + size;
  }
  if (total > bounds.total_bytes_max)
    return "total size of search attributes " + std::to_string(total) + " exceeds size limit "
           + std::to_string(bounds.total_bytes_max);
  return std::nullopt;
}

std::optional<std::string>
search_attribute_values_problem(const temporal::api::common::v1::SearchAttributes& attributes,
                                const search_attribute_types& known,
                                const std::string& namespace_name) {
  auto names = sorted_names(attributes);
  for (const auto& name : names)
    if (!known.contains(name))
      return "Namespace " + namespace_name + " has no mapping defined for search attribute " + name;
  for (const auto& name : names) {
    if (!may_be_set(name))
      return name + " attribute can't be set in SearchAttributes";
    const auto& payload = attributes.indexed_fields().at(name);
    // One that does not even say what it is means nothing, not "nothing".
    if (payload.metadata().empty() || !decode_search_attribute(payload, known.at(name)))
      return search_attribute_refusal(name, payload, known.at(name));
  }
  return std::nullopt;
}

std::optional<std::string>
search_attributes_problem(const temporal::api::common::v1::SearchAttributes& attributes,
                          const search_attribute_types& known, const std::string& namespace_name,
                          const search_attribute_limits& bounds) {
  if (auto problem = search_attribute_values_problem(attributes, known, namespace_name))
    return problem;
  return search_attributes_size_problem(attributes, bounds);
}

void fill_search_attribute_types(temporal::api::common::v1::SearchAttributes& attributes,
                                 const search_attribute_types& known) {
  for (auto& [name, payload] : *attributes.mutable_indexed_fields()) {
    auto type = known.find(name);
    auto& told = (*payload.mutable_metadata())["type"];
    if (told.empty() && type != known.end())
      told = search_attribute_type_name(type->second);
  }
}

} // namespace reprise::protocol
