// The end of an attempt: another attempt, or the end of the activity. And the four timeouts, which
// are ends of attempts that no worker reports.

#include "engine/machine/retry.hpp"

#include "engine/activity/activity.hpp"
#include "engine/activity/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/failures.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/task/task.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

/// IN_PROGRESS: a failure of this kind may be followed by another attempt. Else why not.
enums::RetryState judged(const api::failure::v1::Failure* failure,
                         const api::common::v1::RetryPolicy& policy) {
  switch (verdict_of(failure, policy)) {
    case verdict::again:
      return enums::RETRY_STATE_IN_PROGRESS;
    case verdict::final:
      return enums::RETRY_STATE_NON_RETRYABLE_FAILURE;
    case verdict::out_of_time:
      break;
  }
  return enums::RETRY_STATE_TIMEOUT;
}

/// How long the next attempt waits. Nothing: for ever, since an interval of zero is none.
std::optional<duration> interval_after(const api::failure::v1::Failure* failure,
                                       const api::common::v1::RetryPolicy& policy,
                                       std::int32_t attempt) {
  auto unless_zero = [](duration d) { return d.count() == 0 ? std::nullopt : std::optional{d}; };
  if (auto delay = own_delay(failure))
    return delay->count() == 0 ? std::nullopt : std::optional{std::max(*delay, duration::zero())};
  auto interval = retry_interval(policy, attempt);
  return interval.count() > 0
           ? interval
           : unless_zero(std::max(from_proto(policy.maximum_interval()), duration::zero()));
}

/// The attempt is in nobody's hands any more.
void take_from_worker(journal::ActivityProgress& progress) {
  if (is_started(progress) && !progress.identity().empty())
    progress.set_last_worker_identity(progress.identity());
  progress.clear_start_id();
  progress.clear_started_time();
  progress.clear_identity();
  progress.clear_start_request_id();
  progress.clear_worker_version();
  progress.clear_eager();
  progress.clear_current_retry_interval();
  progress.clear_last_failure();
}

/// The progress of the next attempt, which nobody has started yet. What a reset asked for takes
/// effect here.
journal::ActivityProgress next_attempt(const journal::ActivityProgress& before,
                                       std::int32_t attempt) {
  auto out = before;
  out.set_attempt(attempt);
  take_from_worker(out);
  if (out.reset_heartbeats()) {
    out.clear_heartbeat_details();
    out.clear_last_heartbeat_time();
  }
  out.clear_reset_requested();
  out.clear_reset_heartbeats();
  return out;
}

history_event started_event(const journal::ActivityProgress& progress) {
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_ACTIVITY_TASK_STARTED);
  *event.mutable_event_time() = progress.started_time();
  auto& a = *event.mutable_activity_task_started_event_attributes();
  a.set_scheduled_event_id(progress.scheduled_event_id());
  a.set_identity(progress.identity());
  a.set_request_id(progress.start_request_id());
  a.set_attempt(progress.attempt());
  if (progress.has_last_failure())
    *a.mutable_last_failure() = progress.last_failure();
  if (progress.has_worker_version())
    *a.mutable_worker_version() = progress.worker_version();
  return event;
}

api::failure::v1::Failure timeout_failure(const std::string& message, enums::TimeoutType type) {
  api::failure::v1::Failure out;
  out.set_message(message);
  out.set_source("Server");
  out.mutable_timeout_failure_info()->set_timeout_type(type);
  return out;
}

api::failure::v1::Failure timeout_failure(activity_deadline::kind what) {
  using kind = activity_deadline::kind;
  switch (what) {
    case kind::start_to_close:
      return timeout_failure("activity StartToClose timeout", enums::TIMEOUT_TYPE_START_TO_CLOSE);
    case kind::schedule_to_start:
      return timeout_failure("activity ScheduleToStart timeout",
                             enums::TIMEOUT_TYPE_SCHEDULE_TO_START);
    case kind::heartbeat:
      return timeout_failure("activity Heartbeat timeout", enums::TIMEOUT_TYPE_HEARTBEAT);
    case kind::schedule_to_close:
    case kind::retry:
      break;
  }
  return timeout_failure("Not enough time to schedule next retry before activity ScheduleToClose "
                         "timeout, giving up retrying",
                         enums::TIMEOUT_TYPE_SCHEDULE_TO_CLOSE);
}

/// True when the activity was closed; else its next attempt has begun.
bool time_out(transition& t, std::int64_t scheduled_event_id, activity_deadline::kind what) {
  using kind = activity_deadline::kind;
  auto failure = timeout_failure(what);
  auto state = enums::RETRY_STATE_TIMEOUT;
  if (activity_at(t.state(), scheduled_event_id).progress().cancel_requested()) {
    // It was not to be tried again anyway.
    state = enums::RETRY_STATE_CANCEL_REQUESTED;
    if (what == kind::schedule_to_close)
      failure.set_message("activity ScheduleToClose timeout");
  }
  if (what == kind::start_to_close || what == kind::heartbeat) {
    state = retry_activity(t, scheduled_event_id, &failure, false);
    if (state == enums::RETRY_STATE_IN_PROGRESS)
      return false;
    // There was time for this attempt, but none for another: the whole has run out.
    if (state == enums::RETRY_STATE_TIMEOUT)
      failure = timeout_failure(kind::schedule_to_close);
  }
  const auto& progress = activity_at(t.state(), scheduled_event_id).progress();
  if (progress.has_heartbeat_details())
    *failure.mutable_timeout_failure_info()->mutable_last_heartbeat_details()
      = progress.heartbeat_details();
  if (progress.has_last_failure())
    *failure.mutable_cause() = progress.last_failure();
  history_event close;
  close.set_event_type(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT);
  auto& a = *close.mutable_activity_task_timed_out_event_attributes();
  a.set_scheduled_event_id(scheduled_event_id);
  a.set_retry_state(state);
  *a.mutable_failure() = std::move(failure);
  close_activity(t, scheduled_event_id, std::move(close));
  return true;
}

/// The back-off is over. That is written down, so that no later wake looks at it again.
void end_backoff(transition& t, std::int64_t scheduled_event_id) {
  auto progress = activity_at(t.state(), scheduled_event_id).progress();
  progress.clear_current_retry_interval();
  set_activity(t, std::move(progress));
  t.offer(activity_task(t.state(), activity_at(t.state(), scheduled_event_id)));
}

std::vector<activity_deadline> passed_deadlines(const execution& x, time_point now) {
  std::vector<activity_deadline> out;
  for (const auto& [id, activity] : x.activities()) {
    auto deadlines = deadlines_of(activity);
    for (std::size_t i = 0; i < deadlines.count; ++i)
      if (deadlines.items[i].at <= now)
        out.push_back(deadlines.items[i]);
  }
  std::ranges::sort(out);
  return out;
}

} // namespace

void close_activity(transition& t, std::int64_t scheduled_event_id, history_event close,
                    const api::common::v1::WorkerVersionStamp* by) {
  const auto& progress = activity_at(t.state(), scheduled_event_id).progress();
  if (progress.paused())
    t.visibility_changed();
  if (is_started(progress)) {
    auto started = started_event(progress);
    if (by != nullptr)
      *started.mutable_activity_task_started_event_attributes()->mutable_worker_version() = *by;
    auto id = t.add_or_buffer(std::move(started));
    rule_of(close.event_type()).set_begin(close, id);
  }
  t.add_or_buffer(std::move(close));
}

enums::RetryState retry_activity(transition& t, std::int64_t scheduled_event_id,
                                 const api::failure::v1::Failure* failure, bool answered) {
  const auto& activity = activity_at(t.state(), scheduled_event_id);
  const auto& policy = options_of(activity).retry_policy();
  const auto& progress = activity.progress();
  if (progress.cancel_requested())
    return enums::RETRY_STATE_CANCEL_REQUESTED;
  if (auto state = judged(failure, policy); state != enums::RETRY_STATE_IN_PROGRESS)
    return state;
  // Whoever paused the activity decides when it goes on, and whether it may try once more.
  if (!progress.paused() && policy.maximum_attempts() > 0
      && progress.attempt() >= policy.maximum_attempts())
    return enums::RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED;
  auto now = t.ctx().now;
  auto wanted = interval_after(failure, policy, progress.attempt());
  auto interval = wanted.value_or(duration::zero());
  auto deadline = last_retry_deadline(activity);
  if (!progress.paused() && (!wanted || (deadline && now + interval > *deadline)))
    return enums::RETRY_STATE_TIMEOUT;
  auto next = progress;
  if (progress.paused()) {
    // What a reset asked for waits, too, until somebody unpauses it.
    next.set_attempt(progress.attempt() + 1);
    take_from_worker(next);
  } else {
    next = next_attempt(progress, progress.attempt() + 1);
  }
  auto retained_max = t.ctx().bounds.retained_failure_bytes_max;
  if (failure != nullptr)
    *next.mutable_last_failure() = failure->ByteSizeLong() <= retained_max
                                     ? *failure
                                     : cut_failure(*failure, retained_max, false);
  if (answered)
    *next.mutable_last_attempt_complete_time() = to_proto(now);
  // A paused activity goes on when it is unpaused, whatever its back-off.
  if (progress.paused()) {
    set_activity(t, std::move(next));
    return enums::RETRY_STATE_IN_PROGRESS;
  }
  *next.mutable_scheduled_time() = to_proto(now + interval);
  if (interval.count() > 0)
    *next.mutable_current_retry_interval() = to_proto(interval);
  set_activity(t, std::move(next));
  if (interval.count() == 0)
    t.offer(activity_task(t.state(), activity_at(t.state(), scheduled_event_id)));
  return enums::RETRY_STATE_IN_PROGRESS;
}

bool follows_answer(const journal::ActivityProgress& progress) {
  if (!progress.has_last_attempt_complete_time())
    return false;
  auto how = progress.last_failure().timeout_failure_info().timeout_type();
  return how != enums::TIMEOUT_TYPE_START_TO_CLOSE && how != enums::TIMEOUT_TYPE_HEARTBEAT;
}

void reschedule_activity(transition& t, journal::ActivityProgress progress, time_point at) {
  auto id = progress.scheduled_event_id();
  auto next = next_attempt(progress, progress.attempt());
  // The failure that tells of a time-out goes, so the time of an older answer must not stay.
  if (!follows_answer(progress))
    next.clear_last_attempt_complete_time();
  // What lies in a task queue is of another time now.
  next.set_stamp(next.stamp() + 1);
  auto now = t.ctx().now;
  *next.mutable_scheduled_time() = to_proto(at);
  if (at > now)
    *next.mutable_current_retry_interval() = to_proto(at - now);
  set_activity(t, std::move(next));
  const auto& activity = activity_at(t.state(), id);
  if (is_offerable(activity.progress(), now))
    t.offer(activity_task(t.state(), activity));
}

void fire_activity_timeouts(transition& t, due_budget& budget) {
  auto passed = passed_deadlines(t.state(), t.ctx().now);
  auto closed = false;
  for (const auto& deadline : passed) {
    // An earlier deadline may have ended the attempt, or the activity.
    const auto* activity = find_activity(t.state(), deadline.scheduled_event_id);
    if (activity == nullptr || activity->progress().attempt() != deadline.attempt)
      continue;
    if (!budget.take(t))
      break;
    if (deadline.type == activity_deadline::kind::retry)
      end_backoff(t, deadline.scheduled_event_id);
    else if (time_out(t, deadline.scheduled_event_id, deadline.type))
      closed = true;
  }
  if (closed)
    schedule_workflow_task(t);
}

} // namespace reprise::engine
