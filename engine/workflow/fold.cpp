// What the events of a run as a whole do to it: its start and its end.

#include "engine/machine/evolve.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/workflow/rules.hpp"
#include "engine/workflow/versioning.hpp"

namespace reprise::engine {

namespace {

const std::string& next_run_of(const history_event& close) {
  if (close.has_workflow_execution_completed_event_attributes())
    return close.workflow_execution_completed_event_attributes().new_execution_run_id();
  if (close.has_workflow_execution_failed_event_attributes())
    return close.workflow_execution_failed_event_attributes().new_execution_run_id();
  if (close.has_workflow_execution_timed_out_event_attributes())
    return close.workflow_execution_timed_out_event_attributes().new_execution_run_id();
  return close.workflow_execution_continued_as_new_event_attributes().new_execution_run_id();
}

/// Those of this run can be reset to as long as it is kept, and the next run says so, too.
void expire_points(execution& x, time_point at) {
  for (auto& point : *x.mutable_reset_points())
    if (point.run_id() == x.created().run_id())
      *point.mutable_expire_time() = to_proto(at);
}

} // namespace

void fold_created(execution& x, const journal::Fact& fact) {
  *x.mutable_created() = fact.created();
  if (x.next_event_id() == 0)
    x.set_next_event_id(1);
}

void fold_started(execution& x, const history_event& event) {
  const auto& a = event.workflow_execution_started_event_attributes();
  *x.mutable_started() = a;
  x.set_status(enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
  *x.mutable_memo() = a.memo().fields();
  *x.mutable_search_attributes() = a.search_attributes().indexed_fields();
  if (a.has_versioning_override())
    *x.mutable_versioning_override() = a.versioning_override();
  if (!is_of_former(event))
    list_versioning(x);
  if (a.has_priority())
    *x.mutable_priority() = a.priority();
  *x.mutable_completion_callbacks() = a.completion_callbacks();
  *x.mutable_reset_points() = a.prev_auto_reset_points().points();
  auto begin = x.created().has_start_time() ? x.created().start_time() : event.event_time();
  *x.mutable_execution_time()
    = to_proto(from_proto(begin) + from_proto(a.first_workflow_task_backoff()));
  if (!x.created().start_request_id().empty()) {
    auto& request = (*x.mutable_request_ids())[x.created().start_request_id()];
    request.set_id(x.created().start_request_id());
    request.set_event_id(event.event_id());
    request.set_event_type(event.event_type());
    *request.mutable_time() = event.event_time();
  }
}

void fold_closed(execution& x, const history_event& event) {
  x.set_status(rule_of(event.event_type()).closes_as);
  *x.mutable_close_time() = event.event_time();
  *x.mutable_close_event() = event;
  // Describe still tells of a task that nobody took, as of all else that was pending.
  if (x.workflow_task().started_event_id() != 0)
    x.clear_workflow_task();
  x.clear_buffered_events();
  x.clear_sticky();
  if (!next_run_of(event).empty() && !is_of_former(event))
    expire_points(x, from_proto(event.event_time()) + from_proto(x.created().retention()));
}

} // namespace reprise::engine
