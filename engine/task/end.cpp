// How a started workflow task ends without its commands: it fails, times out, or gives way to a
// close that comes from elsewhere.

#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/failures.hpp"
#include "engine/machine/version.hpp"
#include "engine/task/rules.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

namespace {

/// "WorkflowTaskFailedCauseX" of WORKFLOW_TASK_FAILED_CAUSE_X: Go's spelling of the enum's names.
std::string camel(const std::string& name) {
  std::string out;
  bool upper = true;
  for (char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper || c < 'A' || c > 'Z' ? c : static_cast<char>(c - 'A' + 'a');
    upper = false;
  }
  return out;
}

/// Tasks that end badly one after the other are reported in a search attribute (see evolve): how
/// the last of them ended whose end the history tells. The worker of a sticky queue that fails
/// counts for nothing, as with attempts. `close_attempted`: the run is about to close, and what
/// comes while the next task is at work has to wait.
void count_problem(transition& t, bool was_sticky, const std::string& category,
                   const std::string& cause, bool close_attempted) {
  auto header = t.state().header();
  header.set_close_attempted(close_attempted);
  if (!was_sticky)
    header.set_workflow_task_problems(header.workflow_task_problems() + 1);
  if (!t.state().workflow_task().transient()) {
    header.set_last_problem_category(category);
    header.set_last_problem_cause(cause);
  }
  auto enough = t.ctx().bounds.workflow_task_problems_reported;
  header.set_reports_problems(enough > 0 && header.workflow_task_problems() >= enough);
  if (reports_problems(t.state().created(), header))
    t.visibility_changed();
  set_header(t, std::move(header));
}

/// What follows the end of a task that did not complete. A sticky worker that fails says nothing
/// of other workers: stickiness is lost, the attempt stays.
void go_on(transition& t, std::int32_t attempt, bool was_sticky, bool from_one) {
  auto flushed = t.state().buffered_events_size() > 0;
  t.flush_buffered();
  auto next = was_sticky ? attempt : attempt + 1;
  // New events make a new task of it: a transient one must stand right behind its failure.
  schedule_workflow_task(t, flushed || from_one ? 1 : next);
}

/// Whatever failed the task, it was not its worker.
bool begins_anew(enums::WorkflowTaskFailedCause cause) {
  return cause == enums::WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
         || cause == enums::WORKFLOW_TASK_FAILED_CAUSE_FAILOVER_CLOSE_COMMAND;
}

bool lose_stickiness(transition& t) {
  if (!t.state().has_sticky())
    return false;
  set_sticky(t, {});
  return true;
}

} // namespace

std::string cause_name(enums::WorkflowTaskFailedCause cause) {
  constexpr std::string_view prefix = "WORKFLOW_TASK_FAILED_CAUSE_";
  auto name = enums::WorkflowTaskFailedCause_Name(cause);
  if (name.starts_with(prefix))
    name.erase(0, prefix.size());
  return camel(name);
}

void fail_task(transition& t, api::history::v1::WorkflowTaskFailedEventAttributes attributes,
               after_failure then) {
  t.write_speculative();
  auto attempt = t.state().workflow_task().attempt();
  auto cause = attributes.cause();
  auto was_sticky = lose_stickiness(t);
  count_problem(t, was_sticky, "WorkflowTaskFailed", "WorkflowTaskFailedCause" + cause_name(cause),
                cause == enums::WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND);
  if (t.state().workflow_task().transient()) {
    set_workflow_task(t, {});
  } else {
    attributes.set_scheduled_event_id(t.state().workflow_task().scheduled_event_id());
    attributes.set_started_event_id(t.state().workflow_task().started_event_id());
    history_event event;
    event.set_event_type(enums::EVENT_TYPE_WORKFLOW_TASK_FAILED);
    *event.mutable_workflow_task_failed_event_attributes() = std::move(attributes);
    t.add_event(std::move(event));
  }
  switch (then) {
    case after_failure::close:
      return t.flush_buffered();
    case after_failure::next_attempt:
      t.flush_buffered();
      return schedule_workflow_task(t, was_sticky ? attempt : attempt + 1);
    case after_failure::next_task:
      return go_on(t, attempt, was_sticky, begins_anew(cause));
  }
}

void fail_workflow_task(transition& t, enums::WorkflowTaskFailedCause cause,
                        const std::string& message, const std::string& identity) {
  api::history::v1::WorkflowTaskFailedEventAttributes a;
  a.set_cause(cause);
  a.set_identity(identity);
  if (!message.empty())
    *a.mutable_failure() = server_failure(message);
  fail_task(t, std::move(a), after_failure::next_task);
}

void give_way_to_buffered(transition& t) {
  api::history::v1::WorkflowTaskFailedEventAttributes a;
  a.set_cause(enums::WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND);
  a.set_identity(server_identity);
  fail_task(t, std::move(a), after_failure::next_attempt);
}

void force_task_end(transition& t) {
  if (t.workflow_task().started_event_id() == 0)
    return;
  api::history::v1::WorkflowTaskFailedEventAttributes a;
  a.set_cause(enums::WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND);
  a.set_identity(server_identity);
  fail_task(t, std::move(a), after_failure::close);
}

void time_out_workflow_task(transition& t) {
  t.write_speculative();
  const auto task = t.state().workflow_task();
  auto started = task.started_event_id() != 0;
  auto was_sticky = lose_stickiness(t);
  if (started)
    count_problem(t, was_sticky, "WorkflowTaskTimedOut", "WorkflowTaskTimedOutCauseStartToClose",
                  false);
  if (task.transient()) {
    set_workflow_task(t, {});
  } else {
    history_event event;
    event.set_event_type(enums::EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT);
    auto& a = *event.mutable_workflow_task_timed_out_event_attributes();
    a.set_scheduled_event_id(task.scheduled_event_id());
    a.set_started_event_id(task.started_event_id());
    a.set_timeout_type(started ? enums::TIMEOUT_TYPE_START_TO_CLOSE
                               : enums::TIMEOUT_TYPE_SCHEDULE_TO_START);
    t.add_event(std::move(event));
  }
  go_on(t, task.attempt(), was_sticky || !started, false);
}

step decide_fail_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                               const context& c) {
  const auto& r = request.fail_workflow_task();
  const auto& token = request.token();
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(already_completed());
  if (!is_held_by(t.workflow_task(), token))
    return std::move(t).finish(workflow_task_not_found());
  if (r.cause() == enums::WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE) {
    // The worker can never answer this history: there is no use in asking again.
    api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
    a.set_reason(cause_name(r.cause()));
    a.set_identity(server_identity);
    terminate_run(t, std::move(a));
    return std::move(t).finish(service::RespondWorkflowTaskFailedResponse{});
  }
  api::history::v1::WorkflowTaskFailedEventAttributes a;
  a.set_cause(r.cause());
  a.set_identity(r.identity());
  // It stays in the history for ever: of one that is too large a part will do.
  if (r.failure().ByteSizeLong() > c.bounds.blob_bytes_max)
    *a.mutable_failure() = cut_failure(r.failure(), c.bounds.kept_failure_bytes_max, true);
  else if (r.has_failure())
    *a.mutable_failure() = r.failure();
  a.set_binary_checksum(r.binary_checksum());
  fail_task(t, std::move(a), after_failure::next_task);
  return std::move(t).finish(service::RespondWorkflowTaskFailedResponse{});
}

} // namespace reprise::engine
