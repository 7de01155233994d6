#include "frontend/query/parser.hpp"

#include "frontend/call/errors.hpp"
#include "frontend/query/number_prefix.hpp"
#include "frontend/query/search_attribute_names.hpp"
#include "frontend/query/values.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace reprise::frontend {

namespace enums = temporal::api::enums::v1;
using query::attribute;
using query::expression;
using query::operand;
using store::filter;

namespace {

constexpr const char* division = "TemporalNamespaceDivision";
constexpr std::string_view server_prefix = "Temporal";

error bad_expression(std::string text) {
  return invalid_argument("invalid query: invalid expression: " + std::move(text));
}

error not_supported(std::string text) {
  return invalid_argument("invalid query: operation is not supported: " + std::move(text));
}

class converter {
public:
  converter(const actors::namespace_entry& ns, std::size_t values_max)
    : ns_(ns), values_max_(values_max) {
  }

  result<filter> convert(const expression& x);
  result<attribute> find(const std::string& name);

  bool speaks_of_division() const {
    return speaks_of_division_;
  }

private:
  result<filter> children(const expression& x, filter::op what);
  result<filter> negation(const expression& x);
  result<filter> comparison(const expression& x);
  result<filter> range(const expression& x, const attribute& a);
  result<filter> prefix(const expression& x, const attribute& a);
  result<filter> prefix_of_number(filter f, const expression& x, const attribute& a);
  result<filter> counted(filter made);

  error too_many_values() const {
    return bad_expression("more than " + std::to_string(values_max_) + " values");
  }

  result<void> check_operator(const expression& x, const attribute& a) const;
  result<void> check_operand(const operand& o) const;
  result<void> add_value(filter& f, const attribute& a, const operand& o);
  result<void> add_tuple(filter& f, const attribute& a, const operand& tuple);

  const actors::namespace_entry& ns_;
  std::size_t values_max_;
  bool speaks_of_division_ = false;
  std::size_t values_ = 0;
};

/// The attribute of this name; names of the server's own are known with and without their prefix.
result<attribute> converter::find(const std::string& name) {
  attribute a{.name = name};
  auto type = attribute_type(ns_, name);
  // A schedule's own workflow is called as the schedule is.
  if (!type && (name == "ScheduleId" || name == "TemporalScheduleId")) {
    a.name = "WorkflowId";
    type = enums::INDEXED_VALUE_TYPE_KEYWORD;
  }
  if (!type) {
    a.name = std::string{server_prefix} + name;
    if (auto own = predefined_attributes().find(a.name); own != predefined_attributes().end())
      type = own->second;
  }
  if (!type && name.starts_with(server_prefix)) {
    a.name = name.substr(server_prefix.size());
    if (auto own = system_attributes().find(a.name); own != system_attributes().end())
      type = own->second;
  }
  if (!type)
    return bad_expression("column name '" + name + "' is not a valid search attribute");
  a.type = *type;
  if (a.name == division)
    speaks_of_division_ = true;
  return a;
}

error bare(const operand& o) {
  if (o.what == operand::kind::column)
    return bad_expression("incomplete expression");
  if (o.what == operand::kind::function)
    return not_supported("function expression");
  return not_supported(std::string{"expression of type "} + query::node_name(o));
}

error no_column(const operand& o) {
  return bad_expression(std::string{"must be a column name but was "} + query::node_name(o));
}

result<filter> converter::convert(const expression& x) {
  switch (x.what) {
    case expression::kind::both:
      return children(x, filter::op::both);
    case expression::kind::either:
      return children(x, filter::op::either);
    case expression::kind::negation:
      return negation(x);
    case expression::kind::bare:
      return bare(x.left);
    case expression::kind::comparison:
      break;
  }
  return comparison(x);
}

/// Programs fold lists of conditions into (a OR (b OR (c ...))): all of one kind is one level.
result<filter> converter::children(const expression& x, filter::op what) {
  filter f{.what = what};
  for (const auto& child : x.children) {
    auto made = convert(child);
    if (!made)
      return made;
    if (made->what == what)
      std::ranges::move(made->children, std::back_inserter(f.children));
    else
      f.children.push_back(std::move(*made));
  }
  return f;
}

/// Of an unknown truth the opposite is unknown, so two negations are none.
result<filter> converter::negation(const expression& x) {
  auto inner = convert(x.children.front());
  if (!inner)
    return inner;
  if (inner->what == filter::op::negation) {
    auto kept = std::move(inner->children.front());
    return kept;
  }
  filter f{.what = filter::op::negation};
  f.children.push_back(std::move(*inner));
  return f;
}

filter::op comparison_op(const std::string& op) {
  if (op == "=")
    return filter::op::equal;
  if (op == "!=")
    return filter::op::not_equal;
  if (op == "<")
    return filter::op::less;
  if (op == "<=")
    return filter::op::less_equal;
  if (op == ">")
    return filter::op::greater;
  if (op == ">=")
    return filter::op::greater_equal;
  return op == "in" ? filter::op::in : filter::op::not_in;
}

error wrong_operator(const expression& x, const attribute& a) {
  return bad_expression("operator '" + x.op + "' not supported for " + type_name(a.type)
                        + " type search attribute in `" + shown(x) + "`");
}

bool is_list_or_text(const attribute& a) {
  return a.type == enums::INDEXED_VALUE_TYPE_TEXT
         || a.type == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST;
}

/// Texts and lists know equality only.
result<void> converter::check_operator(const expression& x, const attribute& a) const {
  bool equality = x.op == "=" || x.op == "!=";
  bool membership = x.op == "in" || x.op == "not in";
  if (!is_list_or_text(a) || equality)
    return {};
  if (membership && a.type == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST)
    return {};
  return wrong_operator(x, a);
}

/// What no attribute can be compared with. It is told before what this one knows.
result<void> converter::check_operand(const operand& o) const {
  switch (o.what) {
    case operand::kind::column:
      return not_supported("column name on the right side of comparison expression (did you forget "
                           "to quote '"
                           + o.text + "'?)");
    case operand::kind::function:
      return not_supported("nested func");
    case operand::kind::null:
    case operand::kind::arithmetic:
      return bad_expression(std::string{"unexpected value type "} + query::node_name(o));
    case operand::kind::number:
      if (query::is_too_large(o.text))
        return invalid_argument("invalid expression: unable to parse " + o.text);
      return {};
    case operand::kind::signed_other:
      return bad_expression("unary operator not supported in \"" + shown(o) + "\"");
    case operand::kind::tuple:
      if (o.elements.size() == 1)
        return bad_expression(std::string{"unexpected value type "} + query::node_name(o));
      for (const auto& element : o.elements)
        if (auto ok = check_operand(element); !ok)
          return ok;
      return {};
    default:
      return {};
  }
}

result<void> converter::add_value(filter& f, const attribute& a, const operand& o) {
  if (++values_ > values_max_)
    return too_many_values();
  if (auto ok = check_operand(o); !ok)
    return ok;
  auto value = value_of(a, o);
  if (!value)
    return std::move(value).error();
  f.values.push_back(std::move(*value));
  return {};
}

result<void> converter::add_tuple(filter& f, const attribute& a, const operand& tuple) {
  for (const auto& o : tuple.elements) {
    if (a.type == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST && o.what != operand::kind::text)
      return bad_expression("unexpected value type in tuple (expected string, got " + shown(o)
                            + ")");
    if (auto ok = add_value(f, a, o); !ok)
      return ok;
  }
  return {};
}

result<filter> converter::range(const expression& x, const attribute& a) {
  if (a.type == enums::INDEXED_VALUE_TYPE_TEXT || a.type == enums::INDEXED_VALUE_TYPE_BOOL
      || a.type == enums::INDEXED_VALUE_TYPE_KEYWORD_LIST)
    return bad_expression("cannot do range condition on search attribute '" + a.name + "' of type "
                          + type_name(a.type));
  filter f{.what = x.op == "between" ? filter::op::between : filter::op::not_between,
           .attribute = a.name,
           .type = query::to_value_type(a.type)};
  for (const auto& end : x.right)
    if (auto ok = add_value(f, a, end); !ok)
      return std::move(ok).error();
  return f;
}

/// What always holds where the row has the attribute, or never does.
filter constant(filter f, bool holds, bool is_time) {
  f.what = holds ? filter::op::less_equal : filter::op::greater;
  f.values = {is_time ? store::search_value{.type = store::value_type::datetime,
                                            .integer = std::numeric_limits<std::int64_t>::max()}
                      : store::search_value{.type = store::value_type::real,
                                            .real = std::numeric_limits<double>::max()}};
  return f;
}

/// Of a number: whether it lies in one of these ranges, or in none.
filter in_ranges(const filter& f,
                 std::vector<std::pair<store::search_value, store::search_value>> in) {
  filter all{.what = filter::op::either};
  for (auto& [first, last] : in)
    all.children.push_back({.what = filter::op::between,
                            .attribute = f.attribute,
                            .type = f.type,
                            .values = {std::move(first), std::move(last)}});
  if (f.what == filter::op::starts_with)
    return all;
  filter none{.what = filter::op::negation};
  none.children.push_back(std::move(all));
  return none;
}

/// The integers whose text begins so, as ranges of them.
filter prefix_of_integer(const filter& f, const std::string& text) {
  std::vector<std::pair<store::search_value, store::search_value>> ranges;
  for (auto [first, last] : query::integers_beginning_with(text))
    ranges.push_back({{.type = store::value_type::integer, .integer = first},
                      {.type = store::value_type::integer, .integer = last}});
  return in_ranges(f, std::move(ranges));
}

/// The same of numbers with a fraction.
filter prefix_of_real(const filter& f, const std::string& text) {
  std::vector<std::pair<store::search_value, store::search_value>> ranges;
  for (auto [first, last] : query::reals_beginning_with(text))
    ranges.push_back({{.type = store::value_type::real, .real = first},
                      {.type = store::value_type::real, .real = last}});
  return in_ranges(f, std::move(ranges));
}

/// Ranges are values, too: one short text makes hundreds of them.
result<filter> converter::counted(filter made) {
  auto ranges = store::size_of(made).leaves;
  values_ += ranges;
  if (values_ > values_max_)
    return too_many_values();
  return made;
}

/// Numbers have a text as well, a truth value that of 1 or 0, times another one than anybody gives.
result<filter> converter::prefix_of_number(filter f, const expression& x, const attribute& a) {
  const auto& text = x.right.front().text;
  auto is_time = a.type == enums::INDEXED_VALUE_TYPE_DATETIME;
  auto begins = f.what == filter::op::starts_with;
  if (is_time || text.empty())
    return constant(std::move(f), begins != is_time, is_time);
  if (a.type == enums::INDEXED_VALUE_TYPE_BOOL && (text == "1" || text == "0")) {
    f.what = begins ? filter::op::equal : filter::op::not_equal;
    f.values = {{.type = store::value_type::boolean, .integer = text == "1" ? 1 : 0}};
    return f;
  }
  if (a.type == enums::INDEXED_VALUE_TYPE_INT && !query::integers_beginning_with(text).empty())
    return counted(prefix_of_integer(f, text));
  if (a.type == enums::INDEXED_VALUE_TYPE_DOUBLE && !query::reals_beginning_with(text).empty())
    return counted(prefix_of_real(f, text));
  return constant(std::move(f), !begins, false);
}

result<filter> converter::prefix(const expression& x, const attribute& a) {
  const auto& right = x.right.front();
  if (auto ok = check_operand(right); !ok)
    return std::move(ok).error();
  filter f{.what = x.op == "starts_with" ? filter::op::starts_with : filter::op::not_starts_with,
           .attribute = a.name,
           .type = query::to_value_type(a.type)};
  auto is_tuple = right.what == operand::kind::tuple;
  if (!is_list_or_text(a) && !is_tuple)
    if (auto ok = add_value(f, a, right); !ok)
      return std::move(ok).error();
  if (is_list_or_text(a))
    return wrong_operator(x, a);
  auto literal = [&](const std::string& got) {
    return bad_expression("right-hand side of '" + x.op + "' must be a literal string (got: " + got
                          + ")");
  };
  if (right.what == operand::kind::number && a.type == enums::INDEXED_VALUE_TYPE_DATETIME)
    return prefix_of_number(std::move(f), x, a);
  if (right.what == operand::kind::number)
    return literal(query::number_text(right.text));
  if (right.what != operand::kind::text)
    return literal(shown(right));
  if (a.name == "ExecutionStatus" || a.name == "ExecutionDuration")
    return literal(std::to_string(f.values.front().integer));
  if (f.values.front().type != store::value_type::keyword)
    return prefix_of_number(std::move(f), x, a);
  return f;
}

result<filter> converter::comparison(const expression& x) {
  if (x.op.ends_with("like") || x.op.ends_with("regexp"))
    return bad_expression("invalid operator '" + x.op + "' in `" + shown(x) + "`");
  if (x.left.what != operand::kind::column)
    return no_column(x.left);
  auto a = find(x.left.text);
  if (!a)
    return std::move(a).error();
  if (x.op == "is")
    return bad_expression("'IS' operator can only be used with 'NULL' or 'NOT NULL'");
  if (x.op == "is null" || x.op == "is not null")
    return filter{.what = x.op == "is null" ? filter::op::is_null : filter::op::is_not_null,
                  .attribute = a->name,
                  .type = query::to_value_type(a->type)};
  if (x.op == "between" || x.op == "not between")
    return range(x, *a);
  if (x.op == "starts_with" || x.op == "not starts_with")
    return prefix(x, *a);
  auto lists = x.op == "in" || x.op == "not in";
  if (is_list_or_text(*a))
    for (const auto& o : lists ? x.right.front().elements : x.right)
      if (auto ok = check_operand(o); !ok)
        return std::move(ok).error();
  if (auto ok = check_operator(x, *a); !ok)
    return std::move(ok).error();
  filter f{
    .what = comparison_op(x.op), .attribute = a->name, .type = query::to_value_type(a->type)};
  const auto& right = x.right.front();
  bool several = f.what == filter::op::in || f.what == filter::op::not_in;
  if (auto ok = several ? add_tuple(f, *a, right) : add_value(f, *a, right); !ok)
    return std::move(ok).error();
  return f;
}

/// An attribute that a clause names; texts have neither groups nor an order.
result<attribute> named(converter& known, const operand& wanted) {
  if (wanted.what != operand::kind::column)
    return no_column(wanted);
  return known.find(wanted.text);
}

/// What counts may be grouped by: one attribute.
result<attribute> group_of(converter& known, const std::vector<operand>& wanted) {
  if (wanted.size() > 1)
    return not_supported("'GROUP BY' clause supports only a single field");
  auto a = named(known, wanted.front());
  if (a && a->type == enums::INDEXED_VALUE_TYPE_TEXT)
    return not_supported("'GROUP BY' clause is not supported for search attribute " + a->name);
  return a;
}

result<std::vector<store::sort_key>> order_of(converter& known,
                                              const std::vector<query::ordering>& wanted) {
  std::vector<store::sort_key> order;
  for (const auto& part : wanted) {
    auto a = named(known, part.by);
    if (!a)
      return std::move(a).error();
    if (a->type == enums::INDEXED_VALUE_TYPE_TEXT)
      return not_supported(std::string{"unable to sort by search attribute type "}
                           + type_name(a->type));
    order.push_back(
      {.attribute = a->name, .type = query::stored_type(*a), .is_descending = part.is_descending});
  }
  return order;
}

/// Adds the condition that hides the server's own runs.
filter without_own_runs(filter wanted) {
  filter hidden{.what = filter::op::is_null, .attribute = division};
  if (wanted.what == filter::op::everything)
    return hidden;
  filter both{.what = filter::op::both};
  both.children.push_back(std::move(wanted));
  both.children.push_back(std::move(hidden));
  return both;
}

/// What a call can do with a query besides filtering.
struct abilities {
  bool grouping = false;
  bool ordering = false;
};

error too_many_orderings(std::size_t most) {
  return not_supported("'ORDER BY' clause with more than " + std::to_string(most) + " fields");
}

result<visibility_query> parse_with(const std::string& text, const actors::namespace_entry& ns,
                                    const abilities& can, const query::limits& most) {
  auto parsed = query::parse(text, most);
  if (!parsed)
    return std::move(parsed).error();
  if (!parsed->order_by.empty() && !can.ordering)
    return not_supported("'ORDER BY' clause");
  if (parsed->order_by.size() > most.orderings)
    return too_many_orderings(most.orderings);
  if (parsed->has_limit)
    return not_supported("'LIMIT' clause");
  converter known{ns, most.values};
  visibility_query out;
  filter wanted;
  if (!parsed->conditions.empty()) {
    auto made = known.convert(parsed->conditions.front());
    if (!made)
      return std::move(made).error();
    wanted = std::move(*made);
  }
  if (!parsed->group_by.empty()) {
    auto a = group_of(known, parsed->group_by);
    if (!a)
      return std::move(a).error();
    if (!can.grouping)
      return not_supported("'GROUP BY' clause");
    out.group_by = a->name;
    out.group_type = query::stored_type(*a);
    out.group_shown_as = a->type;
  }
  auto order = order_of(known, parsed->order_by);
  if (!order)
    return std::move(order).error();
  out.order = std::move(*order);
  out.filter = known.speaks_of_division() ? std::move(wanted) : without_own_runs(std::move(wanted));
  return out;
}

} // namespace

result<visibility_query> parse_query(const std::string& text, const actors::namespace_entry& ns,
                                     bool grouping, const query::limits& most) {
  return parse_with(text, ns, {.grouping = grouping}, most);
}

result<visibility_query> parse_list_query(const std::string& text,
                                          const actors::namespace_entry& ns,
                                          const query::limits& most) {
  return parse_with(text, ns, {.ordering = true}, most);
}

} // namespace reprise::frontend
