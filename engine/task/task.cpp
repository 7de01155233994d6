// The life of a workflow task up to its answer: scheduled on the sticky or the normal queue, and
// started by a worker. The first attempt's Scheduled and Started events are history; later attempts
// (transient) leave nothing there until one of them completes. When other events came in between, a
// transient task becomes a normal one the moment it is started.

#include "engine/task/task.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/scratch.hpp"
#include "engine/task/rules.hpp"
#include "engine/task/speculative.hpp"
#include "engine/task/task_events.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

/// Of a transient or speculative task too, as long as its events can follow the history's.
bool is_unwritten(const execution& x, const journal::WorkflowTaskState& task) {
  return task.transient() || task.scheduled_event_id() >= x.next_event_id();
}

std::string token_of(const execution& x, const journal::WorkflowTaskState& task) {
  cluster::TaskToken token;
  token.set_kind(cluster::TaskToken::WORKFLOW);
  token.set_namespace_id(x.created().namespace_id());
  token.set_workflow_id(x.created().workflow_id());
  token.set_run_id(x.created().run_id());
  token.set_scheduled_event_id(task.scheduled_event_id());
  token.set_started_event_id(task.started_event_id());
  token.set_attempt(task.attempt());
  token.set_start_id(task.start_id());
  return token.SerializeAsString();
}

void offer_scheduled(transition& t) {
  auto task = workflow_task_offer(t.state());
  ENSURE(task.has_value(), "what was scheduled waits for a worker");
  t.offer(std::move(*task));
}

} // namespace

/// From the fourth attempt on a worker gets more time each time: whatever keeps it from answering
/// may be the load that quick repeats would add to.
duration start_to_close_timeout(const execution& x, std::int32_t attempt, const limits& bounds) {
  auto timeout = from_proto(x.started().workflow_task_timeout());
  constexpr std::int32_t attempts_at_once = 3;
  if (attempt <= attempts_at_once)
    return timeout;
  auto backoff = bounds.workflow_task_backoff_initial;
  for (auto i = attempts_at_once + 1; i < attempt && backoff < bounds.workflow_task_backoff_max;
       ++i)
    backoff *= 2;
  return timeout + std::min(backoff, bounds.workflow_task_backoff_max);
}

api::taskqueue::v1::TaskQueue normal_queue(const execution& x) {
  api::taskqueue::v1::TaskQueue queue;
  queue.set_name(x.started().task_queue().name());
  queue.set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  return queue;
}

bool waits_for_worker(const journal::WorkflowTaskState& task) {
  return task.scheduled_event_id() != 0 && (task.started_event_id() == 0 || task.taken_back());
}

bool is_held_by(const journal::WorkflowTaskState& task, const cluster::TaskToken& token) {
  return task.started_event_id() != 0 && !task.taken_back()
         && task.scheduled_event_id() == token.scheduled_event_id()
         && task.started_event_id() == token.started_event_id() && task.attempt() == token.attempt()
         && task.start_id() == token.start_id();
}

api::common::v1::WorkerVersionStamp
build_of(const api::common::v1::WorkerVersionCapabilities& capabilities) {
  api::common::v1::WorkerVersionStamp out;
  if (capabilities.use_versioning() && !capabilities.deployment_series_name().empty())
    return out;
  out.set_build_id(capabilities.build_id());
  if (!out.build_id().empty())
    out.set_use_versioning(capabilities.use_versioning());
  return out;
}

bool held_back(const execution& x) {
  return x.created().has_first_task_at();
}

task_starter starter_of(const cluster::StartTask& start, const context& c) {
  // Not the poll's request id: a poll that is asked again may be given the task twice, when the
  // first start was lost.
  return {.identity = start.identity(),
          .request_id = c.ids.uuid7(c.now),
          .only_new_events = start.task().sticky(),
          .backlog_count_hint = start.backlog_count_hint(),
          .build = build_of(start.worker_version())};
}

void schedule_workflow_task(transition& t, std::int32_t attempt) {
  if (held_back(t.state()))
    return;
  t.write_speculative();
  if (is_open(t.state()) && t.state().workflow_task().scheduled_event_id() == 0)
    schedule_task(t, attempt, true);
}

void force_workflow_task(transition& t) {
  t.write_speculative();
  if (is_open(t.state()) && t.state().workflow_task().scheduled_event_id() == 0)
    schedule_task(t, 1, true);
}

void schedule_task(transition& t, std::int32_t attempt, bool offer) {
  const auto& x = t.state();
  journal::WorkflowTaskState task;
  task.set_attempt(attempt);
  *task.mutable_start_to_close_timeout()
    = to_proto(start_to_close_timeout(x, attempt, t.ctx().bounds));
  *task.mutable_task_queue() = x.has_sticky() ? x.sticky().task_queue() : normal_queue(x);
  if (attempt <= 1) {
    t.add_event(scheduled_event(task));
  } else {
    task.set_transient(true);
    task.set_scheduled_event_id(x.next_event_id());
    auto now = to_proto(std::max(t.ctx().now, from_proto(x.last_event_time())));
    *task.mutable_scheduled_time() = now;
    *task.mutable_original_scheduled_time() = now;
    if (x.has_sticky())
      *task.mutable_schedule_to_start_timeout() = x.sticky().schedule_to_start_timeout();
    set_workflow_task(t, std::move(task));
  }
  if (offer)
    offer_scheduled(t);
}

std::optional<cluster::Task> workflow_task_offer(const execution& x) {
  if (!is_open(x) || !waits_for_worker(x.workflow_task()))
    return std::nullopt;
  return offer_of(x, x.workflow_task());
}

cluster::Task offer_of(const execution& x, const journal::WorkflowTaskState& task) {
  cluster::Task out;
  out.set_kind(cluster::Task::WORKFLOW);
  out.set_namespace_id(x.created().namespace_id());
  out.set_workflow_id(x.created().workflow_id());
  out.set_run_id(x.created().run_id());
  out.set_scheduled_event_id(task.scheduled_event_id());
  out.set_attempt(task.attempt());
  // Stickiness may have been lost since: then the task waits on the normal queue.
  auto sticky = task.task_queue().kind() == enums::TASK_QUEUE_KIND_STICKY && x.has_sticky();
  out.set_task_queue(sticky ? task.task_queue().name() : x.started().task_queue().name());
  out.set_sticky(sticky);
  out.set_priority(x.priority().priority_key());
  out.set_fairness_key(x.priority().fairness_key());
  out.set_fairness_weight(x.priority().fairness_weight());
  *out.mutable_scheduled_time() = task.scheduled_time();
  return out;
}

history_splice start_task(transition& t, const task_starter& by) {
  const auto& x = t.state();
  if (x.workflow_task().transient()
      && x.workflow_task().scheduled_event_id() != x.next_event_id()) {
    auto normal = x.workflow_task();
    normal.set_attempt(1);
    *normal.mutable_start_to_close_timeout() = x.started().workflow_task_timeout();
    t.add_event(scheduled_event(normal));
  }
  auto task = x.workflow_task();
  task.set_identity(by.identity);
  task.set_request_id(by.request_id);
  // What a Started event in the history has said stays said.
  if (!task.taken_back())
    judge_history(task, x, t.ctx());
  // A later attempt's Started event is written by its answer, and names that one's build.
  if (!by.build.build_id().empty() && !task.transient() && !task.taken_back())
    *task.mutable_worker_version() = by.build;
  if (task.transient() || task.taken_back()) {
    if (!task.taken_back())
      task.set_started_event_id(task.scheduled_event_id() + 1);
    task.clear_taken_back();
    *task.mutable_started_time() = to_proto(std::max(t.ctx().now, from_proto(x.last_event_time())));
    task.set_start_id(start_id_of(by));
    set_workflow_task(t, std::move(task));
  } else {
    t.add_event(started_event(task, x, t.ctx()));
    keep_start_id(t, start_id_of(by));
  }
  return splice_of(x, x.workflow_task(), by);
}

history_splice splice_of(const execution& x, const journal::WorkflowTaskState& task,
                         const task_starter& by) {
  scratch memory;
  auto& poll = memory.make<service::PollWorkflowTaskQueueResponse>();
  poll.set_task_token(token_of(x, task));
  poll.mutable_workflow_execution()->set_workflow_id(x.created().workflow_id());
  poll.mutable_workflow_execution()->set_run_id(x.created().run_id());
  *poll.mutable_workflow_type() = x.started().workflow_type();
  poll.set_previous_started_event_id(x.previous_started_event_id());
  poll.set_started_event_id(task.started_event_id());
  poll.set_attempt(task.attempt());
  poll.set_backlog_count_hint(by.backlog_count_hint);
  *poll.mutable_workflow_execution_task_queue() = normal_queue(x);
  *poll.mutable_scheduled_time() = task.scheduled_time();
  *poll.mutable_started_time() = task.started_time();

  history_splice out;
  out.first_event_id = by.only_new_events ? x.previous_started_event_id() + 1 : 1;
  auto unwritten = is_unwritten(x, task);
  out.last_event_id = unwritten ? x.next_event_id() - 1 : task.started_event_id();
  if (unwritten) {
    out.transient_events = transient_events(x, task, task.identity());
    out.transient_attempt = task.attempt();
  }
  out.message = poll.SerializeAsString();
  return out;
}

std::string transient_events(const execution& x, const journal::WorkflowTaskState& task,
                             const std::string& identity) {
  // Events that came since will make a normal task of a transient one when it is started; until
  // then it has none.
  if (!is_open(x) || !is_unwritten(x, task) || task.scheduled_event_id() != x.next_event_id())
    return {};
  return unwritten_events(task, identity);
}

std::optional<time_point> workflow_task_deadline(const execution& x) {
  const auto& task = x.workflow_task();
  if (!is_open(x) || task.scheduled_event_id() == 0)
    return std::nullopt;
  if (!waits_for_worker(task))
    return from_proto(task.started_time()) + from_proto(task.start_to_close_timeout());
  // Its event says that one worker was to come for it. Where that one is gone and the task waits on
  // the normal queue, the time goes on all the same, and the history tells that nobody came.
  if (task.task_queue().kind() == enums::TASK_QUEUE_KIND_STICKY && task.started_event_id() == 0
      && from_proto(task.schedule_to_start_timeout()).count() > 0)
    return from_proto(task.scheduled_time()) + from_proto(task.schedule_to_start_timeout());
  return std::nullopt;
}

step decide_start_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                                const context& c) {
  const auto& start = request.start_workflow_task();
  transition t{std::move(current), c};
  if (t.speculative() != nullptr)
    return start_speculative_task(std::move(t), start);
  const auto& x = t.state();
  const auto& task = x.workflow_task();
  auto fits = is_open(x) && waits_for_worker(task)
              && task.scheduled_event_id() == start.task().scheduled_event_id()
              && task.attempt() == start.task().attempt();
  auto polled_sticky = start.task().sticky();
  // The sticky queue of a worker that the run no longer remembers has nothing to give.
  if (polled_sticky
      && (!x.has_sticky() || x.sticky().task_queue().name() != start.task().task_queue()))
    fits = false;
  if (!fits) {
    t.obsolete_task();
    return std::move(t).finish(reply{});
  }
  if (!polled_sticky && x.has_sticky())
    set_sticky(t, {});
  auto by = starter_of(start, c);
  // Of a transient task the journal knows no more than that it is due: not even its place in the
  // history is certain. It is seldom enough to wait; so is one that was taken back.
  if (!task.transient() && !task.taken_back())
    t.may_leave_early();
  auto splice = start_task(t, by);
  reply answer;
  answer.history = std::move(splice);
  return std::move(t).finish(std::move(answer));
}

/// A Started event stays: no history that somebody read may change. Whoever takes the task next has
/// started it by that event, with a token of its own. That is on the normal queue: the sticky
/// worker is perhaps the one that is gone.
step take_back_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                             const context& c) {
  transition t{std::move(current), c};
  const auto& x = t.state();
  if (!is_open(x) || !is_held_by(t.workflow_task(), request.token()))
    return std::move(t).finish(reply{});
  if (t.speculative() != nullptr)
    return take_back_speculative_task(std::move(t));
  auto task = x.workflow_task();
  task.clear_start_id();
  task.clear_identity();
  task.clear_request_id();
  if (task.transient()) {
    task.clear_started_event_id();
    task.clear_started_time();
    task.clear_history_size_bytes();
    task.clear_suggest_continue_as_new();
  } else {
    task.set_taken_back(true);
  }
  set_workflow_task(t, std::move(task));
  if (x.workflow_task().transient())
    t.flush_buffered();
  if (x.has_sticky())
    set_sticky(t, {});
  offer_scheduled(t);
  return std::move(t).finish(reply{});
}

const journal::WorkflowTaskState& task_of(const execution& x, const context& c) {
  auto unwritten = c.speculative != nullptr && c.speculative->run_id == x.created().run_id();
  return unwritten ? c.speculative->task : x.workflow_task();
}

step decide_reset_sticky(execution&& current, const cluster::ExecutionRequest&, const context& c) {
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(already_completed());
  if (t.state().has_sticky()) {
    set_sticky(t, {});
    // A task that waits on the queue of a worker that is gone would wait for its timeout.
    if (auto task = workflow_task_offer(t.state()))
      t.offer(std::move(*task));
  }
  return std::move(t).finish(service::ResetStickyTaskQueueResponse{});
}

std::optional<time_point> next_task_deadline(const execution& x) {
  auto out = workflow_task_deadline(x);
  if (held_back(x))
    take_earlier(out, from_proto(x.created().first_task_at()));
  return out;
}

void wake_task(transition& t, due_budget&) {
  const auto& x = t.state();
  if (held_back(x) && from_proto(x.created().first_task_at()) <= t.ctx().now)
    force_workflow_task(t);
  auto deadline = t.speculative() != nullptr ? speculative_deadline(*t.speculative())
                                             : workflow_task_deadline(x);
  if (has_passed(deadline, t.ctx().now))
    time_out_workflow_task(t);
}

std::optional<time_point> undelivered_task_since(const execution& x) {
  if (!waits_for_worker(x.workflow_task()))
    return std::nullopt;
  return from_proto(x.workflow_task().scheduled_time());
}

void append_undelivered_task(const execution& x, time_point, std::vector<cluster::Task>& out) {
  if (auto task = workflow_task_offer(x))
    out.push_back(std::move(*task));
}

void describe_task(const execution& x, const context& c,
                   service::DescribeWorkflowExecutionResponse& out) {
  const auto& task = task_of(x, c);
  if (task.scheduled_event_id() == 0)
    return;
  auto& info = *out.mutable_pending_workflow_task();
  auto started = !waits_for_worker(task);
  info.set_state(started ? enums::PENDING_WORKFLOW_TASK_STATE_STARTED
                         : enums::PENDING_WORKFLOW_TASK_STATE_SCHEDULED);
  *info.mutable_scheduled_time() = task.scheduled_time();
  *info.mutable_original_scheduled_time() = task.original_scheduled_time();
  if (started)
    *info.mutable_started_time() = task.started_time();
  info.set_attempt(task.attempt());
}

} // namespace reprise::engine
