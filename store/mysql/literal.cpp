#include "store/mysql/literal.hpp"

#include <charconv>
#include <cmath>

namespace reprise::store::mysql {

namespace {

template <class Number>
void put_number(std::string& out, Number n) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, n).ptr;
  out.append(text, end);
}

constexpr bool needs_escape(char c) noexcept {
  return c == '\0' || c == '\'' || c == '\\';
}

} // namespace

void put(std::string& out, std::string_view text) {
  out += '\'';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!needs_escape(text[i])) [[likely]]
      continue;
    out.append(text, begin, i - begin);
    out += '\\';
    out += text[i] == '\0' ? '0' : text[i];
    begin = i + 1;
  }
  out.append(text, begin);
  out += '\'';
}

void put(std::string& out, const std::string& text) {
  put(out, std::string_view{text});
}

void put(std::string& out, const char* text) {
  put(out, std::string_view{text});
}

void put(std::string& out, std::int64_t n) {
  put_number(out, n);
}

void put(std::string& out, std::uint64_t n) {
  put_number(out, n);
}

void put(std::string& out, int n) {
  put_number(out, n);
}

void put(std::string& out, double r) {
  if (!std::isfinite(r)) {
    out += "NULL";
    return;
  }
  // With an exponent it is a DOUBLE; without, the server would read a DECIMAL.
  char text[48];
  auto end = std::to_chars(text, text + sizeof text, r, std::chars_format::scientific).ptr;
  out.append(text, end);
}

void put(std::string& out, time_point t) {
  put_number(out, nanoseconds(t));
}

void put(std::string& out, const sql::parameter& p) {
  std::visit([&](auto& value) { put(out, value); }, p);
}

std::size_t literal_size(std::string_view text) noexcept {
  std::size_t size = text.size() + 2;
  for (char c : text)
    size += needs_escape(c) ? 1 : 0;
  return size;
}

std::string fill(const sql::condition& condition) {
  std::string_view pattern = condition.text;
  std::string out;
  for (auto& p : condition.parameters) {
    auto mark = pattern.find('?');
    out += pattern.substr(0, mark);
    pattern.remove_prefix(mark + 1);
    put(out, p);
  }
  out += pattern;
  return out;
}

} // namespace reprise::store::mysql
