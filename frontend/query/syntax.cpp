// A recursive-descent parser. What it cannot read ends it: failed_ says where, and every function
// returns at once from then on.

#include "frontend/query/syntax.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/query/lexer.hpp"

namespace reprise::frontend::query {

namespace {

/// Faults are located in the statement into which a query is completed.
constexpr std::size_t statement_bytes = 21;
constexpr std::size_t where_bytes = 6;

bool begins_with_clause(std::string_view query) {
  lexer words{query};
  auto first = words.next();
  if (first.what != token::kind::keyword || (first.text != "order" && first.text != "group"))
    return false;
  auto second = words.next();
  return second.what == token::kind::keyword && second.text == "by";
}

class parser {
public:
  parser(std::string_view query, int depth_max) : words_(query), depth_max_(depth_max) {
    where_ = !query.empty() && !begins_with_clause(query);
    offset_ = statement_bytes + (where_ ? where_bytes : 0);
    now_ = words_.next();
  }

  result<statement> run();

private:
  bool is(token::kind what, std::string_view text) const {
    return now_.what == what && now_.text == text;
  }

  bool keyword(std::string_view text) const {
    return is(token::kind::keyword, text);
  }

  bool symbol(std::string_view text) const {
    return is(token::kind::symbol, text);
  }

  void step() {
    if (!failed_)
      now_ = words_.next();
  }

  bool take_keyword(std::string_view text) {
    if (failed_ || !keyword(text))
      return false;
    step();
    return true;
  }

  bool take_symbol(std::string_view text) {
    if (failed_ || !symbol(text))
      return false;
    step();
    return true;
  }

  void fail(const char* why = "syntax error");
  /// Fails at a bracket or negation that lies in too many others.
  bool too_deep(int depth);

  void need_keyword(std::string_view text) {
    if (!take_keyword(text))
      fail();
  }

  void need_symbol(std::string_view text) {
    if (!take_symbol(text))
      fail();
  }

  expression either(int depth);
  expression both(int depth);
  expression negation(int depth);
  expression primary(int depth);
  expression comparison(int depth);
  void rest_of_comparison(expression& x, int depth);
  void is_test(expression& x);
  operand value(int depth);
  operand term(int depth);
  operand with_sign(int depth);
  void subquery();
  operand tuple(int depth);
  operand named(int depth);
  void clauses(statement& s);

  lexer words_;
  int depth_max_;
  token now_{};
  bool where_ = true;
  std::size_t offset_ = 0;
  bool failed_ = false;
  std::string why_{};
};

void parser::fail(const char* why) {
  if (failed_)
    return;
  failed_ = true;
  why_ = std::string{why} + " at position " + std::to_string(offset_ + now_.end + 1);
  if (!now_.text.empty() && now_.what != token::kind::symbol)
    why_ += " near '" + now_.text + "'";
}

bool parser::too_deep(int depth) {
  if (!failed_ && depth >= depth_max_ && (symbol("(") || keyword("not")))
    fail("max nesting level reached");
  return failed_;
}

result<statement> parser::run() {
  statement s;
  if (where_ && now_.what != token::kind::end)
    s.conditions.push_back(either(0));
  clauses(s);
  take_symbol(";");
  if (!failed_ && now_.what != token::kind::end)
    fail();
  if (failed_)
    return invalid_argument("invalid query: malformed SQL query: " + why_);
  return s;
}

void parser::clauses(statement& s) {
  if (take_keyword("group")) {
    need_keyword("by");
    do
      s.group_by.push_back(value(0));
    while (take_symbol(","));
  }
  if (take_keyword("order")) {
    need_keyword("by");
    do {
      ordering part{.by = value(0)};
      part.is_descending = !take_keyword("asc") && take_keyword("desc");
      s.order_by.push_back(std::move(part));
    } while (take_symbol(","));
  }
  if (take_keyword("limit")) {
    s.has_limit = true;
    value(0);
    if (take_symbol(","))
      value(0);
  }
}

expression parser::either(int depth) {
  auto first = both(depth);
  if (failed_ || (!keyword("or") && !symbol("||")))
    return first;
  expression all{.what = expression::kind::either};
  all.children.push_back(std::move(first));
  while (take_keyword("or") || take_symbol("||"))
    all.children.push_back(both(depth));
  return all;
}

expression parser::both(int depth) {
  auto first = negation(depth);
  if (failed_ || (!keyword("and") && !symbol("&&")))
    return first;
  expression all{.what = expression::kind::both};
  all.children.push_back(std::move(first));
  while (take_keyword("and") || take_symbol("&&"))
    all.children.push_back(negation(depth));
  return all;
}

expression parser::negation(int depth) {
  if (too_deep(depth))
    return {};
  if (!take_keyword("not"))
    return primary(depth);
  expression x{.what = expression::kind::negation};
  x.children.push_back(negation(depth + 1));
  return x;
}

expression parser::primary(int depth) {
  if (!take_symbol("("))
    return comparison(depth);
  auto inner = either(depth + 1);
  need_symbol(")");
  return inner;
}

expression parser::comparison(int depth) {
  expression x;
  x.left = value(depth);
  if (!failed_)
    rest_of_comparison(x, depth);
  return x;
}

void parser::rest_of_comparison(expression& x, int depth) {
  for (auto op : {"=", "!=", "<>", "<", "<=", ">", ">="})
    if (take_symbol(op)) {
      x.op = op == std::string_view{"<>"} ? "!=" : op;
      x.right.push_back(value(depth));
      return;
    }
  if (take_keyword("is"))
    return is_test(x);
  std::string no = take_keyword("not") ? "not " : "";
  if (take_keyword("in")) {
    x.op = no + "in";
    if (!symbol("("))
      return fail();
    x.right.push_back(tuple(depth));
  } else if (take_keyword("between")) {
    x.op = no + "between";
    x.right.push_back(value(depth));
    need_keyword("and");
    x.right.push_back(value(depth));
  } else if (keyword("starts_with") || keyword("like") || keyword("regexp")) {
    x.op = no + now_.text;
    step();
    x.right.push_back(value(depth));
  } else if (!no.empty()) {
    fail();
  } else {
    x.what = expression::kind::bare;
  }
}

void parser::is_test(expression& x) {
  std::string no = take_keyword("not") ? "not " : "";
  if (take_keyword("null"))
    x.op = "is " + no + "null";
  else if (take_keyword("true") || take_keyword("false"))
    x.op = "is";
  else
    fail();
}

operand parser::tuple(int depth) {
  operand all{.what = operand::kind::tuple};
  if (too_deep(depth))
    return all;
  need_symbol("(");
  do
    all.elements.push_back(value(depth + 1));
  while (take_symbol(","));
  need_symbol(")");
  return all;
}

operand parser::named(int depth) {
  operand o{.what = operand::kind::column, .text = now_.text};
  step();
  while (take_symbol(".")) {
    if (now_.what != token::kind::name) {
      fail();
      return o;
    }
    o.text += "." + now_.text;
    step();
  }
  if (too_deep(depth) || !take_symbol("("))
    return o;
  o.what = operand::kind::function;
  if (take_symbol(")"))
    return o;
  do
    o.elements.push_back(value(depth + 1));
  while (take_symbol(","));
  need_symbol(")");
  return o;
}

/// Nothing is calculated, so operators need no order among them.
operand parser::value(int depth) {
  auto o = term(depth);
  auto calculates = [this] { return symbol("+") || symbol("-") || symbol("*") || symbol("/"); };
  while (!failed_ && calculates()) {
    if (o.what != operand::kind::arithmetic) {
      operand all{.what = operand::kind::arithmetic};
      all.elements.push_back(std::move(o));
      o = std::move(all);
    }
    o.text += now_.text;
    step();
    o.elements.push_back(term(depth));
  }
  return o;
}

/// Whatever is selected, nobody may ask whether it is there; so it is a fault like any other.
void parser::subquery() {
  need_keyword("exists");
  need_symbol("(");
  fail();
}

/// A number has its sign; nothing else may have one, not even another sign.
operand parser::with_sign(int depth) {
  auto minus = symbol("-");
  std::string sign = now_.text;
  step();
  if (failed_ || symbol("-") || symbol("+")) {
    fail();
    return {};
  }
  auto o = term(depth);
  if (o.what == operand::kind::number) {
    if (minus)
      o.text.insert(0, "-");
    return o;
  }
  operand all{.what = operand::kind::signed_other, .text = std::move(sign)};
  all.elements.push_back(std::move(o));
  return all;
}

operand parser::term(int depth) {
  if (too_deep(depth))
    return {};
  if (symbol("("))
    return tuple(depth);
  if (symbol("-") || symbol("+"))
    return with_sign(depth);
  operand o{.text = now_.text};
  switch (now_.what) {
    case token::kind::number:
      o.what = operand::kind::number;
      step();
      return o;
    case token::kind::name:
      return named(depth);
    case token::kind::text:
      step();
      return o;
    case token::kind::keyword:
      if (o.text == "exists") {
        subquery();
        return o;
      }
      if (o.text != "true" && o.text != "false" && o.text != "null")
        break;
      o.what = o.text == "null" ? operand::kind::null : operand::kind::boolean;
      step();
      return o;
    default:
      break;
  }
  fail();
  return o;
}

} // namespace

result<statement> parse(std::string_view query, const limits& most) {
  constexpr const char* blanks = " \t\r\n";
  auto first = query.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return statement{};
  query = query.substr(first, query.find_last_not_of(blanks) - first + 1);
  if (query.size() > most.bytes)
    return invalid_argument("invalid query: query is longer than " + std::to_string(most.bytes)
                            + " bytes");
  return parser{query, most.depth}.run();
}

const char* node_name(const operand& o) {
  switch (o.what) {
    case operand::kind::text:
    case operand::kind::number:
      return "*sqlparser.SQLVal";
    case operand::kind::boolean:
      return "sqlparser.BoolVal";
    case operand::kind::null:
      return "*sqlparser.NullVal";
    case operand::kind::column:
      return "*sqlparser.ColName";
    case operand::kind::tuple:
      return o.elements.size() == 1 ? "*sqlparser.ParenExpr" : "sqlparser.ValTuple";
    case operand::kind::signed_other:
      return "*sqlparser.UnaryExpr";
    case operand::kind::function:
      return "*sqlparser.FuncExpr";
    case operand::kind::arithmetic:
      break;
  }
  return "*sqlparser.BinaryExpr";
}

std::string shown(const operand& o) {
  switch (o.what) {
    case operand::kind::text: {
      std::string out = "'";
      for (char c : o.text) {
        if (c == '\'' || c == '\\')
          out.push_back('\\');
        out.push_back(c);
      }
      return out + "'";
    }
    case operand::kind::tuple:
    case operand::kind::function: {
      std::string out = o.text + "(";
      for (const auto& element : o.elements)
        out += (&element == &o.elements.front() ? "" : ", ") + shown(element);
      return out + ")";
    }
    case operand::kind::signed_other:
      return o.text + shown(o.elements.front());
    case operand::kind::arithmetic: {
      auto out = shown(o.elements.front());
      for (std::size_t i = 1; i < o.elements.size(); ++i)
        out += std::string{' '} + o.text[i - 1] + ' ' + shown(o.elements[i]);
      return out;
    }
    default:
      return o.text;
  }
}

std::string shown(const expression& x) {
  auto out = shown(x.left) + " " + x.op;
  for (const auto& o : x.right)
    out += (&o == &x.right.front() ? " " : " and ") + shown(o);
  return out;
}

} // namespace reprise::frontend::query
