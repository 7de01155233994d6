#include "protocol/json_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace reprise::protocol {

namespace {

constexpr int depth_max = 64;

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | (c >> 6U));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | (c >> 12U));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | (c >> 18U));
    out += static_cast<char>(0x80U | ((c >> 12U) & 0x3FU));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

/// Recursive descent over the text. Every method returns false when the text is no JSON.
class parser {
public:
  explicit parser(std::string_view text) : rest_(text) {
  }

  bool whole(json_value& out) {
    if (!value(out, 0))
      return false;
    skip_space();
    return rest_.empty();
  }

private:
  void skip_space() {
    while (!rest_.empty()
           && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\n' || rest_[0] == '\r'))
      rest_.remove_prefix(1);
  }

  bool eat(std::string_view word) {
    if (!rest_.starts_with(word))
      return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool value(json_value& out, int depth) {
    skip_space();
    if (depth > depth_max || rest_.empty())
      return false;
    switch (rest_[0]) {
      case '"':
        out.what = json_value::kind::string;
        return string(out.text);
      case '[':
        return list(out, depth);
      case '{':
        return object(out, depth);
      case 't':
        out.what = json_value::kind::boolean;
        out.boolean = true;
        return eat("true");
      case 'f':
        out.what = json_value::kind::boolean;
        return eat("false");
      case 'n':
        return eat("null");
      default:
        return number(out);
    }
  }

  bool list(json_value& out, int depth) {
    out.what = json_value::kind::list;
    eat("[");
    skip_space();
    if (eat("]"))
      return true;
    while (true) {
      if (!value(out.items.emplace_back(), depth + 1))
        return false;
      skip_space();
      if (eat("]"))
        return true;
      if (!eat(","))
        return false;
    }
  }

  bool object(json_value& out, int depth) {
    out.what = json_value::kind::object;
    eat("{");
    skip_space();
    if (eat("}"))
      return true;
    while (true) {
      skip_space();
      if (rest_.empty() || rest_[0] != '"' || !string(out.names.emplace_back()))
        return false;
      skip_space();
      if (!eat(":") || !value(out.items.emplace_back(), depth + 1))
        return false;
      skip_space();
      if (eat("}"))
        return true;
      if (!eat(","))
        return false;
    }
  }

  std::size_t digits() {
    std::size_t count = 0;
    while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9')
      ++count;
    rest_.remove_prefix(count);
    return count;
  }

  bool number(json_value& out) {
    auto begin = rest_;
    out.what = json_value::kind::number;
    eat("-");
    auto leading_zero = rest_.starts_with('0');
    auto count = digits();
    if (count == 0 || (leading_zero && count > 1))
      return false;
    if (eat(".") && digits() == 0)
      return false;
    if (eat("e") || eat("E")) {
      if (!eat("+"))
        eat("-");
      if (digits() == 0)
        return false;
    }
    out.text = begin.substr(0, begin.size() - rest_.size());
    return true;
  }

  bool hex4(std::uint32_t& out) {
    constexpr std::size_t length = 4;
    if (rest_.size() < length)
      return false;
    const auto* end = rest_.data() + length;
    auto [at, failure] = std::from_chars(rest_.data(), end, out, 16);
    rest_.remove_prefix(length);
    return failure == std::errc{} && at == end;
  }

  bool escape(std::string& out) {
    if (rest_.empty())
      return false;
    auto c = rest_[0];
    rest_.remove_prefix(1);
    constexpr std::string_view from = "\"\\/bfnrt";
    constexpr std::string_view to = "\"\\/\b\f\n\r\t";
    if (auto i = from.find(c); i != std::string_view::npos) {
      out += to[i];
      return true;
    }
    std::uint32_t code = 0;
    if (c != 'u' || !hex4(code))
      return false;
    if (code >= 0xD800 && code < 0xDC00) {
      std::uint32_t low = 0;
      if (!eat("\\u") || !hex4(low) || low < 0xDC00 || low >= 0xE000)
        return false;
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return true;
  }

  bool string(std::string& out) {
    eat("\"");
    auto is_plain = [](char c) {
      return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
    };
    while (true) {
      auto plain = std::ranges::find_if_not(rest_, is_plain) - rest_.begin();
      out.append(rest_, 0, static_cast<std::size_t>(plain));
      rest_.remove_prefix(static_cast<std::size_t>(plain));
      if (eat("\""))
        return true;
      if (!eat("\\") || !escape(out))
        return false;
    }
  }

  std::string_view rest_;
};

/// The shortest text that reads back as the same number, with an exponent from a million on and
/// close to zero: as the API's texts show numbers.
std::string number_text(const std::string& written) {
  auto number = std::strtod(written.c_str(), nullptr);
  auto size = std::abs(number);
  constexpr double smallest = 1e-4;
  constexpr double million = 1e6;
  auto plain = size == 0 || (size >= smallest && size < million);
  std::array<char, 64> buffer{};
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                           plain ? std::chars_format::fixed : std::chars_format::scientific);
  return {buffer.data(), end.ptr};
}

std::string joined(const json_value& value) {
  std::vector<std::size_t> order(value.items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto named = value.what == json_value::kind::object;
  if (named)
    std::ranges::sort(order, {}, [&](std::size_t i) { return value.names[i]; });
  std::string out;
  for (auto i : order) {
    if (!out.empty())
      out += ' ';
    if (named)
      out += value.names[i] + ":";
    out += to_plain_text(value.items[i]);
  }
  return out;
}

} // namespace

std::optional<json_value> parse_json(std::string_view text) {
  json_value out;
  if (!parser{text}.whole(out))
    return std::nullopt;
  return out;
}

bool has_finite_numbers(const json_value& value) {
  if (value.what == json_value::kind::number
      && !std::isfinite(std::strtod(value.text.c_str(), nullptr)))
    return false;
  return std::ranges::all_of(value.items, has_finite_numbers);
}

std::string to_plain_text(const json_value& value) {
  switch (value.what) {
    case json_value::kind::null:
      return "<nil>";
    case json_value::kind::boolean:
      return value.boolean ? "true" : "false";
    case json_value::kind::number:
      return number_text(value.text);
    case json_value::kind::string:
      return value.text;
    case json_value::kind::list:
      return "[" + joined(value) + "]";
    case json_value::kind::object:
      return "map[" + joined(value) + "]";
  }
  return {};
}

} // namespace reprise::protocol
