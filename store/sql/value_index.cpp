#include "store/sql/value_index.hpp"

#include "store/columns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace reprise::store::sql {

namespace {

constexpr const char* parent_name = "ParentWorkflowId";
constexpr const char* status_name = "ExecutionStatus";

/// Failed, canceled, terminated, timed out. Most runs are running or completed, or went on.
constexpr bool is_rare_status(std::int64_t status) noexcept {
  return (status >= 3 && status <= 5) || status == 7;
}

bool is_text(value_type type) noexcept {
  return type == value_type::keyword || type == value_type::text
         || type == value_type::keyword_list;
}

/// Values of these are shared by nearly all runs of a while, so an entry would cost every run more
/// than it helps.
bool is_indexed(std::string_view name) noexcept {
  return name != "BuildIds" && name != "BinaryChecksums";
}

class hasher {
public:
  hasher& add(std::string_view bytes) noexcept {
    for (unsigned char c : bytes)
      step(c);
    return *this;
  }

  hasher& add(std::int64_t n) noexcept {
    auto bits = static_cast<std::uint64_t>(n);
    for (int i = 0; i < 8; ++i)
      step(static_cast<unsigned char>(bits >> (8 * i)));
    return *this;
  }

  /// Where a text ends; no byte of a text does this.
  hasher& end() noexcept {
    hash_ = (hash_ ^ 0x100) * prime;
    return *this;
  }

  std::int64_t value() const noexcept {
    return static_cast<std::int64_t>(hash_);
  }

private:
  static constexpr std::uint64_t prime = 1099511628211ULL;

  void step(unsigned char c) noexcept {
    hash_ = (hash_ ^ c) * prime;
  }

  std::uint64_t hash_ = 14695981039346656037ULL;
};

/// The value as the attribute's type has it, where one of that type can be equal to it.
std::optional<attribute_element> as_element(const std::string& attribute, value_type type,
                                            const search_value& wanted) {
  attribute_element out{.name = attribute, .type = type};
  if (is_text(type)) {
    if (!is_text(wanted.type) || wanted.texts.empty())
      return std::nullopt;
    out.text = wanted.texts.front();
    return out;
  }
  if (is_text(wanted.type))
    return std::nullopt;
  auto is_real = wanted.type == value_type::real;
  if (type == value_type::real) {
    auto real = is_real ? wanted.real : static_cast<double>(wanted.integer);
    // Beyond 2^53 not every integer is a real one.
    constexpr std::int64_t exact = std::int64_t{1} << 53;
    if (!is_real && (wanted.integer > exact || wanted.integer < -exact))
      return std::nullopt;
    out.real = real;
    return out;
  }
  constexpr double end = 0x1p63;
  if (is_real
      && (wanted.real < -end || wanted.real >= end || std::trunc(wanted.real) != wanted.real))
    return std::nullopt;
  out.integer = is_real ? static_cast<std::int64_t>(wanted.real) : wanted.integer;
  return out;
}

/// Whether an id leads to the rows (condition.cpp).
bool is_id(const filter& leaf) noexcept {
  return leaf.attribute == "WorkflowId" || leaf.attribute == "RunId";
}

bool is_lookup(const filter& leaf) noexcept {
  return leaf.what == filter::op::equal || leaf.what == filter::op::in;
}

/// Nothing when some value has no entry: rows may match it all the same.
std::optional<probe> probe_of(const std::string& namespace_id, machine_kind kind,
                              const filter& leaf) {
  constexpr std::size_t values_max = 100;
  auto is_system = find_system_column(leaf.attribute) != nullptr;
  auto has_entries = !is_system || leaf.attribute == parent_name || leaf.attribute == status_name;
  if (!has_entries || leaf.values.empty() || leaf.values.size() > values_max)
    return std::nullopt;
  // The type that the column has, whatever the filter says.
  auto type = !is_system                      ? leaf.type
              : leaf.attribute == status_name ? value_type::integer
                                              : value_type::keyword;
  probe out;
  // Of lists and texts `=` takes any of the values, as matches() says.
  auto is_one = leaf.what == filter::op::equal && type != value_type::text
                && type != value_type::keyword_list;
  auto count = is_one ? std::size_t{1} : leaf.values.size();
  for (const auto& wanted : std::span<const search_value>{leaf.values}.first(count)) {
    auto element = as_element(leaf.attribute, type, wanted);
    if (!element
        || (leaf.attribute == status_name && is_system && !is_rare_status(*element->integer)))
      return std::nullopt;
    auto words = type == value_type::text ? words_of(*element->text) : std::vector<std::string>{};
    if (type != value_type::text)
      words.push_back(element->text.value_or(""));
    for (auto& word : words) {
      if (element->text)
        element->text = std::move(word);
      auto hash = value_hash(namespace_id, kind, *element);
      if (!hash)
        return std::nullopt;
      out.hashes.push_back(*hash);
    }
  }
  std::ranges::sort(out.hashes);
  auto again = std::ranges::unique(out.hashes);
  out.hashes.erase(again.begin(), again.end());
  return out.hashes.empty() ? std::nullopt : std::optional{std::move(out)};
}

} // namespace

std::optional<std::int64_t> value_hash(const std::string& namespace_id, machine_kind kind,
                                       const attribute_element& element) {
  if (!is_indexed(element.name))
    return std::nullopt;
  hasher h;
  h.add(static_cast<std::int64_t>(kind)).add(namespace_id).end().add(element.name).end();
  h.add(static_cast<std::int64_t>(element.type));
  if (element.text)
    return h.add(*element.text).value();
  if (element.integer)
    return h.add(*element.integer).value();
  if (element.real)
    // Of the two zeros there is one.
    return h.add(std::bit_cast<std::int64_t>(*element.real == 0 ? 0.0 : *element.real)).value();
  return std::nullopt;
}

std::vector<attribute_element> column_elements(const visibility_row& row) {
  std::vector<attribute_element> out;
  if (!row.parent_workflow_id.empty())
    out.push_back(
      {.name = parent_name, .type = value_type::keyword, .text = row.parent_workflow_id});
  if (is_rare_status(row.status))
    out.push_back({.name = status_name, .type = value_type::integer, .integer = row.status});
  return out;
}

std::vector<std::int64_t> value_hashes(const visibility_row& row) {
  std::vector<std::int64_t> out;
  auto add = [&](const attribute_element& element) {
    if (auto hash = value_hash(row.namespace_id, row.kind, element))
      out.push_back(*hash);
  };
  for (const auto& element : column_elements(row))
    add(element);
  if (!row.search_attributes.empty())
    for (const auto& element : elements_of(row.search_attributes))
      add(element);
  std::ranges::sort(out);
  auto again = std::ranges::unique(out);
  out.erase(again.begin(), again.end());
  return out;
}

std::vector<probe> probes_of(const std::string& namespace_id, machine_kind kind, const filter& f) {
  constexpr std::size_t probes_max = 8;
  std::vector<probe> out;
  auto parts = f.what == filter::op::both ? std::span<const filter>{f.children}
                                          : std::span<const filter>{&f, 1};
  // A whole `both` within another one is as good as its parts.
  std::vector<const filter*> leaves;
  for (const auto& part : parts) {
    if (part.what == filter::op::both)
      for (const auto& leaf : part.children)
        leaves.push_back(&leaf);
    else
      leaves.push_back(&part);
  }
  for (const auto* leaf : leaves) {
    if (!is_lookup(*leaf))
      continue;
    if (is_id(*leaf))
      return {};
    if (auto made = probe_of(namespace_id, kind, *leaf); made && out.size() < probes_max)
      out.push_back(std::move(*made));
  }
  return out;
}

const probe* best_probe(const std::vector<std::pair<probe, std::int64_t>>& counted) {
  const std::pair<probe, std::int64_t>* best = nullptr;
  for (const auto& one : counted) {
    auto of_use = one.first.hashes.size() == 1 || one.second <= few_rows;
    if (of_use && (best == nullptr || one.second < best->second))
      best = &one;
  }
  return best == nullptr ? nullptr : &best->first;
}

} // namespace reprise::store::sql
