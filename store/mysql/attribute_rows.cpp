#include "store/mysql/attribute_rows.hpp"

#include "store/columns.hpp"
#include "store/sql/value_index.hpp"

#include <set>

namespace reprise::store::mysql {

const char* const attributes_head
  = "INSERT INTO attributes(run_key, name, place, type, text_value, integer_value, real_value, "
    "value_hash, close_order, start_time) VALUES ";

const char* const attributes_tail
  = " ON DUPLICATE KEY UPDATE text_value = VALUES(text_value), value_hash = VALUES(value_hash), "
    "close_order = VALUES(close_order), start_time = VALUES(start_time)";

std::vector<attribute_row> attribute_rows(const visibility_row& row) {
  std::vector<attribute_row> out;
  std::set<std::int64_t> seen;
  auto add = [&](sql::attribute_element element) {
    auto hash = sql::value_hash(row.namespace_id, row.kind, element);
    if (hash && !seen.insert(*hash).second)
      hash.reset();
    out.push_back({.element = std::move(element),
                   .value_hash = hash,
                   .close_order = close_order(row),
                   .start_time = nanoseconds(row.start_time)});
  };
  for (auto& element : sql::column_elements(row)) {
    add(std::move(element));
    // It stands in the row; here it is only found.
    out.back().element.text.reset();
    out.back().element.integer.reset();
  }
  for (auto& element : sql::elements_of(row.search_attributes))
    add(std::move(element));
  return out;
}

void add_attribute_row(connection& db, row_batch& batch, std::int64_t key,
                       const attribute_row& row) {
  const auto& e = row.element;
  batch.add(db, key, e.name, e.place, static_cast<int>(e.type), e.text, e.integer, e.real,
            row.value_hash, row.close_order, row.start_time);
}

void write_counts(connection& db, sql::count_changes& counts) {
  row_batch changes{"INSERT INTO listed_counts(namespace_id, kind, shard, workflow_type, status, "
                    "runs) VALUES ",
                    " ON DUPLICATE KEY UPDATE runs = runs + VALUES(runs)"};
  const auto& all = counts.all();
  for (const auto& [of, change] : all)
    changes.add(db, of.namespace_id, static_cast<int>(of.kind), of.shard, of.workflow_type,
                of.status, change.by);
  changes.flush(db);
  for (const auto& [of, change] : all)
    if (change.may_end)
      db.execute(fill("DELETE FROM listed_counts WHERE namespace_id = ? AND kind = ? "
                      "AND shard = ? AND workflow_type = ? AND runs = 0",
                      of.namespace_id, static_cast<int>(of.kind), of.shard, of.workflow_type));
  counts.clear();
}

} // namespace reprise::store::mysql
