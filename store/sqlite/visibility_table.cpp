#include "store/sqlite/visibility_table.hpp"

#include "store/columns.hpp"
#include "store/sql/attribute_codec.hpp"

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

} // namespace

const char* const visibility_columns
  = "v.run_key, v.close_order, v.start_time, v.execution_time, v.status, v.history_length, "
    "v.history_size_bytes, v.state_transitions, v.namespace_id, v.workflow_id, v.run_id, "
    "v.workflow_type, v.task_queue, v.parent_workflow_id, v.parent_run_id, v.root_workflow_id, "
    "v.root_run_id, v.attributes, v.info, v.kind";

void put_visibility(database& db, std::int64_t key, const visibility_row& row, bool is_new) {
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
