// Activity tasks: polls, and a worker's answers by token or by id.

#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/poll.hpp"
#include "frontend/token/task_token.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

void poll(const call::ptr& c, api::PollActivityTaskQueueRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto wanted = make_poll(c, r, ns, cluster::Task::ACTIVITY);
  if (!wanted)
    return;
  if (r.task_queue_metadata().has_max_tasks_per_second())
    wanted->set_max_tasks_per_second(r.task_queue_metadata().max_tasks_per_second().value());
  c->send_poll(std::move(*wanted));
}

result<void> check_retry_delay(const temporal::api::failure::v1::Failure& failure) {
  auto bad = bad_duration(failure.application_failure_info().next_retry_delay());
  // One that is over already is none.
  if (bad.empty() || bad == "negative duration")
    return {};
  return invalid_argument("An invalid NextRetryDelay is set on request. cause: " + bad);
}

/// A worker reports failures of its code, nothing else; an absent one is as good.
result<void> check_failure(bool given, const temporal::api::failure::v1::Failure& failure) {
  if (given && !failure.has_application_failure_info())
    return invalid_argument("Failure must have ApplicationFailureInfo.");
  return check_retry_delay(failure);
}

template <class Request>
std::optional<token_call> open(const call::ptr& c, const Request& r) {
  return open_token(c, r.task_token(), r.namespace_(), cluster::TaskToken::ACTIVITY);
}

/// False when the call has failed.
template <class Request>
bool identity_fits(const call::ptr& c, const Request& r) {
  auto ok = check_length(r.identity(), "Identity length exceeds limit.", c->limits());
  if (!ok)
    c->fail(std::move(ok).error());
  return ok.has_value();
}

void complete(const call::ptr& c, api::RespondActivityTaskCompletedRequest& r) {
  auto opened = open(c, r);
  if (!opened || !identity_fits(c, r))
    return;
  opened->request.mutable_complete_activity()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

void fail_task(const call::ptr& c, api::RespondActivityTaskFailedRequest& r) {
  auto opened = open(c, r);
  if (!opened)
    return;
  if (auto ok = check_failure(r.has_failure(), r.failure()); !ok)
    return c->fail(std::move(ok).error());
  if (!identity_fits(c, r))
    return;
  opened->request.mutable_fail_activity()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

void cancel_task(const call::ptr& c, api::RespondActivityTaskCanceledRequest& r) {
  auto opened = open(c, r);
  if (!opened || !identity_fits(c, r))
    return;
  opened->request.mutable_cancel_activity()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

void heartbeat(const call::ptr& c, api::RecordActivityTaskHeartbeatRequest& r) {
  auto opened = open(c, r);
  if (!opened)
    return;
  opened->request.mutable_heartbeat_activity()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

/// An answer by id travels as the answer by token does, with a token that names the activity by
/// its id alone. A heartbeat's identity is written nowhere; alone of the four its length is free.
template <class Request>
std::optional<token_call> open_by_id(const call::ptr& c, const Request& r) {
  token_call opened{.ns = c->open_namespace(r.namespace_())};
  if (!opened.ns)
    return std::nullopt;
  auto refuse = [&](error why) {
    c->fail(std::move(why));
    return std::nullopt;
  };
  if (r.activity_id().empty())
    return refuse(invalid_argument("ActivityId is not set on request."));
  constexpr auto is_heartbeat
    = std::is_same_v<Request, api::RecordActivityTaskHeartbeatByIdRequest>;
  if (auto ok = check_length(r.identity(), "Identity length exceeds limit.", c->limits());
      !ok && !is_heartbeat)
    return refuse(std::move(ok).error());
  if (auto ok = check_run_is_uuid(r.run_id()); !ok)
    return refuse(std::move(ok).error());
  // Without a workflow it would be a standalone activity, which this server does not run.
  if (r.workflow_id().empty())
    return refuse(not_found("activity not found for ID: " + r.activity_id()));
  opened.request.set_workflow_id(r.workflow_id());
  opened.request.set_run_id(r.run_id());
  auto& token = *opened.request.mutable_token();
  token.set_kind(cluster::TaskToken::ACTIVITY);
  token.set_namespace_id(opened.ns->facts.id);
  token.set_workflow_id(r.workflow_id());
  token.set_run_id(r.run_id());
  token.set_activity_id(r.activity_id());
  return opened;
}

void complete_by_id(const call::ptr& c, api::RespondActivityTaskCompletedByIdRequest& r) {
  auto opened = open_by_id(c, r);
  if (!opened)
    return;
  auto& body = *opened->request.mutable_complete_activity();
  if (r.has_result())
    body.mutable_result()->Swap(r.mutable_result());
  body.set_identity(r.identity());
  body.set_namespace_(r.namespace_());
  c->send(opened->ns, std::move(opened->request));
}

void fail_by_id(const call::ptr& c, api::RespondActivityTaskFailedByIdRequest& r) {
  auto opened = open_by_id(c, r);
  if (!opened)
    return;
  // Not only a worker's own failure: whoever ends an activity from elsewhere may hand one on.
  if (auto ok = check_retry_delay(r.failure()); !ok)
    return c->fail(std::move(ok).error());
  auto& body = *opened->request.mutable_fail_activity();
  if (r.has_failure())
    body.mutable_failure()->Swap(r.mutable_failure());
  if (r.has_last_heartbeat_details())
    body.mutable_last_heartbeat_details()->Swap(r.mutable_last_heartbeat_details());
  body.set_identity(r.identity());
  body.set_namespace_(r.namespace_());
  c->send(opened->ns, std::move(opened->request));
}

void cancel_by_id(const call::ptr& c, api::RespondActivityTaskCanceledByIdRequest& r) {
  auto opened = open_by_id(c, r);
  if (!opened)
    return;
  auto& body = *opened->request.mutable_cancel_activity();
  if (r.has_details())
    body.mutable_details()->Swap(r.mutable_details());
  body.set_identity(r.identity());
  body.set_namespace_(r.namespace_());
  c->send(opened->ns, std::move(opened->request));
}

void heartbeat_by_id(const call::ptr& c, api::RecordActivityTaskHeartbeatByIdRequest& r) {
  auto opened = open_by_id(c, r);
  if (!opened)
    return;
  auto& body = *opened->request.mutable_heartbeat_activity();
  if (r.has_details())
    body.mutable_details()->Swap(r.mutable_details());
  body.set_identity(r.identity());
  body.set_namespace_(r.namespace_());
  // Both calls answer in the same wire form.
  c->send(opened->ns, std::move(opened->request));
}

} // namespace

void add_activity_task_handlers(handler_table& table) {
  table["PollActivityTaskQueue"] = parsed(poll);
  table["RespondActivityTaskCompleted"] = parsed(complete);
  table["RespondActivityTaskFailed"] = parsed(fail_task);
  table["RespondActivityTaskCanceled"] = parsed(cancel_task);
  table["RecordActivityTaskHeartbeat"] = parsed(heartbeat);
  table["RespondActivityTaskCompletedById"] = parsed(complete_by_id);
  table["RespondActivityTaskFailedById"] = parsed(fail_by_id);
  table["RespondActivityTaskCanceledById"] = parsed(cancel_by_id);
  table["RecordActivityTaskHeartbeatById"] = parsed(heartbeat_by_id);
}

} // namespace reprise::frontend
