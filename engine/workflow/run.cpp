// Beginning a run: its first two entries, and what it takes over from the run before it.

#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/version.hpp"
#include "engine/workflow/workflow.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

/// Run and execution deadlines, from the timeouts of the Started event. The clock of the chain
/// begins with its start, that of a run when its first task may run.
void set_deadlines(journal::RunCreated& created,
                   api::history::v1::WorkflowExecutionStartedEventAttributes& started,
                   time_point started_at, time_point first_task_at) {
  std::optional<time_point> execution_deadline;
  if (started.has_workflow_execution_expiration_time()) {
    execution_deadline = from_proto(started.workflow_execution_expiration_time());
  } else if (auto timeout = from_proto(started.workflow_execution_timeout()); timeout.count() > 0) {
    execution_deadline = started_at + timeout;
    *started.mutable_workflow_execution_expiration_time() = to_proto(*execution_deadline);
  }
  if (execution_deadline)
    *created.mutable_execution_deadline() = to_proto(*execution_deadline);
  std::optional<time_point> run_deadline;
  if (auto timeout = from_proto(started.workflow_run_timeout()); timeout.count() > 0)
    run_deadline = first_task_at + timeout;
  if (execution_deadline && (!run_deadline || *execution_deadline < *run_deadline))
    run_deadline = execution_deadline;
  if (run_deadline)
    *created.mutable_run_deadline() = to_proto(*run_deadline);
}

} // namespace

transition begin_run(run_plan plan, const context& c) {
  auto& started = plan.started;
  started.set_workflow_id(plan.workflow_id);
  started.set_original_execution_run_id(plan.run_id);
  if (started.first_execution_run_id().empty())
    started.set_first_execution_run_id(plan.run_id);
  if (started.attempt() == 0)
    started.set_attempt(1);
  auto backoff = from_proto(started.first_workflow_task_backoff());
  if (started.has_first_workflow_task_backoff())
    *started.mutable_first_workflow_task_backoff() = to_proto(backoff);

  journal::Fact fact;
  auto& created = *fact.mutable_created();
  created.set_namespace_id(c.ns.id);
  created.set_workflow_id(std::move(plan.workflow_id));
  created.set_run_id(std::move(plan.run_id));
  created.set_start_request_id(std::move(plan.start_request_id));
  *created.mutable_start_time() = to_proto(c.now);
  *created.mutable_retention() = to_proto(c.ns.retention);
  if (backoff.count() > 0)
    *created.mutable_first_task_at() = to_proto(c.now + backoff);
  set_deadlines(created, started, c.now, c.now + backoff);
  *created.mutable_links() = plan.links;
  if (plan.user_metadata)
    *created.mutable_user_metadata() = *plan.user_metadata;
  set_version(created, c.bounds);

  transition t{execution{}, c};
  t.add_fact(std::move(fact));
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
  if (plan.user_metadata)
    *event.mutable_user_metadata() = std::move(*plan.user_metadata);
  *event.mutable_links() = std::move(plan.links);
  *event.mutable_workflow_execution_started_event_attributes() = std::move(started);
  t.add_event(std::move(event));
  t.visibility_changed();
  return t;
}

void succeed_with(transition& t, transition&& successor) {
  auto done = std::move(successor).finish(reply{});
  for (auto& task : done.offers)
    t.offer(std::move(task));
  t.begin_successor(new_run{.state = std::move(*done.current), .written = std::move(done.written)});
}

run_plan successor_plan(const execution& x, const std::string& run_id, const context& c) {
  const auto& old = x.started();
  run_plan plan;
  plan.workflow_id = x.created().workflow_id();
  plan.run_id = run_id;
  plan.start_request_id = c.ids.uuid7(c.now);
  plan.links = x.created().links();
  auto& a = plan.started;
  *a.mutable_workflow_type() = old.workflow_type();
  a.mutable_task_queue()->set_name(old.task_queue().name());
  a.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  a.set_first_execution_run_id(old.first_execution_run_id());
  a.set_continued_execution_run_id(x.created().run_id());
  a.set_attempt(1);
  if (old.has_workflow_execution_timeout())
    *a.mutable_workflow_execution_timeout() = old.workflow_execution_timeout();
  // Not the first event's: a reset moved it.
  if (x.created().has_execution_deadline())
    *a.mutable_workflow_execution_expiration_time() = x.created().execution_deadline();
  if (old.has_workflow_run_timeout())
    *a.mutable_workflow_run_timeout() = old.workflow_run_timeout();
  *a.mutable_workflow_task_timeout() = old.workflow_task_timeout();
  if (old.has_root_workflow_execution())
    *a.mutable_root_workflow_execution() = old.root_workflow_execution();
  if (old.has_parent_workflow_execution()) {
    a.set_parent_workflow_namespace(old.parent_workflow_namespace());
    a.set_parent_workflow_namespace_id(old.parent_workflow_namespace_id());
    *a.mutable_parent_workflow_execution() = old.parent_workflow_execution();
    a.set_parent_initiated_event_id(old.parent_initiated_event_id());
  }
  if (x.has_priority())
    *a.mutable_priority() = x.priority();
  // Of overrides a pin alone goes on.
  if (x.versioning_override().has_pinned())
    *a.mutable_versioning_override() = x.versioning_override();
  *a.mutable_completion_callbacks() = x.completion_callbacks();
  auto expires = to_proto(c.now + from_proto(x.created().retention()));
  auto& points = *a.mutable_prev_auto_reset_points()->mutable_points();
  for (const auto& point : x.reset_points()) {
    // Of a run that is gone by now there is nothing to go back to.
    if (point.has_expire_time() && from_proto(point.expire_time()) < c.now)
      continue;
    auto& kept = *points.Add();
    kept = point;
    if (!kept.has_expire_time())
      *kept.mutable_expire_time() = expires;
  }
  return plan;
}

duration stretched_backoff(const execution& x, duration backoff, const context& c) {
  // A run that was itself held back begins when it may run, or a chain would come in pairs. One
  // that a signal woke before has not lived for less than nothing.
  auto age = std::max(c.now - from_proto(x.execution_time()), duration{0});
  return std::max({backoff, c.bounds.run_interval_min - age, duration{0}});
}

api::common::v1::WorkflowExecution root_of(const execution& x) {
  if (x.started().has_root_workflow_execution())
    return x.started().root_workflow_execution();
  api::common::v1::WorkflowExecution out;
  out.set_workflow_id(x.created().workflow_id());
  out.set_run_id(x.created().run_id());
  return out;
}

bool is_of_chain(const execution& x, const std::string& first_run_id) {
  return first_run_id.empty() || first_run_id == x.started().first_execution_run_id();
}

} // namespace reprise::engine
