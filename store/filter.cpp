// The meaning of a filter. Logic has three values, as in SQL: a comparison with an attribute that a
// row lacks is neither true nor false, and neither is its negation, so both leave the row out. That
// is how the reference server answers, and it lets the SQL stores compile a filter to the same
// expression without a special case.
#include "store/filter.hpp"

#include "store/columns.hpp"

#include <algorithm>
#include <compare>

namespace reprise::store {

namespace {

enum class truth : std::uint8_t {
  no,
  unknown,
  yes
};

truth from_bool(bool b) noexcept {
  return b ? truth::yes : truth::no;
}

truth opposite(truth t) noexcept {
  return t == truth::unknown ? t : from_bool(t == truth::no);
}

bool is_text(value_type type) noexcept {
  return type == value_type::keyword || type == value_type::text
         || type == value_type::keyword_list;
}

cell to_cell(const search_value& v) {
  if (is_text(v.type)) {
    if (v.texts.empty())
      return {};
    return std::string_view{v.texts.front()};
  }
  if (v.type == value_type::real)
    return v.real;
  return v.integer;
}

/// Unordered when one of both is absent, a NaN, or of the other kind.
std::partial_ordering compare(const cell& a, const cell& b) {
  constexpr auto unordered = std::partial_ordering::unordered;
  if (a.index() == 0 || b.index() == 0)
    return unordered;
  auto a_text = std::get_if<std::string_view>(&a);
  auto b_text = std::get_if<std::string_view>(&b);
  if (a_text != nullptr && b_text != nullptr)
    return *a_text <=> *b_text;
  if (a_text != nullptr || b_text != nullptr)
    return unordered;
  // A long double holds every 64-bit integer exactly here.
  auto number = [](const cell& c) {
    auto i = std::get_if<std::int64_t>(&c);
    return i != nullptr ? static_cast<long double>(*i)
                        : static_cast<long double>(std::get<double>(c));
  };
  return number(a) <=> number(b);
}

template <class Predicate>
truth test(const cell& have, const cell& want, Predicate holds) {
  auto order = compare(have, want);
  return order == std::partial_ordering::unordered ? truth::unknown : from_bool(holds(order));
}

truth any_of(const filter& f, const cell& have) {
  if (have.index() == 0)
    return truth::unknown;
  auto found = truth::no;
  for (auto& value : f.values)
    found = std::max(found, test(have, to_cell(value), [](auto o) { return o == 0; }));
  return found;
}

truth starts_with(const filter& f, const cell& have) {
  auto text = std::get_if<std::string_view>(&have);
  if (text == nullptr || f.values.empty())
    return truth::unknown;
  auto want = to_cell(f.values.front());
  auto prefix = std::get_if<std::string_view>(&want);
  return prefix == nullptr ? truth::unknown : from_bool(text->starts_with(*prefix));
}

truth compare_one(const filter& f, const cell& have) {
  auto want = [&](std::size_t i) { return i < f.values.size() ? to_cell(f.values[i]) : cell{}; };
  switch (f.what) {
    using enum filter::op;
    case equal:
      return test(have, want(0), [](auto o) { return o == 0; });
    case less:
      return test(have, want(0), [](auto o) { return o < 0; });
    case less_equal:
      return test(have, want(0), [](auto o) { return o <= 0; });
    case greater:
      return test(have, want(0), [](auto o) { return o > 0; });
    case greater_equal:
      return test(have, want(0), [](auto o) { return o >= 0; });
    case in:
      return any_of(f, have);
    case between:
      return std::min(test(have, want(0), [](auto o) { return o >= 0; }),
                      test(have, want(1), [](auto o) { return o <= 0; }));
    case starts_with:
      return store::starts_with(f, have);
    default:
      return truth::unknown;
  }
}

/// Lists and texts know only `=` and `in`: true when any element is one of the wanted.
truth compare_elements(const filter& f, const search_value& have) {
  if (f.what != filter::op::equal && f.what != filter::op::in)
    return truth::unknown;
  auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
  };
  auto is_list = have.type == value_type::keyword_list;
  auto elements = is_list || have.texts.empty() ? have.texts : words_of(have.texts.front());
  for (auto& value : f.values) {
    if (!is_text(value.type) || value.texts.empty())
      continue;
    auto wanted = is_list ? std::vector{value.texts.front()} : words_of(value.texts.front());
    if (std::ranges::any_of(wanted, [&](auto& w) { return has(elements, w); }))
      return truth::yes;
  }
  return truth::no;
}

const search_value* find_attribute(const visibility_row& row, const std::string& name) {
  for (auto& a : row.search_attributes)
    if (a.name == name)
      return &a.value;
  return nullptr;
}

truth is_null(const filter& f, const visibility_row& row) {
  if (f.attribute == "CloseTime")
    return from_bool(!row.close_time);
  if (auto column = find_system_column(f.attribute))
    return from_bool(column->read(row).index() == 0);
  return from_bool(find_attribute(row, f.attribute) == nullptr);
}

truth compare_attribute(const filter& f, const visibility_row& row) {
  if (f.what == filter::op::is_null)
    return is_null(f, row);
  if (auto column = find_system_column(f.attribute))
    return compare_one(f, column->read(row));
  auto value = find_attribute(row, f.attribute);
  if (value == nullptr || value->type != f.type)
    return truth::unknown;
  if (f.type == value_type::keyword_list || f.type == value_type::text)
    return compare_elements(f, *value);
  return compare_one(f, to_cell(*value));
}

truth evaluate(const filter& f, const visibility_row& row);

truth fold_children(const filter& f, const visibility_row& row, truth start, bool minimum) {
  auto all = start;
  for (auto& child : f.children) {
    auto one = evaluate(child, row);
    all = minimum ? std::min(all, one) : std::max(all, one);
  }
  return all;
}

truth evaluate(const filter& f, const visibility_row& row) {
  switch (f.what) {
    using enum filter::op;
    case everything:
      return truth::yes;
    case both:
      return fold_children(f, row, truth::yes, true);
    case either:
      return fold_children(f, row, truth::no, false);
    case negation:
      return f.children.size() == 1 ? opposite(evaluate(f.children[0], row)) : truth::unknown;
    default:
      break;
  }
  if (auto positive = positive_form(f.what); positive != f.what) {
    auto copy
      = filter{.what = positive, .attribute = f.attribute, .type = f.type, .values = f.values};
    return opposite(compare_attribute(copy, row));
  }
  return compare_attribute(f, row);
}

} // namespace

filter::op positive_form(filter::op what) noexcept {
  switch (what) {
    using enum filter::op;
    case not_equal:
      return equal;
    case not_in:
      return in;
    case not_between:
      return between;
    case not_starts_with:
      return starts_with;
    case is_not_null:
      return is_null;
    default:
      return what;
  }
}

filter_size size_of(const filter& f) noexcept {
  filter_size all{.leaves = f.children.empty() ? 1U : 0U};
  for (const auto& child : f.children) {
    auto one = size_of(child);
    all.depth = std::max(all.depth, one.depth + 1);
    all.leaves += one.leaves;
  }
  return all;
}

bool matches(const filter& f, const visibility_row& row) {
  return evaluate(f, row) == truth::yes;
}

} // namespace reprise::store
