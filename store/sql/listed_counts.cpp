#include "store/sql/listed_counts.hpp"

#include <algorithm>

namespace reprise::store::sql {

namespace {

constexpr const char* division = "TemporalNamespaceDivision";
constexpr const char* type_column = "WorkflowType";
constexpr const char* status_column = "ExecutionStatus";

bool hides_divisions(const filter& f) {
  return f.what == filter::op::is_null && f.attribute == division;
}

bool asks_for_counted(const filter& f) {
  if (f.what == filter::op::everything)
    return true;
  if (f.what == filter::op::both || f.what == filter::op::either || f.what == filter::op::negation)
    return std::ranges::all_of(f.children, asks_for_counted);
  return f.attribute == type_column || f.attribute == status_column || f.attribute == division;
}

} // namespace

count_changes::change* count_changes::find(const visibility_row& row, int shard) {
  for (const auto& attribute : row.search_attributes)
    if (attribute.name == division)
      return nullptr;
  return &changes_[{.namespace_id = row.namespace_id,
                    .kind = row.kind,
                    .shard = shard,
                    .workflow_type = row.workflow_type,
                    .status = row.status}];
}

void count_changes::add(const visibility_row& row, int shard) {
  if (auto* found = find(row, shard))
    ++found->by;
}

void count_changes::remove(const visibility_row& row, int shard) {
  if (auto* found = find(row, shard))
    --found->by;
}

void count_changes::erase(const visibility_row& row, int shard) {
  if (auto* found = find(row, shard)) {
    --found->by;
    found->may_end = true;
  }
}

void count_changes::merge(const count_changes& more) {
  for (const auto& [key, change] : more.changes_) {
    auto& mine = changes_[key];
    mine.by += change.by;
    mine.may_end = mine.may_end || change.may_end;
  }
}

void count_changes::clear() noexcept {
  changes_.clear();
}

const std::map<count_key, count_changes::change>& count_changes::all() noexcept {
  std::erase_if(changes_, [](const auto& entry) { return entry.second.by == 0; });
  return changes_;
}

bool is_in_counts(const filter& f, const std::string& group_by) {
  if (!group_by.empty() && group_by != type_column && group_by != status_column)
    return false;
  auto hides = hides_divisions(f)
               || (f.what == filter::op::both && std::ranges::any_of(f.children, hides_divisions));
  return hides && asks_for_counted(f);
}

void counts_reader::add(std::string workflow_type, int status, std::int64_t count) {
  visibility_row row{.workflow_type = std::move(workflow_type), .status = status};
  if (count == 0 || !matches(filter_, row))
    return;
  total_ += count;
  found_.emplace_back(std::move(row), count);
}

result<std::vector<group_count>> counts_reader::groups(const std::string& group_by,
                                                       value_type type) const {
  value_counts counts;
  for (const auto& [row, count] : found_)
    counts.add(value_of(row, group_by, type), count);
  return std::move(counts).sorted();
}

} // namespace reprise::store::sql
