// Handing an activity to a worker. The start is a private fact with a random number in it: the
// history learns of it when the activity ends, and the token of another start fits nothing.

#include "engine/activity/activity.hpp"
#include "engine/activity/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/scratch.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

std::string token_of(const execution& x, const journal::ActivityProgress& progress) {
  cluster::TaskToken token;
  token.set_kind(cluster::TaskToken::ACTIVITY);
  token.set_namespace_id(x.created().namespace_id());
  token.set_workflow_id(x.created().workflow_id());
  token.set_run_id(x.created().run_id());
  token.set_scheduled_event_id(progress.scheduled_event_id());
  token.set_attempt(progress.attempt());
  token.set_start_id(progress.start_id());
  return token.SerializeAsString();
}

} // namespace

/// The timeouts are those of the Scheduled event even when an operator changed them: the server
/// keeps the new ones by itself, workers compare with the event.
void fill_task(api::workflowservice::v1::PollActivityTaskQueueResponse& out, const execution& x,
               const journal::ActivityState& activity, const context& c) {
  const auto& scheduled = activity.scheduled();
  const auto& options = options_of(activity);
  const auto& progress = activity.progress();
  out.set_task_token(token_of(x, progress));
  out.set_workflow_namespace(c.ns.name);
  *out.mutable_workflow_type() = x.started().workflow_type();
  out.mutable_workflow_execution()->set_workflow_id(x.created().workflow_id());
  out.mutable_workflow_execution()->set_run_id(x.created().run_id());
  *out.mutable_activity_type() = scheduled.activity_type();
  out.set_activity_id(scheduled.activity_id());
  if (scheduled.has_header())
    *out.mutable_header() = scheduled.header();
  if (scheduled.has_input())
    *out.mutable_input() = scheduled.input();
  if (progress.has_heartbeat_details())
    *out.mutable_heartbeat_details() = progress.heartbeat_details();
  *out.mutable_scheduled_time() = activity.first_scheduled_time();
  *out.mutable_current_attempt_scheduled_time() = progress.scheduled_time();
  *out.mutable_started_time() = progress.started_time();
  out.set_attempt(progress.attempt());
  *out.mutable_schedule_to_close_timeout() = scheduled.schedule_to_close_timeout();
  *out.mutable_start_to_close_timeout() = scheduled.start_to_close_timeout();
  *out.mutable_heartbeat_timeout() = scheduled.heartbeat_timeout();
  *out.mutable_retry_policy() = options.retry_policy();
  // What a queue would add of the workflow's priority, an eager task goes without.
  if (progress.eager() && options.has_priority())
    *out.mutable_priority() = options.priority();
  else if (!progress.eager() && (options.has_priority() || x.has_priority()))
    *out.mutable_priority() = priority_of(x, options);
}

void start_activity(transition& t, std::int64_t scheduled_event_id, const activity_starter& by) {
  auto progress = activity_at(t.state(), scheduled_event_id).progress();
  progress.set_start_id(std::max<std::uint64_t>(t.ctx().ids.random(), 1));
  // Not behind its scheduled time: a result by id may end a back-off, whose end is yet to come.
  *progress.mutable_started_time()
    = to_proto(std::max(t.ctx().now, from_proto(t.state().last_event_time())));
  progress.set_identity(by.identity);
  progress.set_start_request_id(by.request_id);
  progress.set_eager(by.eager);
  progress.clear_current_retry_interval();
  set_activity(t, std::move(progress));
}

namespace {

step finish_with_task(transition&& t, std::int64_t scheduled_event_id) {
  scratch memory;
  auto& answer = memory.make<api::workflowservice::v1::PollActivityTaskQueueResponse>();
  fill_task(answer, t.state(), activity_at(t.state(), scheduled_event_id), t.ctx());
  return std::move(t).finish(answer);
}

} // namespace

step decide_start_activity(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c) {
  const auto& start = request.start_activity_task();
  const auto& task = start.task();
  transition t{std::move(current), c};
  const auto* activity = find_activity(t.state(), task.scheduled_event_id());
  auto fits = is_open(t.state()) && activity != nullptr
              && activity->progress().attempt() == task.attempt()
              && activity->progress().stamp() == task.stamp();
  if (fits && is_offerable(activity->progress(), c.now)) {
    start_activity(t, task.scheduled_event_id(),
                   {.identity = start.identity(), .request_id = start.request_id()});
    return finish_with_task(std::move(t), task.scheduled_event_id());
  }
  // The same poll again: its first answer was lost on the way.
  if (fits && is_started(activity->progress()) && !start.request_id().empty()
      && activity->progress().start_request_id() == start.request_id()) {
    return finish_with_task(std::move(t), task.scheduled_event_id());
  }
  t.obsolete_task();
  return std::move(t).finish(reply{});
}

step take_back_activity(execution&& current, const cluster::ExecutionRequest& request,
                        const context& c) {
  const auto& token = request.token();
  transition t{std::move(current), c};
  const auto* activity = find_activity(t.state(), token.scheduled_event_id());
  // Whatever number a reset has given the attempt meanwhile.
  auto fits = is_open(t.state()) && activity != nullptr && is_started(activity->progress())
              && activity->progress().start_id() == token.start_id();
  if (!fits)
    return std::move(t).finish(reply{});
  auto progress = activity->progress();
  progress.clear_start_id();
  progress.clear_started_time();
  progress.clear_identity();
  progress.clear_start_request_id();
  progress.clear_eager();
  if (progress.reset_requested()) {
    reschedule_activity(t, std::move(progress), c.now);
    return std::move(t).finish(reply{});
  }
  set_activity(t, std::move(progress));
  activity = find_activity(t.state(), token.scheduled_event_id());
  if (is_offerable(activity->progress(), c.now))
    t.offer(activity_task(t.state(), *activity));
  return std::move(t).finish(reply{});
}

} // namespace reprise::engine
