#pragma once

#include "store/columns.hpp"
#include "store/sql/condition.hpp"

#include <string>
#include <string_view>

// SQL text with values in it. The connection speaks the character set `binary` and a sql_mode in
// which the backslash escapes, so a quoted text is any bytes with three of them escaped.
namespace reprise::store::mysql {

/// Appends one value as a literal.
void put(std::string& out, std::string_view text);
void put(std::string& out, const std::string& text);
void put(std::string& out, std::int64_t n);
void put(std::string& out, std::uint64_t n);
void put(std::string& out, int n);
void put(std::string& out, double r);
void put(std::string& out, time_point t);
void put(std::string& out, const sql::parameter& p);
/// A pointer would become a boolean on its way to another overload.
void put(std::string& out, const char* text);

template <class T>
void put(std::string& out, const std::optional<T>& value) {
  if (value)
    put(out, *value);
  else
    out += "NULL";
}

/// Length of the text as a literal.
std::size_t literal_size(std::string_view text) noexcept;

/// Appends "(a,b,c)".
template <class First, class... Rest>
void put_row(std::string& out, const First& first, const Rest&... rest) {
  out += '(';
  put(out, first);
  ((out += ',', put(out, rest)), ...);
  out += ')';
}

/// The pattern with its `?`s replaced by the values in order.
template <class... Values>
std::string fill(std::string_view pattern, const Values&... values) {
  std::string out;
  auto up_to_mark = [&] {
    auto mark = pattern.find('?');
    out += pattern.substr(0, mark);
    pattern.remove_prefix(mark + 1);
  };
  ((up_to_mark(), put(out, values)), ...);
  out += pattern;
  return out;
}

/// A compiled condition as text.
std::string fill(const sql::condition& condition);

} // namespace reprise::store::mysql
