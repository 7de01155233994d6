#include "store/columns.hpp"

#include <algorithm>
#include <array>

namespace reprise::store {

namespace {

/// Parents and roots are stored as empty texts when a run has none.
cell unless_empty(const std::string& text) {
  if (text.empty())
    return {};
  return std::string_view{text};
}

/// The reference fills its counters when the run closes; until then they are null.
cell when_closed(const visibility_row& row, std::int64_t value) {
  if (!row.close_time)
    return {};
  return value;
}

using row_ref = const visibility_row&;

constexpr std::array system_columns{
  system_column{"CloseTime", "v.close_order", false,
                [](row_ref r) -> cell { return close_order(r); }},
  system_column{"ExecutionDuration",
                "(CASE WHEN v.close_order < 9223372036854775807 "
                "THEN v.close_order - v.execution_time END)",
                false,
                [](row_ref r) -> cell {
                  return when_closed(r, close_order(r) - nanoseconds(r.execution_time));
                }},
  system_column{"ExecutionStatus", "v.status", false,
                [](row_ref r) -> cell { return std::int64_t{r.status}; }},
  system_column{"ExecutionTime", "v.execution_time", false,
                [](row_ref r) -> cell { return nanoseconds(r.execution_time); }},
  system_column{"HistoryLength",
                "(CASE WHEN v.close_order < 9223372036854775807 THEN v.history_length END)", false,
                [](row_ref r) -> cell { return when_closed(r, r.history_length); }},
  system_column{"HistorySizeBytes",
                "(CASE WHEN v.close_order < 9223372036854775807 THEN v.history_size_bytes END)",
                false, [](row_ref r) -> cell { return when_closed(r, r.history_size_bytes); }},
  system_column{"ParentRunId", "v.parent_run_id", true,
                [](row_ref r) -> cell { return unless_empty(r.parent_run_id); }},
  system_column{"ParentWorkflowId", "v.parent_workflow_id", true,
                [](row_ref r) -> cell { return unless_empty(r.parent_workflow_id); }},
  system_column{"RootRunId", "v.root_run_id", true,
                [](row_ref r) -> cell { return unless_empty(r.root_run_id); }},
  system_column{"RootWorkflowId", "v.root_workflow_id", true,
                [](row_ref r) -> cell { return unless_empty(r.root_workflow_id); }},
  system_column{"RunId", "v.run_id", true,
                [](row_ref r) -> cell { return std::string_view{r.run_id}; }},
  system_column{"StartTime", "v.start_time", false,
                [](row_ref r) -> cell { return nanoseconds(r.start_time); }},
  system_column{"StateTransitionCount",
                "(CASE WHEN v.close_order < 9223372036854775807 THEN v.state_transitions END)",
                false, [](row_ref r) -> cell { return when_closed(r, r.state_transition_count); }},
  system_column{"TaskQueue", "v.task_queue", true,
                [](row_ref r) -> cell { return std::string_view{r.task_queue}; }},
  system_column{"WorkflowId", "v.workflow_id", true,
                [](row_ref r) -> cell { return std::string_view{r.workflow_id}; }},
  system_column{"WorkflowType", "v.workflow_type", true,
                [](row_ref r) -> cell { return std::string_view{r.workflow_type}; }},
};

static_assert(std::ranges::is_sorted(system_columns, {}, &system_column::name));

} // namespace

const system_column* find_system_column(std::string_view name) noexcept {
  auto found = std::ranges::lower_bound(system_columns, name, {}, &system_column::name);
  return found != system_columns.end() && found->name == name ? &*found : nullptr;
}

} // namespace reprise::store
