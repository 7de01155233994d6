#include "store/sql/condition.hpp"

#include "store/columns.hpp"

namespace reprise::store::sql {

namespace {

bool is_text(value_type type) noexcept {
  return type == value_type::keyword || type == value_type::text
         || type == value_type::keyword_list;
}

/// The least text that is greater than all texts with this prefix; nothing when there is none.
std::optional<std::string> after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff)
    prefix.pop_back();
  if (prefix.empty())
    return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

/// Writes the condition from left to right, each parameter in step with its `?`.
class compiler {
public:
  compiler(const std::string& namespace_id, machine_kind kind)
    : namespace_id_(namespace_id), kind_(kind) {
  }

  void write(const filter& f);

  condition finish() && {
    return std::move(out_);
  }

private:
  void write_children(const filter& f, const char* joint, const char* empty);
  void write_leaf(const filter& f);
  void write_positive(const filter& f);
  void write_null_test(const filter& f);
  void write_comparison(const filter& f);
  void write_elements(const filter& f);
  void write_operand(const filter& f);
  void write_value(const filter& f, std::size_t i);
  void write_in(const filter& f);
  void write_prefix(const filter& f);
  void write_index_hint(const filter& f);
  bool value_fits(const filter& f, std::size_t i) const;

  void text(std::string_view t) {
    out_.text += t;
  }

  void bind(parameter p) {
    out_.text += '?';
    out_.parameters.push_back(std::move(p));
  }

  void bind_value(const search_value& v) {
    if (is_text(v.type))
      bind(v.texts.front());
    else if (v.type == value_type::real)
      bind(v.real);
    else
      bind(v.integer);
  }

  const std::string& namespace_id_;
  const machine_kind kind_;
  condition out_;
};

void compiler::write(const filter& f) {
  switch (f.what) {
    using enum filter::op;
    case everything:
      return text("1=1");
    case both:
      return write_children(f, " AND ", "1=1");
    case either:
      return write_children(f, " OR ", "1=0");
    case negation:
      if (f.children.size() != 1)
        return text("NULL");
      text("(NOT ");
      write(f.children[0]);
      return text(")");
    default:
      return write_leaf(f);
  }
}

void compiler::write_children(const filter& f, const char* joint, const char* empty) {
  if (f.children.empty())
    return text(empty);
  text("(");
  for (std::size_t i = 0; i < f.children.size(); ++i) {
    if (i != 0)
      text(joint);
    write(f.children[i]);
  }
  text(")");
}

void compiler::write_leaf(const filter& f) {
  auto positive = positive_form(f.what);
  if (positive == f.what)
    return write_positive(f);
  auto copy
    = filter{.what = positive, .attribute = f.attribute, .type = f.type, .values = f.values};
  text("(NOT ");
  write_positive(copy);
  text(")");
}

void compiler::write_positive(const filter& f) {
  if (f.what == filter::op::is_null)
    return write_null_test(f);
  auto custom = find_system_column(f.attribute) == nullptr;
  if (custom && (f.type == value_type::keyword_list || f.type == value_type::text))
    return write_elements(f);
  write_comparison(f);
}

void compiler::write_null_test(const filter& f) {
  if (f.attribute == "CloseTime") {
    text("v.close_order = ");
    return bind(open_run_order);
  }
  if (auto column = find_system_column(f.attribute)) {
    text("(");
    text(column->sql);
    return text(" IS NULL)");
  }
  text("(NOT EXISTS (SELECT 1 FROM attributes a WHERE a.run_key = v.run_key AND a.name = ");
  bind(f.attribute);
  text("))");
}

/// The compared value; NULL when the row lacks it.
void compiler::write_operand(const filter& f) {
  if (auto column = find_system_column(f.attribute))
    return text(column->sql);
  text("(SELECT ");
  text(value_column(f.type));
  text(" FROM attributes a WHERE a.run_key = v.run_key AND a.name = ");
  bind(f.attribute);
  text(" AND a.place = 0 AND a.type = ");
  bind(std::int64_t{static_cast<int>(f.type)});
  text(")");
}

bool compiler::value_fits(const filter& f, std::size_t i) const {
  if (i >= f.values.size())
    return false;
  auto column = find_system_column(f.attribute);
  auto wants_text = column != nullptr ? column->is_text : is_text(f.type);
  auto& value = f.values[i];
  return is_text(value.type) == wants_text && (!wants_text || !value.texts.empty());
}

void compiler::write_value(const filter& f, std::size_t i) {
  // A value of the other kind compares as unknown, as in matches(); no database converts it.
  if (value_fits(f, i))
    bind_value(f.values[i]);
  else
    text("NULL");
}

void compiler::write_comparison(const filter& f) {
  auto compare = [&](const char* sign) {
    text("(");
    write_operand(f);
    text(sign);
    write_value(f, 0);
    write_index_hint(f);
    text(")");
  };
  switch (f.what) {
    using enum filter::op;
    case equal:
      return compare(" = ");
    case less:
      return compare(" < ");
    case less_equal:
      return compare(" <= ");
    case greater:
      return compare(" > ");
    case greater_equal:
      return compare(" >= ");
    case between:
      text("(");
      write_operand(f);
      text(" >= ");
      write_value(f, 0);
      text(" AND ");
      write_operand(f);
      text(" <= ");
      write_value(f, 1);
      return text(")");
    case in:
      return write_in(f);
    case starts_with:
      return write_prefix(f);
    default:
      return text("NULL");
  }
}

void compiler::write_in(const filter& f) {
  text("(");
  write_operand(f);
  if (f.values.empty()) {
    // In nothing: false, or unknown when the row lacks the attribute.
    text(" <> ");
    write_operand(f);
    return text(")");
  }
  text(" IN (");
  for (std::size_t i = 0; i < f.values.size(); ++i) {
    if (i != 0)
      text(",");
    write_value(f, i);
  }
  text(")");
  write_index_hint(f);
  text(")");
}

void compiler::write_prefix(const filter& f) {
  auto column = find_system_column(f.attribute);
  if (!value_fits(f, 0) || (column != nullptr ? !column->is_text : f.type != value_type::keyword))
    return text("NULL");
  auto& prefix = f.values[0].texts.front();
  text("(");
  write_operand(f);
  text(" >= ");
  bind(prefix);
  if (auto end = after_prefix(prefix)) {
    text(" AND ");
    write_operand(f);
    text(" < ");
    bind(std::move(*end));
  }
  text(")");
}

/// Equality of the two ids leads to the row through an index. The addition is implied by the
/// comparison, so it changes nothing else; neither column is ever NULL.
void compiler::write_index_hint(const filter& f) {
  if (f.what != filter::op::equal && f.what != filter::op::in)
    return;
  auto is_workflow_id = f.attribute == "WorkflowId";
  if (!is_workflow_id && f.attribute != "RunId")
    return;
  for (std::size_t i = 0; i < f.values.size(); ++i)
    if (!value_fits(f, i))
      return;
  auto last = f.what == filter::op::equal ? 1 : f.values.size();
  text(is_workflow_id ? " AND v.run_key IN (SELECT i.run_key FROM run_ids i WHERE i.id_hash IN ("
                      : " AND v.run_key IN (SELECT r.run_key FROM runs r WHERE r.run_id IN (");
  for (std::size_t i = 0; i < last && i < f.values.size(); ++i) {
    if (i != 0)
      text(",");
    auto& id = f.values[i].texts.front();
    if (is_workflow_id)
      bind(id_hash(namespace_id_, kind_, id));
    else
      bind(id);
  }
  text("))");
}

/// Lists and texts: one row of `attributes` an element. MAX over no row is NULL: the row lacks the
/// attribute. An attribute without elements has one row without a value.
void compiler::write_elements(const filter& f) {
  if (f.what != filter::op::equal && f.what != filter::op::in)
    return text("NULL");
  std::vector<std::string> wanted;
  for (auto& value : f.values) {
    if (!is_text(value.type) || value.texts.empty())
      continue;
    if (f.type == value_type::keyword_list)
      wanted.push_back(value.texts.front());
    else
      for (auto& word : words_of(value.texts.front()))
        wanted.push_back(std::move(word));
  }
  text("(SELECT MAX(");
  if (wanted.empty()) {
    text("0");
  } else {
    text("COALESCE(a.text_value IN (");
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (i != 0)
        text(",");
      bind(std::move(wanted[i]));
    }
    text("), 0)");
  }
  text(") FROM attributes a WHERE a.run_key = v.run_key AND a.name = ");
  bind(f.attribute);
  text(" AND a.type = ");
  bind(std::int64_t{static_cast<int>(f.type)});
  text(")");
}

} // namespace

const char* value_column(value_type type) noexcept {
  if (is_text(type))
    return "a.text_value";
  return type == value_type::real ? "a.real_value" : "a.integer_value";
}

condition compile(const std::string& namespace_id, machine_kind kind, const filter& f) {
  compiler c{namespace_id, kind};
  c.write(f);
  return std::move(c).finish();
}

std::int64_t id_hash(const std::string& namespace_id, machine_kind kind,
                     const std::string& id) noexcept {
  constexpr std::uint64_t prime = 1099511628211ULL;
  std::uint64_t hash = 14695981039346656037ULL;
  if (kind != machine_kind::workflow)
    hash = (hash ^ static_cast<std::uint64_t>(kind)) * prime;
  for (unsigned char c : namespace_id)
    hash = (hash ^ c) * prime;
  hash *= prime;
  for (unsigned char c : id)
    hash = (hash ^ c) * prime;
  return static_cast<std::int64_t>(hash);
}

} // namespace reprise::store::sql
