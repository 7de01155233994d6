#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprise::protocol {

/// A JSON value as a client wrote it: what the API's payloads of encoding json/plain hold. A plain
/// value. Numbers keep their text, so that nothing is lost before their type is known.
struct json_value {
  enum class kind : std::uint8_t {
    null,
    boolean,
    number,
    string,
    list,
    object
  };
  kind what = kind::null;
  bool boolean = false;
  /// Of a number as it was written, of a string without its quotes and escapes.
  std::string text{};
  /// Elements of a list, or the values of an object beside `names`.
  std::vector<json_value> items{};
  std::vector<std::string> names{};
};

/// Nothing when the text is not one JSON value, or is nested deeper than 64 levels.
std::optional<json_value> parse_json(std::string_view text);

/// Whether all numbers in it fit into a double.
bool has_finite_numbers(const json_value& value);

/// The value as the API prints it in its texts: strings bare, lists as "[a b]", objects as
/// "map[k:v]", no value as "<nil>".
std::string to_plain_text(const json_value& value);

} // namespace reprise::protocol
