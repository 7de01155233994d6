// What workers say of activities that they hold: results, failures, cancellations, heartbeats; by
// the token that came with the task, or by the ids that anyone can know.

#include "engine/activity/activity.hpp"
#include "engine/activity/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/failures.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/task/task.hpp"

namespace reprise::engine {

namespace {

error activity_not_found() {
  return not_found(
    "invalid activityID or activity already timed out or invoking workflow is completed");
}

/// The activity that a call names, or why it cannot be had.
struct addressed {
  std::int64_t scheduled_event_id = 0;
  /// Nobody holds it, which a result by id does not mind.
  bool waiting = false;
  std::optional<error> refusal{};
};

addressed find_by_id(const execution& x, const std::string& activity_id) {
  auto i = x.activity_ids().find(activity_id);
  if (i == x.activity_ids().end())
    return {.refusal = not_found("cannot find pending activity with ActivityID " + activity_id
                                 + ", check workflow execution history for more details")};
  const auto* activity = find_activity(x, i->second);
  return {.scheduled_event_id = i->second, .waiting = !is_started(activity->progress())};
}

addressed find_by_token(const execution& x, const cluster::TaskToken& token) {
  const auto* activity = find_activity(x, token.scheduled_event_id());
  // A reset makes an attempt count as the first, so the number is looked at as well.
  if (activity == nullptr || !is_started(activity->progress())
      || activity->progress().start_id() != token.start_id()
      || activity->progress().attempt() != token.attempt())
    return {.refusal = activity_not_found()};
  return {.scheduled_event_id = token.scheduled_event_id()};
}

addressed find_addressed(const execution& x, const cluster::TaskToken& token, bool may_wait) {
  if (!is_open(x))
    return {.refusal = already_completed()};
  auto out = token.scheduled_event_id() == 0 ? find_by_id(x, token.activity_id())
                                             : find_by_token(x, token);
  if (!out.refusal && out.waiting && !may_wait)
    out.refusal = activity_not_found();
  return out;
}

/// Ends the attempt with a failure: the next attempt, or the end of the activity.
template <class Request>
void fail(transition& t, std::int64_t id, const api::failure::v1::Failure* failure,
          const Request& r) {
  auto state = retry_activity(t, id, failure, true);
  if (state == enums::RETRY_STATE_IN_PROGRESS)
    return;
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED);
  auto& a = *event.mutable_activity_task_failed_event_attributes();
  a.set_scheduled_event_id(id);
  a.set_identity(r.identity());
  a.set_retry_state(state);
  if (failure != nullptr)
    *a.mutable_failure() = *failure;
  const api::common::v1::WorkerVersionStamp* by = nullptr;
  if constexpr (requires { r.has_worker_version(); })
    by = r.has_worker_version() ? &r.worker_version() : nullptr;
  close_activity(t, id, std::move(event), by);
  schedule_workflow_task(t);
}

void take_heartbeat(transition& t, std::int64_t id, const api::common::v1::Payloads* details,
                    const std::string& identity) {
  auto progress = activity_at(t.state(), id).progress();
  if (!identity.empty())
    progress.set_last_worker_identity(identity);
  progress.clear_heartbeat_details();
  if (details != nullptr)
    *progress.mutable_heartbeat_details() = *details;
  *progress.mutable_last_heartbeat_time() = to_proto(t.ctx().now);
  set_activity(t, std::move(progress));
}

/// A result for an activity that nobody took: whoever sends it counts as the one who did.
void start_for(transition& t, std::int64_t id, const std::string& identity) {
  start_activity(t, id, {.identity = identity});
}

} // namespace

step decide_complete_activity(execution&& current, const cluster::ExecutionRequest& request,
                              const context& c) {
  const auto& r = request.complete_activity();
  transition t{std::move(current), c};
  auto to = find_addressed(t.state(), request.token(), true);
  if (to.refusal)
    return std::move(t).finish(std::move(*to.refusal));
  auto id = to.scheduled_event_id;
  if (to.waiting)
    start_for(t, id, r.identity());
  service::RespondActivityTaskCompletedResponse response;
  if (r.result().ByteSizeLong() > c.bounds.blob_bytes_max) {
    auto failure = server_failure("Complete result exceeds size limit.", true);
    fail(t, id, &failure, r);
    return std::move(t).finish(response);
  }
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED);
  auto& a = *event.mutable_activity_task_completed_event_attributes();
  a.set_scheduled_event_id(id);
  a.set_identity(r.identity());
  if (r.has_result())
    *a.mutable_result() = r.result();
  close_activity(t, id, std::move(event), r.has_worker_version() ? &r.worker_version() : nullptr);
  schedule_workflow_task(t);
  return std::move(t).finish(response);
}

step decide_fail_activity(execution&& current, const cluster::ExecutionRequest& request,
                          const context& c) {
  const auto& r = request.fail_activity();
  transition t{std::move(current), c};
  auto to = find_addressed(t.state(), request.token(), false);
  if (to.refusal)
    return std::move(t).finish(std::move(*to.refusal));
  service::RespondActivityTaskFailedResponse response;
  if (r.has_last_heartbeat_details()) {
    if (r.last_heartbeat_details().ByteSizeLong() <= c.bounds.blob_bytes_max)
      take_heartbeat(t, to.scheduled_event_id, &r.last_heartbeat_details(), {});
    else
      *response.add_failures() = server_failure("Heartbeat details exceed size limit.", true);
  }
  if (r.failure().ByteSizeLong() > c.bounds.blob_bytes_max) {
    auto failure = cut_failure(r.failure(), c.bounds.kept_failure_bytes_max, true);
    *response.add_failures() = failure;
    fail(t, to.scheduled_event_id, &failure, r);
  } else {
    fail(t, to.scheduled_event_id, r.has_failure() ? &r.failure() : nullptr, r);
  }
  return std::move(t).finish(response);
}

step decide_cancel_activity(execution&& current, const cluster::ExecutionRequest& request,
                            const context& c) {
  const auto& r = request.cancel_activity();
  transition t{std::move(current), c};
  auto to = find_addressed(t.state(), request.token(), false);
  if (to.refusal)
    return std::move(t).finish(std::move(*to.refusal));
  auto id = to.scheduled_event_id;
  const auto& progress = activity_at(t.state(), id).progress();
  if (!progress.cancel_requested())
    return std::move(t).finish(invalid_argument("unable to mark activity as canceled without "
                                                "activity being request canceled first"));
  service::RespondActivityTaskCanceledResponse response;
  if (r.details().ByteSizeLong() > c.bounds.blob_bytes_max) {
    auto failure = server_failure("Cancel details exceed size limit.", true);
    fail(t, id, &failure, r);
    return std::move(t).finish(response);
  }
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_ACTIVITY_TASK_CANCELED);
  auto& a = *event.mutable_activity_task_canceled_event_attributes();
  a.set_scheduled_event_id(id);
  a.set_latest_cancel_requested_event_id(progress.cancel_requested_event_id());
  a.set_identity(r.identity());
  if (r.has_details())
    *a.mutable_details() = r.details();
  close_activity(t, id, std::move(event));
  schedule_workflow_task(t);
  return std::move(t).finish(response);
}

step decide_heartbeat(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c) {
  const auto& r = request.heartbeat_activity();
  transition t{std::move(current), c};
  auto to = find_addressed(t.state(), request.token(), false);
  if (to.refusal)
    return std::move(t).finish(std::move(*to.refusal));
  service::RecordActivityTaskHeartbeatResponse response;
  if (r.details().ByteSizeLong() > c.bounds.blob_bytes_max) {
    auto failure = server_failure("Heartbeat details exceed size limit.", true);
    fail(t, to.scheduled_event_id, &failure, r);
    response.set_cancel_requested(true);
    return std::move(t).finish(response);
  }
  take_heartbeat(t, to.scheduled_event_id, r.has_details() ? &r.details() : nullptr, r.identity());
  const auto& progress = activity_at(t.state(), to.scheduled_event_id).progress();
  response.set_cancel_requested(progress.cancel_requested());
  response.set_activity_paused(progress.paused());
  response.set_activity_reset(progress.reset_requested());
  return std::move(t).finish(response);
}

std::int64_t events_of_heartbeat(const execution&, const cluster::ExecutionRequest&,
                                 const limits&) {
  return 0;
}

} // namespace reprise::engine
