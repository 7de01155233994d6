#pragma once

#include "temporal/api/common/v1/message.pb.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace reprise::protocol {

/// Name to temporal.api.enums.v1.IndexedValueType.
using search_attribute_types = std::map<std::string, int>;

/// What the server itself says of every run; callers may ask for it and not set it.
const search_attribute_types& reserved_search_attributes();
/// What exists in every namespace; most of it may be set: the server and SDKs use it.
const search_attribute_types& predefined_search_attributes();
/// Whether callers may set it: not what the server says of a run, nor what it keeps of versions and
/// payloads.
bool may_be_set(const std::string& name);
/// Both together: all that a namespace has before anything is added to it.
search_attribute_types system_search_attributes();
/// "Keyword", "KeywordList", ...; "Unspecified" for what is no type. The payload's metadata `type`.
const char* search_attribute_type_name(int type);

/// A decoded value. Which member holds it follows from the type.
struct search_attribute_value {
  /// Text, Keyword: one; KeywordList: any number.
  std::vector<std::string> texts{};
  /// Int; Bool (0 or 1); Datetime (nanoseconds since the epoch).
  std::int64_t integer = 0;
  /// Double.
  double real = 0;
  /// Datetime: how far east of Greenwich the caller's clock was.
  std::int32_t zone_seconds = 0;
  friend bool operator==(const search_attribute_value&, const search_attribute_value&) = default;
};

/// Reads a payload as a value of `type` (IndexedValueType). Nothing: it is no such value. Nothing
/// inside: the payload is a null or an empty list, which means that the attribute is not there. A
/// list of one stands for its element.
std::optional<std::optional<search_attribute_value>>
decode_search_attribute(const temporal::api::common::v1::Payload& payload, int type);

/// The value as lists show it, whatever spelling the caller chose: JSON without blanks, times in
/// the caller's zone.
std::string search_attribute_json(const search_attribute_value& value, int type);

/// What the API says of a payload that cannot be read.
std::string search_attribute_refusal(const std::string& name,
                                     const temporal::api::common::v1::Payload& payload, int type);

/// True when the payload removes its attribute: null, empty list, or nothing at all.
bool is_no_value(const temporal::api::common::v1::Payload& payload);

struct search_attribute_limits {
  std::size_t count_max = 100;
  std::size_t value_bytes_max = 2U << 10;
  std::size_t total_bytes_max = 40U << 10;
};

/// Why a caller may not set these attributes, in the API's words; nothing when it may. `known` is
/// all that the namespace has, reserved names too; `namespace_name` appears in the text.
std::optional<std::string>
search_attributes_problem(const temporal::api::common::v1::SearchAttributes& attributes,
                          const search_attribute_types& known, const std::string& namespace_name,
                          const search_attribute_limits& bounds = {});

/// Why these attributes are too large, one by one or together; nothing when they are not. Part of
/// search_attributes_problem.
std::optional<std::string>
search_attributes_size_problem(const temporal::api::common::v1::SearchAttributes& attributes,
                               const search_attribute_limits& bounds = {});
/// The same without the sizes: names and values alone.
std::optional<std::string>
search_attribute_values_problem(const temporal::api::common::v1::SearchAttributes& attributes,
                                const search_attribute_types& known,
                                const std::string& namespace_name);

/// Writes each value's type into its payload's metadata where the caller left it out.
void fill_search_attribute_types(temporal::api::common::v1::SearchAttributes& attributes,
                                 const search_attribute_types& known);

} // namespace reprise::protocol
