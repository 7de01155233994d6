#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reprise::frontend::query {

/// One word of a visibility query.
struct token {
  enum class kind : std::uint8_t {
    end,
    name,    // a column, bare or in backticks
    keyword, // a word of the language; `text` is in lower case
    text,    // a quoted value, without its quotes
    number,
    symbol, // an operator or a bracket
    broken, // not a word of the language at all
  };
  kind what = kind::end;
  std::string text{};
  /// Behind its last byte, counted from the start of the query.
  std::size_t end = 0;
};

/// Cuts a query into tokens, from left to right.
class lexer {
public:
  explicit lexer(std::string_view query) : query_(query) {
  }

  /// After the end: end, again and again.
  token next();

private:
  void skip_blanks();
  token take_name();
  token take_number();
  token take_quoted(char quote);
  token take_symbol();
  token made(token::kind what, std::string text) const;

  std::string_view query_;
  std::size_t at_ = 0;
};

} // namespace reprise::frontend::query
