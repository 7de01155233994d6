#include "frontend/query/lexer.hpp"

#include <algorithm>
#include <array>

namespace reprise::frontend::query {

namespace {

constexpr std::array<std::string_view, 31> keywords{
  "and",    "as",     "asc",   "between",     "by",     "case",  "delete", "desc",
  "exists", "false",  "from",  "group",       "having", "in",    "insert", "is",
  "join",   "like",   "limit", "not",         "null",   "on",    "or",     "order",
  "regexp", "select", "set",   "starts_with", "true",   "where", "xor"};

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@'
         || static_cast<unsigned char>(c) >= 0x80;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// What a backslash and this character stand for.
char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case '0':
      return '\0';
    case 'Z':
      return '\x1a';
    default:
      return c;
  }
}

} // namespace

token lexer::made(token::kind what, std::string text) const {
  return {.what = what, .text = std::move(text), .end = at_};
}

void lexer::skip_blanks() {
  while (at_ < query_.size()) {
    auto rest = query_.substr(at_);
    if (rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' || rest[0] == '\r') {
      ++at_;
    } else if (rest.starts_with("-- ") || rest == "--") {
      at_ = std::min(query_.find('\n', at_), query_.size());
    } else if (rest.starts_with("/*")) {
      auto end = query_.find("*/", at_ + 2);
      at_ = end == std::string_view::npos ? query_.size() : end + 2;
    } else {
      return;
    }
  }
}

token lexer::next() {
  skip_blanks();
  if (at_ >= query_.size())
    return made(token::kind::end, {});
  char c = query_[at_];
  if (is_name_start(c))
    return take_name();
  if (is_digit(c) || (c == '.' && at_ + 1 < query_.size() && is_digit(query_[at_ + 1])))
    return take_number();
  if (c == '\'' || c == '"' || c == '`')
    return take_quoted(c);
  return take_symbol();
}

token lexer::take_name() {
  auto begin = at_;
  while (at_ < query_.size() && (is_name_start(query_[at_]) || is_digit(query_[at_])))
    ++at_;
  auto word = query_.substr(begin, at_ - begin);
  auto small = lower(word);
  if (std::ranges::find(keywords, small) != keywords.end())
    return made(token::kind::keyword, std::move(small));
  return made(token::kind::name, std::string{word});
}

token lexer::take_number() {
  auto begin = at_;
  auto digits = [&] {
    while (at_ < query_.size() && is_digit(query_[at_]))
      ++at_;
  };
  digits();
  if (at_ < query_.size() && query_[at_] == '.') {
    ++at_;
    digits();
  }
  if (at_ < query_.size() && (query_[at_] == 'e' || query_[at_] == 'E')) {
    ++at_;
    if (at_ < query_.size() && (query_[at_] == '+' || query_[at_] == '-'))
      ++at_;
    digits();
  }
  return made(token::kind::number, std::string{query_.substr(begin, at_ - begin)});
}

token lexer::take_quoted(char quote) {
  std::string text;
  for (++at_; at_ < query_.size(); ++at_) {
    char c = query_[at_];
    if (c == quote) {
      if (at_ + 1 >= query_.size() || query_[at_ + 1] != quote) {
        ++at_;
        return made(quote == '`' ? token::kind::name : token::kind::text, std::move(text));
      }
      ++at_;
    } else if (c == '\\' && quote != '`' && at_ + 1 < query_.size()) {
      c = unescaped(query_[++at_]);
    }
    text.push_back(c);
  }
  return made(token::kind::broken, std::move(text));
}

token lexer::take_symbol() {
  constexpr std::array<std::string_view, 6> twins{"<=", ">=", "!=", "<>", "&&", "||"};
  auto pair = query_.substr(at_, 2);
  if (std::ranges::find(twins, pair) != twins.end()) {
    at_ += 2;
    return made(token::kind::symbol, std::string{pair});
  }
  constexpr std::string_view singles = "=<>()+-*/,.;!";
  char c = query_[at_++];
  if (singles.find(c) == std::string_view::npos)
    return made(token::kind::broken, {});
  return made(token::kind::symbol, std::string(1, c));
}

} // namespace reprise::frontend::query
