#include "engine/task/task_events.hpp"

#include "engine/task/task.hpp"
#include "engine/update/update.hpp"

namespace reprise::engine {

namespace {

/// Updates that the run has had, or has.
bool has_many_updates(const execution& x, const context& c) {
  return updates_of(x, c) >= c.bounds.suggest_continue_updates;
}

void add_reasons(history_event& event, const execution& x, const context& c) {
  auto& a = *event.mutable_workflow_task_started_event_attributes();
  if (x.history_size_bytes() >= c.bounds.suggest_continue_bytes)
    a.add_suggest_continue_as_new_reasons(
      enums::SUGGEST_CONTINUE_AS_NEW_REASON_HISTORY_SIZE_TOO_LARGE);
  if (x.next_event_id() - 1 >= c.bounds.suggest_continue_events)
    a.add_suggest_continue_as_new_reasons(
      enums::SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_HISTORY_EVENTS);
  if (has_many_updates(x, c))
    a.add_suggest_continue_as_new_reasons(enums::SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES);
}

/// Without reasons.
history_event bare_started_event(const journal::WorkflowTaskState& task) {
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_TASK_STARTED);
  auto& a = *event.mutable_workflow_task_started_event_attributes();
  a.set_scheduled_event_id(task.scheduled_event_id());
  a.set_identity(task.identity());
  a.set_request_id(task.request_id());
  a.set_history_size_bytes(task.history_size_bytes());
  a.set_suggest_continue_as_new(task.suggest_continue_as_new());
  if (task.has_worker_version())
    *a.mutable_worker_version() = task.worker_version();
  return event;
}

} // namespace

history_event scheduled_event(const journal::WorkflowTaskState& task) {
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED);
  auto& a = *event.mutable_workflow_task_scheduled_event_attributes();
  *a.mutable_task_queue() = task.task_queue();
  *a.mutable_start_to_close_timeout() = task.start_to_close_timeout();
  a.set_attempt(task.attempt());
  return event;
}

history_event started_event(const journal::WorkflowTaskState& task, const execution& x,
                            const context& c) {
  auto event = bare_started_event(task);
  if (task.suggest_continue_as_new())
    add_reasons(event, x, c);
  return event;
}

void keep_start_id(transition& t, std::uint64_t start_id) {
  if (start_id == 0 || t.state().workflow_task().start_id() == start_id)
    return;
  auto task = t.state().workflow_task();
  task.set_start_id(start_id);
  set_workflow_task(t, std::move(task));
}

void judge_history(journal::WorkflowTaskState& task, const execution& x, const context& c) {
  task.set_history_size_bytes(x.history_size_bytes());
  task.set_suggest_continue_as_new(x.history_size_bytes() >= c.bounds.suggest_continue_bytes
                                   || x.next_event_id() - 1 >= c.bounds.suggest_continue_events
                                   || has_many_updates(x, c));
}

std::string unwritten_events(const journal::WorkflowTaskState& task, const std::string& identity) {
  auto id = task.scheduled_event_id();
  api::history::v1::History out;
  auto event = scheduled_event(task);
  event.set_event_id(id);
  *event.mutable_event_time() = task.scheduled_time();
  *out.add_events() = std::move(event);
  if (task.started_event_id() != 0) {
    event = bare_started_event(task);
    event.mutable_workflow_task_started_event_attributes()->set_identity(identity);
    event.set_event_id(id + 1);
    *event.mutable_event_time() = task.started_time();
    *out.add_events() = std::move(event);
  }
  return out.SerializeAsString();
}

void write_unwritten_task(transition& t, const journal::WorkflowTaskState& task,
                          const std::string& identity,
                          const api::common::v1::WorkerVersionStamp* build) {
  auto scheduled = scheduled_event(task);
  *scheduled.mutable_event_time() = task.scheduled_time();
  // Of a task that other events came before, as it was when nothing was written yet.
  auto started = started_event(task, t.state(), t.ctx());
  auto scheduled_id = t.add_event(std::move(scheduled));
  if (task.started_event_id() == 0)
    return;
  *started.mutable_event_time() = task.started_time();
  auto& a = *started.mutable_workflow_task_started_event_attributes();
  a.set_scheduled_event_id(scheduled_id);
  a.set_identity(identity);
  a.clear_worker_version();
  if (build != nullptr)
    *a.mutable_worker_version() = *build;
  t.add_event(std::move(started));
  keep_start_id(t, task.start_id());
}

} // namespace reprise::engine
