// What the events and facts of workflow tasks do to their run.

#include "engine/activity/activity.hpp"
#include "engine/machine/evolve.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/version.hpp"
#include "engine/properties/keywords.hpp"
#include "engine/task/builds.hpp"
#include "engine/task/rules.hpp"
#include "engine/task/task.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

/// Workflow tasks that keep failing show in lists, until one completes.
void show_problems(execution& x) {
  constexpr const char* name = "TemporalReportedProblems";
  const auto& header = x.header();
  if (reports_problems(x.created(), header))
    set_keywords(
      x, name,
      {"category=" + header.last_problem_category(), "cause=" + header.last_problem_cause()});
  else
    x.mutable_search_attributes()->erase(name);
}

} // namespace

void fold_task_scheduled(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_scheduled_event_attributes();
  // Whatever held the first task back is over.
  x.mutable_created()->clear_first_task_at();
  auto& task = *x.mutable_workflow_task();
  task.Clear();
  task.set_scheduled_event_id(event.event_id());
  task.set_attempt(a.attempt());
  *task.mutable_scheduled_time() = event.event_time();
  *task.mutable_original_scheduled_time() = event.event_time();
  *task.mutable_start_to_close_timeout() = a.start_to_close_timeout();
  *task.mutable_task_queue() = a.task_queue();
  if (a.task_queue().kind() == enums::TASK_QUEUE_KIND_STICKY)
    *task.mutable_schedule_to_start_timeout() = x.sticky().schedule_to_start_timeout();
}

void fold_task_started(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_started_event_attributes();
  auto& task = *x.mutable_workflow_task();
  task.set_started_event_id(event.event_id());
  *task.mutable_started_time() = event.event_time();
  task.set_identity(a.identity());
  task.set_request_id(a.request_id());
  task.set_start_id(start_id_of(a.request_id()));
  task.set_suggest_continue_as_new(a.suggest_continue_as_new());
  task.set_history_size_bytes(a.history_size_bytes());
  if (a.has_worker_version())
    *task.mutable_worker_version() = a.worker_version();
}

void fold_task_completed(execution& x, const history_event& event) {
  const auto& a = event.workflow_task_completed_event_attributes();
  x.set_previous_started_event_id(a.started_event_id());
  x.set_last_completed_event_id(event.event_id());
  if (a.has_worker_version())
    *x.mutable_last_worker_version() = a.worker_version();
  else
    x.clear_last_worker_version();
  x.clear_workflow_task();
  auto has_new_point = add_reset_point(x, event);
  list_builds(x, event, has_new_point || is_of_former(event));
}

void fold_task_ended(execution& x, const history_event&) {
  x.clear_workflow_task();
}

void fold_task_failed(execution& x, const history_event& event) {
  fold_task_ended(x, event);
  const auto& a = event.workflow_task_failed_event_attributes();
  // Of the resets before its own the run has but the events.
  if (a.cause() == enums::WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW && !a.new_run_id().empty()
      && a.new_run_id() == x.created().run_id())
    schedule_activities_anew(x, event.event_time());
}

void fold_workflow_task(execution& x, const journal::Fact& fact) {
  if (fact.workflow_task().scheduled_event_id() == 0)
    x.clear_workflow_task();
  else
    *x.mutable_workflow_task() = fact.workflow_task();
}

void fold_sticky(execution& x, const journal::Fact& fact) {
  if (fact.sticky().task_queue().name().empty())
    x.clear_sticky();
  else
    *x.mutable_sticky() = fact.sticky();
}

void fold_header(execution& x, const journal::Fact& fact) {
  *x.mutable_header() = fact.header();
  show_problems(x);
}

void set_workflow_task(transition& t, journal::WorkflowTaskState task) {
  journal::Fact fact;
  *fact.mutable_workflow_task() = std::move(task);
  t.add_fact(std::move(fact));
}

void set_sticky(transition& t, journal::StickyState sticky) {
  journal::Fact fact;
  *fact.mutable_sticky() = std::move(sticky);
  t.add_fact(std::move(fact));
}

void set_header(transition& t, journal::Header header) {
  journal::Fact fact;
  *fact.mutable_header() = std::move(header);
  t.add_fact(std::move(fact));
}

std::uint64_t start_id_of(const std::string& start_request_id) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (unsigned char c : start_request_id)
    hash = (hash ^ c) * 0x100000001b3ULL;
  return hash == 0 ? 1 : hash;
}

std::uint64_t start_id_of(const task_starter& by) {
  return by.start_id != 0 ? by.start_id : start_id_of(by.request_id);
}

std::uint64_t new_start_id(const context& c) {
  return std::max<std::uint64_t>(c.ids.random(), 1);
}

} // namespace reprise::engine
