#include "frontend/validate/search_attributes.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/query/search_attribute_names.hpp"
#include "protocol/search_attributes.hpp"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <map>

namespace reprise::frontend {

namespace common = temporal::api::common::v1;
namespace enums = temporal::api::enums::v1;
using google::protobuf::Value;

namespace {

constexpr std::size_t value_bytes_max = 2U << 10;
constexpr std::size_t all_bytes_max = 40U << 10;
constexpr int attributes_max = 100;

/// Null, an empty list or nothing at all: the attribute is to vanish.
bool has_no_value(const common::Payload& p) {
  // A payload that does not even say what it is means nothing, not "nothing".
  if (p.metadata().empty())
    return false;
  if (p.data().empty() || p.data() == "null" || p.data() == "[]")
    return true;
  auto encoding = p.metadata().find("encoding");
  return encoding != p.metadata().end() && encoding->second == "binary/null";
}

/// As error texts show a value: texts bare, lists as [a b].
std::string shown(const Value& v) {
  switch (v.kind_case()) {
    case Value::kStringValue:
      return v.string_value();
    case Value::kBoolValue:
      return v.bool_value() ? "true" : "false";
    case Value::kNumberValue: {
      char text[32];
      auto end = std::to_chars(text, text + sizeof text, v.number_value()).ptr;
      return {text, end};
    }
    case Value::kListValue: {
      std::string all = "[";
      for (const auto& element : v.list_value().values())
        all += (all.size() > 1 ? " " : "") + shown(element);
      return all + "]";
    }
    case Value::kStructValue:
      return "map[]";
    default:
      return "<nil>";
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr const char* blanks = " \t\r\n";
  auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_int64(std::string_view text) {
  std::int64_t n = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  return failed == std::errc{} && end == text.data() + text.size();
}

bool is_scalar_of(const Value& v, std::string_view raw, enums::IndexedValueType type) {
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_TEXT:
    case enums::INDEXED_VALUE_TYPE_KEYWORD:
      return v.has_string_value();
    case enums::INDEXED_VALUE_TYPE_INT:
      return v.has_number_value() && is_int64(raw);
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return v.has_number_value();
    case enums::INDEXED_VALUE_TYPE_BOOL:
      return v.has_bool_value();
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      return v.has_string_value() && parse_rfc3339(v.string_value()).has_value();
    default:
      return false;
  }
}

bool is_of(const Value& v, std::string_view raw, enums::IndexedValueType type) {
  if (type == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST) {
    if (!v.has_list_value())
      return false;
    for (const auto& element : v.list_value().values())
      if (!element.has_string_value())
        return false;
    return true;
  }
  // A list of one stands for its element.
  if (v.has_list_value() && v.list_value().values_size() == 1) {
    auto inner = trimmed(raw.substr(1, raw.size() - 2));
    return is_scalar_of(v.list_value().values(0), inner, type);
  }
  return is_scalar_of(v, raw, type);
}

result<void> check_value(const std::string& name, const common::Payload& p,
                         enums::IndexedValueType type) {
  auto bad = [&](const std::string& value) {
    return invalid_argument("invalid value for search attribute " + name + " of type "
                            + type_name(type) + ": " + value);
  };
  if (p.metadata().empty())
    return bad("value from <" + protocol::shown_data(p).substr(0, value_bytes_max) + ">");
  auto encoding = p.metadata().find("encoding");
  if (encoding == p.metadata().end() || encoding->second != "json/plain")
    return bad(p.data().substr(0, value_bytes_max));
  Value v;
  if (!google::protobuf::util::JsonStringToMessage(p.data(), &v).ok())
    return bad(p.data().substr(0, value_bytes_max));
  if (!is_of(v, trimmed(p.data()), type))
    return bad(shown(v));
  // Protobuf's reader takes blanks that JSON does not have; lists could not find such a value.
  if (!protocol::decode_search_attribute(p, type))
    return bad(p.data().substr(0, value_bytes_max));
  return {};
}

/// What the API's own store calls an attribute of a namespace; the length counts.
std::size_t stored_name_length(const std::string& name, enums::IndexedValueType type) {
  constexpr std::size_t number_length = 2;
  auto is_own = system_attributes().contains(name) || predefined_attributes().contains(name);
  return is_own ? name.size() : std::string_view{type_name(type)}.size() + number_length;
}

using known_types = std::map<std::string, enums::IndexedValueType>;

/// The attributes that a request names, in their order: a refusal must not depend on a hash map's.
result<known_types> find_types(const common::SearchAttributes& attributes,
                               const actors::namespace_entry& ns) {
  known_types out;
  for (const auto& [name, payload] : attributes.indexed_fields())
    out[name] = attribute_type(ns, name).value_or(enums::INDEXED_VALUE_TYPE_UNSPECIFIED);
  for (const auto& [name, type] : out)
    if (type == enums::INDEXED_VALUE_TYPE_UNSPECIFIED)
      return invalid_argument("Namespace " + ns.facts.name
                              + " has no mapping defined for search attribute " + name);
  return out;
}

result<void> check_sizes(const common::SearchAttributes& attributes, const known_types& types) {
  auto all_bytes = attributes.ByteSizeLong();
  for (const auto& [name, type] : types) {
    auto size = attributes.indexed_fields().at(name).data().size();
    if (size > value_bytes_max)
      return invalid_argument("search attribute " + name + " value size " + std::to_string(size)
                              + " exceeds size limit " + std::to_string(value_bytes_max));
    all_bytes += stored_name_length(name, type) - name.size();
  }
  if (all_bytes > all_bytes_max)
    return invalid_argument("total size of search attributes " + std::to_string(all_bytes)
                            + " exceeds size limit " + std::to_string(all_bytes_max));
  return {};
}

} // namespace

result<void> settle_search_attributes(common::SearchAttributes& attributes,
                                      const actors::namespace_entry& ns) {
  auto& fields = *attributes.mutable_indexed_fields();
  auto types = find_types(attributes, ns);
  if (!types)
    return std::move(types).error();
  if (static_cast<int>(fields.size()) > attributes_max)
    return invalid_argument("number of search attributes " + std::to_string(fields.size())
                            + " exceeds limit " + std::to_string(attributes_max));
  for (const auto& [name, type] : *types) {
    if (!protocol::may_be_set(name))
      return invalid_argument(name + " attribute can't be set in SearchAttributes");
    const auto& payload = fields.at(name);
    if (has_no_value(payload))
      continue;
    if (auto ok = check_value(name, payload, type); !ok)
      return ok;
  }
  if (auto ok = check_sizes(attributes, *types); !ok)
    return ok;
  for (const auto& [name, type] : *types) {
    auto& payload = fields[name];
    if (has_no_value(payload))
      fields.erase(name);
    else if (!payload.metadata().contains("type"))
      (*payload.mutable_metadata())["type"] = type_name(type);
  }
  return {};
}

} // namespace reprise::frontend
