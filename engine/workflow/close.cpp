// How runs close, by command or by timeout, and what follows them: a continued run, a retry, the
// next run of a cron schedule. The successor begins in the same step, so that the workflow id is
// never without its current run.

#include "base/cron.hpp"
#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/retry.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/properties/properties.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/rules.hpp"
#include "engine/workflow/workflow.hpp"
#include "protocol/options.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

using api::failure::v1::Failure;

/// The workflow has not seen everything: it must not close yet.
command_result unhandled() {
  return refused(enums::WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND, {});
}

/// When the schedule that the run follows begins the next run; nothing when it follows none, or
/// the chain's time is over before that.
std::optional<duration> cron_follows(const execution& x, const context& c) {
  if (x.started().cron_schedule().empty())
    return std::nullopt;
  auto schedule = parse_cron(x.started().cron_schedule());
  if (!schedule)
    return std::nullopt;
  auto backoff = cron_backoff(*schedule, from_proto(x.execution_time()), c.now);
  if (!backoff)
    return std::nullopt;
  if (x.created().has_execution_deadline()
      && c.now + *backoff > from_proto(x.created().execution_deadline()))
    return std::nullopt;
  return backoff;
}

/// A retry or cron run does what the run before it was asked to do.
run_plan repeating_plan(const execution& x, const std::string& run_id, duration backoff,
                        const context& c) {
  auto plan = successor_plan(x, run_id, c);
  const auto& old = x.started();
  auto& a = plan.started;
  if (old.has_input())
    *a.mutable_input() = old.input();
  if (old.has_header())
    *a.mutable_header() = old.header();
  if (old.has_memo())
    *a.mutable_memo() = old.memo();
  if (old.has_search_attributes())
    *a.mutable_search_attributes() = old.search_attributes();
  if (old.has_retry_policy())
    *a.mutable_retry_policy() = old.retry_policy();
  // Whatever an operator changed of this run was this run's.
  a.clear_priority();
  if (old.has_priority())
    *a.mutable_priority() = old.priority();
  a.clear_versioning_override();
  if (old.has_versioning_override())
    *a.mutable_versioning_override() = old.versioning_override();
  a.set_cron_schedule(old.cron_schedule());
  *a.mutable_first_workflow_task_backoff() = to_proto(backoff);
  return plan;
}

/// Whether a failed or timed-out run is tried again, and after what time.
struct run_retry {
  enums::RetryState state{};
  duration backoff{0};
};

/// Decides by the run's retry policy. IN_PROGRESS: a new run follows after `backoff`.
run_retry retry_of_run(const execution& x, const Failure& failure, time_point now) {
  if (!x.started().has_retry_policy())
    return {.state = enums::RETRY_STATE_RETRY_POLICY_NOT_SET};
  const auto& policy = x.started().retry_policy();
  if (verdict_of(&failure, policy) != verdict::again)
    return {.state = enums::RETRY_STATE_NON_RETRYABLE_FAILURE};
  auto attempt = x.started().attempt();
  if (policy.maximum_attempts() > 0 && attempt >= policy.maximum_attempts())
    return {.state = enums::RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED};
  auto backoff = retry_interval(policy, attempt);
  if (auto delay = own_delay(&failure)) {
    // Unlike an activity's it stays within the policy, and one of nothing is as good as one without
    // end: the longest interval holds.
    auto most = from_proto(policy.maximum_interval());
    auto longest = most.count() > 0 ? most : longest_duration;
    backoff = delay->count() <= 0 ? longest : std::min(*delay, longest);
  }
  if (x.created().has_execution_deadline()
      && now + backoff > from_proto(x.created().execution_deadline()))
    return {.state = enums::RETRY_STATE_TIMEOUT};
  return {.state = enums::RETRY_STATE_IN_PROGRESS, .backoff = backoff};
}

/// What a failed or timed-out run is followed by.
struct sequel {
  enums::RetryState retry_state{};
  std::optional<run_plan> plan{};
};

/// `by_command`: the workflow itself said that it failed.
sequel sequel_of_failure(const execution& x, const Failure& failure, const context& c,
                         bool by_command) {
  auto retry = retry_of_run(x, failure, c.now);
  sequel out{.retry_state = retry.state};
  if (retry.state == enums::RETRY_STATE_IN_PROGRESS) {
    auto backoff = stretched_backoff(x, retry.backoff, c);
    out.plan = repeating_plan(x, c.ids.uuid7(c.now), backoff, c);
    out.plan->started.set_attempt(x.started().attempt() + 1);
    out.plan->started.set_initiator(enums::CONTINUE_AS_NEW_INITIATOR_RETRY);
  } else if (auto backoff = cron_follows(x, c)) {
    out.plan = repeating_plan(x, c.ids.uuid7(c.now), stretched_backoff(x, *backoff, c), c);
    out.plan->started.set_initiator(enums::CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE);
  }
  if (out.plan) {
    *out.plan->started.mutable_continued_failure() = failure;
    auto retried = retry.state == enums::RETRY_STATE_IN_PROGRESS;
    if (x.started().has_last_completion_result() && !(retried && by_command))
      *out.plan->started.mutable_last_completion_result() = x.started().last_completion_result();
  }
  return out;
}

void begin(transition& t, run_plan plan) {
  auto run = begin_run(std::move(plan), t.ctx());
  if (!held_back(run.state()))
    schedule_task(run, 1, true);
  succeed_with(t, std::move(run));
}

// -- continue as new ------------------------------------------------------------------------------

using continue_attributes = api::command::v1::ContinueAsNewWorkflowExecutionCommandAttributes;

constexpr auto bad_continue = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES;

constexpr const char* on_continue = " on ContinueAsNewWorkflowExecutionCommand";

/// What is wrong with how the next run shall run.
std::optional<std::string> settings_problem(const continue_attributes& a, const context& c) {
  for (auto [d, field] : {std::pair{&a.workflow_run_timeout(), "WorkflowRunTimeout"},
                          std::pair{&a.workflow_task_timeout(), "WorkflowTaskTimeout"},
                          std::pair{&a.backoff_start_interval(), "BackoffStartInterval"}})
    if (auto problem = protocol::duration_problem(*d))
      return std::string{"Invalid "} + field + on_continue + ": " + *problem + ".";
  if (a.has_retry_policy()) {
    auto policy = a.retry_policy();
    protocol::complete_retry_policy(policy);
    if (auto problem = protocol::retry_policy_problem(policy))
      return std::string{"invalid WorkflowRetryPolicy"} + on_continue + ": " + *problem + ".";
  }
  if (!a.cron_schedule().empty())
    if (auto problem = cron_problem(a.cron_schedule(), c.now); !problem.empty())
      return std::string{"invalid CronSchedule"} + on_continue + ": " + problem + ".";
  return std::nullopt;
}

std::optional<std::string> problem_of(const continue_attributes& a, const execution& x,
                                      const context& c) {
  const auto& bounds = c.bounds;
  const auto& type = a.workflow_type().name();
  if (type.size() > bounds.id_length_max)
    return "WorkflowType on ContinueAsNewWorkflowExecutionCommand exceeds length limit. "
           "WorkflowType="
           + type + " Length=" + std::to_string(type.size())
           + " Limit=" + std::to_string(bounds.id_length_max);
  const auto& queue = a.task_queue().name();
  const auto& own_queue = x.started().task_queue().name();
  std::optional<std::string> problem;
  if (!queue.empty())
    problem = protocol::target_queue_problem(a.task_queue(), own_queue, bounds.id_length_max);
  if (problem)
    *problem = std::string{"error validating ContinueAsNewWorkflowExecutionCommand TaskQueue: "}
               + *problem + ".";
  else
    problem = settings_problem(a, c);
  if (!problem)
    return std::nullopt;
  auto kind = a.task_queue().kind() == enums::TASK_QUEUE_KIND_UNSPECIFIED
                ? enums::TASK_QUEUE_KIND_NORMAL
                : a.task_queue().kind();
  const auto& normal = a.task_queue().normal_name();
  return *problem + " WorkflowType=" + (type.empty() ? x.started().workflow_type().name() : type)
         + " TaskQueue=name:\"" + (queue.empty() ? own_queue : queue)
         + "\" kind:" + enums::TaskQueueKind_Name(kind)
         + (normal.empty() ? "" : " normal_name:\"" + normal + "\"");
}

/// Timeouts of the command, or else of the run; a task's fits its run.
void settle_timeouts(api::history::v1::WorkflowExecutionStartedEventAttributes& started,
                     const continue_attributes& a, const limits& bounds) {
  if (from_proto(a.workflow_run_timeout()).count() > 0) {
    *started.mutable_workflow_run_timeout() = a.workflow_run_timeout();
    cap_duration(*started.mutable_workflow_run_timeout(), longest_duration);
  }
  auto execution = from_proto(started.workflow_execution_timeout());
  auto run = from_proto(started.workflow_run_timeout());
  if (execution.count() > 0 && run > execution)
    *started.mutable_workflow_run_timeout() = to_proto(run = execution);
  auto task = from_proto(a.workflow_task_timeout());
  if (task.count() <= 0)
    task = from_proto(started.workflow_task_timeout());
  task = std::min(task, bounds.workflow_task_timeout_max);
  if (run.count() > 0)
    task = std::min(task, run);
  *started.mutable_workflow_task_timeout() = to_proto(task);
}

/// Beyond the chain's own the new run has only what the command gives it.
run_plan continued_plan(const execution& x, const continue_attributes& a, const std::string& run_id,
                        const context& c) {
  auto plan = successor_plan(x, run_id, c);
  auto& started = plan.started;
  if (!a.workflow_type().name().empty())
    *started.mutable_workflow_type() = a.workflow_type();
  if (!a.task_queue().name().empty())
    started.mutable_task_queue()->set_name(a.task_queue().name());
  settle_timeouts(started, a, c.bounds);
  if (a.has_input())
    *started.mutable_input() = a.input();
  if (a.has_header())
    *started.mutable_header() = a.header();
  if (a.has_memo())
    *started.mutable_memo() = a.memo();
  settle_memo(started);
  if (a.has_search_attributes()) {
    *started.mutable_search_attributes() = a.search_attributes();
    settle_attributes(*started.mutable_search_attributes(), c);
    if (started.search_attributes().indexed_fields().empty())
      started.clear_search_attributes();
  }
  if (a.has_retry_policy()) {
    *started.mutable_retry_policy() = a.retry_policy();
    protocol::complete_retry_policy(*started.mutable_retry_policy());
  }
  started.set_cron_schedule(a.cron_schedule());
  started.set_initiator(a.initiator() == enums::CONTINUE_AS_NEW_INITIATOR_UNSPECIFIED
                          ? enums::CONTINUE_AS_NEW_INITIATOR_WORKFLOW
                          : a.initiator());
  if (a.initiator() == enums::CONTINUE_AS_NEW_INITIATOR_RETRY)
    started.set_attempt(x.started().attempt() + 1);
  if (a.has_failure())
    *started.mutable_continued_failure() = a.failure();
  if (a.has_last_completion_result())
    *started.mutable_last_completion_result() = a.last_completion_result();
  auto asked = std::min(from_proto(a.backoff_start_interval()), longest_duration);
  auto backoff = stretched_backoff(x, asked, c);
  // Of one that nobody asked for and that is none the new run's history says nothing.
  if (a.has_backoff_start_interval() || backoff.count() > 0)
    *started.mutable_first_workflow_task_backoff() = to_proto(backoff);
  return plan;
}

history_event continued_event(const api::command::v1::Command& command, const run_plan& plan,
                              const completion& c) {
  const auto& a = command.continue_as_new_workflow_execution_command_attributes();
  auto event = event_for(command, enums::EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW);
  auto& out = *event.mutable_workflow_execution_continued_as_new_event_attributes();
  out.set_new_execution_run_id(plan.run_id);
  *out.mutable_workflow_type() = plan.started.workflow_type();
  *out.mutable_task_queue() = plan.started.task_queue();
  if (a.has_input())
    *out.mutable_input() = a.input();
  if (plan.started.has_workflow_run_timeout())
    *out.mutable_workflow_run_timeout() = plan.started.workflow_run_timeout();
  *out.mutable_workflow_task_timeout() = plan.started.workflow_task_timeout();
  out.set_workflow_task_completed_event_id(c.completed_event_id);
  if (a.has_backoff_start_interval()) {
    *out.mutable_backoff_start_interval() = a.backoff_start_interval();
    cap_duration(*out.mutable_backoff_start_interval(), longest_duration);
  }
  out.set_initiator(a.initiator());
  if (a.has_failure())
    *out.mutable_failure() = a.failure();
  if (a.has_last_completion_result())
    *out.mutable_last_completion_result() = a.last_completion_result();
  if (a.has_header())
    *out.mutable_header() = a.header();
  if (plan.started.has_memo())
    *out.mutable_memo() = plan.started.memo();
  if (plan.started.has_search_attributes())
    *out.mutable_search_attributes() = plan.started.search_attributes();
  out.set_inherit_build_id(a.inherit_build_id());
  return event;
}

} // namespace

void close_run(transition& t, history_event event, family_at_close family) {
  t.add_event(std::move(event));
  note_retention(t);
  if (family == family_at_close::told)
    tell_family(t, history_event{t.state().close_event()});
  t.visibility_changed();
}

command_result complete_workflow(transition& t, const api::command::v1::Command& command,
                                 completion& c) {
  if (c.unseen_events > 0)
    return unhandled();
  if (!command.has_complete_workflow_execution_command_attributes())
    return not_set(enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES,
                   "CompleteWorkflowExecution");
  const auto& a = command.complete_workflow_execution_command_attributes();
  if (a.result().ByteSizeLong() > t.ctx().bounds.blob_bytes_max)
    return too_large(enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
                     "CompleteWorkflowExecutionCommandAttributes.Result");
  auto event = event_for(command, enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED);
  auto& out = *event.mutable_workflow_execution_completed_event_attributes();
  if (a.has_result())
    *out.mutable_result() = a.result();
  out.set_workflow_task_completed_event_id(c.completed_event_id);
  std::optional<run_plan> plan;
  if (auto backoff = cron_follows(t.state(), t.ctx())) {
    plan = repeating_plan(t.state(), t.ctx().ids.uuid7(t.ctx().now),
                          stretched_backoff(t.state(), *backoff, t.ctx()), t.ctx());
    plan->started.set_initiator(enums::CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE);
    if (a.has_result())
      *plan->started.mutable_last_completion_result() = a.result();
    out.set_new_execution_run_id(plan->run_id);
  }
  close_run(t, std::move(event));
  if (plan)
    begin(t, std::move(*plan));
  return std::nullopt;
}

command_result fail_workflow(transition& t, const api::command::v1::Command& command,
                             completion& c) {
  constexpr auto cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES;
  if (c.unseen_events > 0)
    return unhandled();
  if (!command.has_fail_workflow_execution_command_attributes())
    return not_set(cause, "FailWorkflowExecution");
  const auto& a = command.fail_workflow_execution_command_attributes();
  if (!a.has_failure())
    return refused(cause, "Failure is not set on FailWorkflowExecutionCommand.");
  if (a.failure().ByteSizeLong() > t.ctx().bounds.blob_bytes_max)
    return too_large(cause, "FailWorkflowExecutionCommandAttributes.Failure");
  auto next = sequel_of_failure(t.state(), a.failure(), t.ctx(), true);
  auto event = event_for(command, enums::EVENT_TYPE_WORKFLOW_EXECUTION_FAILED);
  auto& out = *event.mutable_workflow_execution_failed_event_attributes();
  *out.mutable_failure() = a.failure();
  out.set_retry_state(next.retry_state);
  out.set_workflow_task_completed_event_id(c.completed_event_id);
  if (next.plan)
    out.set_new_execution_run_id(next.plan->run_id);
  close_run(t, std::move(event));
  if (next.plan)
    begin(t, std::move(*next.plan));
  return std::nullopt;
}

command_result cancel_workflow(transition& t, const api::command::v1::Command& command,
                               completion& c) {
  constexpr auto cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES;
  if (c.unseen_events > 0)
    return unhandled();
  if (!command.has_cancel_workflow_execution_command_attributes())
    return not_set(cause, "CancelWorkflowExecution");
  const auto& a = command.cancel_workflow_execution_command_attributes();
  auto event = event_for(command, enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED);
  auto& out = *event.mutable_workflow_execution_canceled_event_attributes();
  if (a.has_details())
    *out.mutable_details() = a.details();
  out.set_workflow_task_completed_event_id(c.completed_event_id);
  close_run(t, std::move(event));
  return std::nullopt;
}

command_result continue_as_new(transition& t, const api::command::v1::Command& command,
                               completion& c) {
  if (c.unseen_events > 0)
    return unhandled();
  if (!command.has_continue_as_new_workflow_execution_command_attributes())
    return not_set(bad_continue, "ContinueAsNewWorkflowExecution");
  const auto& a = command.continue_as_new_workflow_execution_command_attributes();
  if (auto problem = problem_of(a, t.state(), t.ctx()))
    return refused(bad_continue, std::move(*problem));
  if (a.has_search_attributes())
    if (auto problem = search_attribute_values_problem(a.search_attributes(), t.ctx()))
      return refused(enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES, std::move(*problem));
  if (a.input().ByteSizeLong() > t.ctx().bounds.blob_bytes_max)
    return too_large(bad_continue, "ContinueAsNewWorkflowExecutionCommandAttributes. Input");
  if (a.memo().ByteSizeLong() > t.ctx().bounds.memo_bytes_max)
    return too_large(bad_continue, "ContinueAsNewWorkflowExecutionCommandAttributes. Memo");
  if (auto problem = search_attributes_size_problem(a.search_attributes(), t.ctx()))
    return ends_run(bad_continue, std::move(*problem));
  auto plan = continued_plan(t.state(), a, t.ctx().ids.uuid7(t.ctx().now), t.ctx());
  close_run(t, continued_event(command, plan, c));
  begin(t, std::move(plan));
  return std::nullopt;
}

namespace {

/// Closes the run because its run or execution timeout has passed; may begin a retry or cron run.
void time_out_run(transition& t) {
  const auto& c = t.ctx();
  force_task_end(t);
  const auto& x = t.state();
  Failure failure;
  failure.set_message("workflow timeout");
  failure.set_source("Server");
  failure.mutable_timeout_failure_info()->set_timeout_type(enums::TIMEOUT_TYPE_START_TO_CLOSE);
  sequel next{.retry_state = enums::RETRY_STATE_TIMEOUT};
  auto chain_over = x.created().has_execution_deadline()
                    && from_proto(x.created().execution_deadline()) <= c.now;
  if (!chain_over)
    next = sequel_of_failure(x, failure, c, false);
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT);
  auto& out = *event.mutable_workflow_execution_timed_out_event_attributes();
  out.set_retry_state(next.retry_state);
  if (next.plan)
    out.set_new_execution_run_id(next.plan->run_id);
  close_run(t, std::move(event));
  if (next.plan)
    begin(t, std::move(*next.plan));
}

} // namespace

std::optional<time_point> run_deadline(const execution& x) {
  std::optional<time_point> out;
  if (x.created().has_run_deadline())
    out = from_proto(x.created().run_deadline());
  if (x.created().has_execution_deadline())
    take_earlier(out, from_proto(x.created().execution_deadline()));
  return out;
}

void time_out_run_if_due(transition& t, due_budget&) {
  if (has_passed(run_deadline(t.state()), t.ctx().now))
    time_out_run(t);
}

std::optional<time_point> end_of_stay(const execution& x) {
  if (!x.has_close_time() || waits_for_answers(x))
    return std::nullopt;
  if (x.header().delete_requested())
    return from_proto(x.close_time());
  return from_proto(x.close_time()) + retention_of(x);
}

duration retention_of(const execution& x) {
  return from_proto(x.header().has_retention() ? x.header().retention() : x.created().retention());
}

void note_retention(transition& t) {
  if (retention_of(t.state()) == t.ctx().ns.retention)
    return;
  auto header = t.state().header();
  *header.mutable_retention() = to_proto(t.ctx().ns.retention);
  set_header(t, std::move(header));
}

} // namespace reprise::engine
