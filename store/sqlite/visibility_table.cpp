#include "store/sqlite/visibility_table.hpp"

#include "store/columns.hpp"
#include "store/sql/attribute_codec.hpp"
#include "store/sql/value_index.hpp"

#include <algorithm>

namespace reprise::store::sqlite {

namespace {

statement& insert_or_update(database& db, bool is_new) {
  if (is_new)
    return db.prepared("INSERT INTO visibility(run_key, close_order, start_time, execution_time, "
                       "status, history_length, history_size_bytes, state_transitions, "
                       "namespace_id, workflow_id, run_id, workflow_type, task_queue, "
                       "parent_workflow_id, parent_run_id, root_workflow_id, root_run_id, "
                       "attributes, info, kind) "
                       "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  return db.prepared("INSERT INTO visibility(run_key, close_order, start_time, execution_time, "
                     "status, history_length, history_size_bytes, state_transitions, "
                     "namespace_id, workflow_id, run_id, workflow_type, task_queue, "
                     "parent_workflow_id, parent_run_id, root_workflow_id, root_run_id, "
                     "attributes, info, kind) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT(run_key) DO UPDATE SET close_order = excluded.close_order, "
                     "start_time = excluded.start_time, execution_time = excluded.execution_time, "
                     "status = excluded.status, history_length = excluded.history_length, "
                     "history_size_bytes = excluded.history_size_bytes, "
                     "state_transitions = excluded.state_transitions, "
                     "namespace_id = excluded.namespace_id, workflow_id = excluded.workflow_id, "
                     "run_id = excluded.run_id, workflow_type = excluded.workflow_type, "
                     "task_queue = excluded.task_queue, "
                     "parent_workflow_id = excluded.parent_workflow_id, "
                     "parent_run_id = excluded.parent_run_id, "
                     "root_workflow_id = excluded.root_workflow_id, "
                     "root_run_id = excluded.root_run_id, attributes = excluded.attributes, "
                     "info = excluded.info, kind = excluded.kind");
}

/// One process writes an embedded store: its counts need no shards.
constexpr int only_shard = 0;

/// What of a row decides where it is found, read in the order of `found_by_columns`.
constexpr auto found_by_columns = "run_key, close_order, start_time, namespace_id, kind, status, "
                                  "workflow_type, parent_workflow_id, attributes";

visibility_row read_found_by(const statement& s) {
  auto attributes = sql::decode_attributes(s.text(8));
  visibility_row row{.key = s.integer(0),
                     .namespace_id = s.string(3),
                     .kind = static_cast<machine_kind>(s.integer(4)),
                     .workflow_type = s.string(6),
                     .status = static_cast<int>(s.integer(5)),
                     .start_time = from_nanoseconds(s.integer(2)),
                     .parent_workflow_id = s.string(7)};
  if (s.integer(1) != open_run_order)
    row.close_time = from_nanoseconds(s.integer(1));
  // One that cannot be read has no entries: so it was written, or it is damaged.
  if (attributes)
    row.search_attributes = std::move(*attributes);
  return row;
}

std::optional<visibility_row> find_listed(database& db, std::int64_t key) {
  static const auto text = std::string{"SELECT "} + found_by_columns
                           + " FROM visibility WHERE run_key = ?";
  running s{db.prepared(text.c_str())};
  if (!s->bind(key).step())
    return std::nullopt;
  return read_found_by(*s);
}

void add_value(database& db, std::int64_t hash, const visibility_row& row, std::int64_t key) {
  db.prepared(
      "INSERT OR IGNORE INTO attribute_values(value_hash, close_order, start_time, run_key) "
      "VALUES(?, ?, ?, ?)")
    .bind(hash)
    .bind(close_order(row))
    .bind(nanoseconds(row.start_time))
    .bind(key)
    .run();
}

void remove_value(database& db, std::int64_t hash, const visibility_row& row, std::int64_t key) {
  db.prepared("DELETE FROM attribute_values WHERE value_hash = ? AND close_order = ? "
              "AND start_time = ? AND run_key = ?")
    .bind(hash)
    .bind(close_order(row))
    .bind(nanoseconds(row.start_time))
    .bind(key)
    .run();
}

/// What is the same before and after is not touched.
void move_values(database& db, std::int64_t key, const visibility_row* before,
                 const visibility_row* after) {
  auto old = before != nullptr ? sql::value_hashes(*before) : std::vector<std::int64_t>{};
  auto now = after != nullptr ? sql::value_hashes(*after) : std::vector<std::int64_t>{};
  auto stays = before != nullptr && after != nullptr && close_order(*before) == close_order(*after)
               && before->start_time == after->start_time;
  auto is_in = [](const std::vector<std::int64_t>& all, std::int64_t hash) {
    return std::ranges::binary_search(all, hash);
  };
  for (auto hash : old)
    if (!stays || !is_in(now, hash))
      remove_value(db, hash, *before, key);
  for (auto hash : now)
    if (!stays || !is_in(old, hash))
      add_value(db, hash, *after, key);
}

} // namespace

const char* const visibility_columns
  = "v.run_key, v.close_order, v.start_time, v.execution_time, v.status, v.history_length, "
    "v.history_size_bytes, v.state_transitions, v.namespace_id, v.workflow_id, v.run_id, "
    "v.workflow_type, v.task_queue, v.parent_workflow_id, v.parent_run_id, v.root_workflow_id, "
    "v.root_run_id, v.attributes, v.info, v.kind";

void put_visibility(database& db, std::int64_t key, const visibility_row& row, bool is_new,
                    sql::count_changes& counts) {
  auto before = is_new ? std::nullopt : find_listed(db, key);
  if (before)
    counts.remove(*before, only_shard);
  counts.add(row, only_shard);
  move_values(db, key, before ? &*before : nullptr, &row);
  auto attributes = sql::encode_attributes(row.search_attributes);
  auto& s = insert_or_update(db, is_new);
  s.bind(key).bind(close_order(row)).bind(nanoseconds(row.start_time));
  s.bind(nanoseconds(row.execution_time)).bind(std::int64_t{row.status});
  s.bind(row.history_length).bind(row.history_size_bytes).bind(row.state_transition_count);
  s.bind(row.namespace_id).bind(row.workflow_id).bind(row.run_id).bind(row.workflow_type);
  s.bind(row.task_queue).bind_unless_empty(row.parent_workflow_id);
  s.bind_unless_empty(row.parent_run_id).bind_unless_empty(row.root_workflow_id);
  s.bind_unless_empty(row.root_run_id).bind_blob(attributes).bind_blob(row.info);
  s.bind(static_cast<std::int64_t>(row.kind)).run();
}

void erase_visibility(database& db, std::int64_t key, sql::count_changes& counts) {
  auto before = find_listed(db, key);
  if (!before)
    return;
  counts.erase(*before, only_shard);
  move_values(db, key, &*before, nullptr);
  db.prepared("DELETE FROM visibility WHERE run_key = ?").bind(key).run();
}

void write_counts(database& db, sql::count_changes& counts) {
  for (const auto& [of, change] : counts.all()) {
    auto kind = static_cast<std::int64_t>(of.kind);
    db.prepared("INSERT INTO listed_counts(namespace_id, kind, workflow_type, status, runs) "
                "VALUES(?, ?, ?, ?, ?) ON CONFLICT(namespace_id, kind, workflow_type, status) "
                "DO UPDATE SET runs = runs + excluded.runs")
      .bind(of.namespace_id)
      .bind(kind)
      .bind(of.workflow_type)
      .bind(std::int64_t{of.status})
      .bind(change.by)
      .run();
    if (change.may_end)
      db.prepared("DELETE FROM listed_counts WHERE namespace_id = ? AND kind = ? "
                  "AND workflow_type = ? AND runs = 0")
        .bind(of.namespace_id)
        .bind(kind)
        .bind(of.workflow_type)
        .run();
  }
  counts.clear();
}

void index_visibility(database& db) {
  sql::count_changes counts;
  auto all = db.prepare(std::string{"SELECT "} + found_by_columns + " FROM visibility");
  while (all.step()) {
    auto row = read_found_by(all);
    counts.add(row, only_shard);
    move_values(db, row.key, nullptr, &row);
  }
  write_counts(db, counts);
}

visibility_row read_visibility(const statement& s) {
  auto attributes = sql::decode_attributes(s.text(17));
  if (!attributes)
    throw failure{SQLITE_CORRUPT, "the search attributes of a row cannot be read"};
  visibility_row row{.key = s.integer(0),
                     .namespace_id = s.string(8),
                     .kind = static_cast<machine_kind>(s.integer(19)),
                     .workflow_id = s.string(9),
                     .run_id = s.string(10),
                     .workflow_type = s.string(11),
                     .task_queue = s.string(12),
                     .status = static_cast<int>(s.integer(4)),
                     .start_time = from_nanoseconds(s.integer(2)),
                     .execution_time = from_nanoseconds(s.integer(3)),
                     .history_length = s.integer(5),
                     .history_size_bytes = s.integer(6),
                     .state_transition_count = s.integer(7),
                     .parent_workflow_id = s.string(13),
                     .parent_run_id = s.string(14),
                     .root_workflow_id = s.string(15),
                     .root_run_id = s.string(16),
                     .search_attributes = std::move(*attributes),
                     .info = s.string(18)};
  if (s.integer(1) != open_run_order)
    row.close_time = from_nanoseconds(s.integer(1));
  return row;
}

} // namespace reprise::store::sqlite
