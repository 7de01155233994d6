// Operators' calls on pending activities of a workflow. The newer calls (...ActivityExecution) are
// the older ones with one activity named by its id, and answer in the same wire form.

#include "frontend/handlers/handlers.hpp"
#include "frontend/validate/activity_options.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

error too_long(const char* what, const std::string& value, const front_limits& limits) {
  return invalid_argument(std::string{what}
                          + " exceeds length limit. Length=" + std::to_string(value.size())
                          + " Limit=" + std::to_string(limits.id_length_max));
}

/// The run that a call names; nothing when the call has failed.
template <class Request>
std::optional<cluster::ExecutionRequest> prepare(const call::ptr& c, const Request& r) {
  auto refuse = [&](error why) {
    c->fail(std::move(why));
    return std::nullopt;
  };
  if (r.execution().workflow_id().empty())
    return refuse(invalid_argument("WorkflowId is not set on request."));
  if (r.activity_case() == Request::ACTIVITY_NOT_SET)
    return refuse(
      invalid_argument("Either Activity.Id or Activity.Type should be set on request."));
  if (auto ok = check_run_is_uuid(r.execution().run_id()); !ok)
    return refuse(std::move(ok).error());
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.execution().workflow_id());
  request.set_run_id(r.execution().run_id());
  return request;
}

void pause_in(const call::ptr& c, const call::entry_ptr& ns, api::PauseActivityRequest& r) {
  auto request = prepare(c, r);
  if (!request)
    return;
  request->mutable_pause_activity()->Swap(&r);
  c->send(ns, std::move(*request));
}

void unpause_in(const call::ptr& c, const call::entry_ptr& ns, api::UnpauseActivityRequest& r) {
  auto request = prepare(c, r);
  if (!request)
    return;
  if (auto bad = bad_duration(r.jitter()); !bad.empty())
    return c->fail(invalid_argument("invalid Jitter: " + bad));
  request->mutable_unpause_activity()->Swap(&r);
  c->send(ns, std::move(*request));
}

void reset_in(const call::ptr& c, const call::entry_ptr& ns, api::ResetActivityRequest& r) {
  auto request = prepare(c, r);
  if (!request)
    return;
  if (auto bad = bad_duration(r.jitter()); !bad.empty())
    return c->fail(invalid_argument("invalid Jitter: " + bad));
  request->mutable_reset_activity()->Swap(&r);
  c->send(ns, std::move(*request));
}

void update_in(const call::ptr& c, const call::entry_ptr& ns,
               api::UpdateActivityOptionsRequest& r) {
  auto request = prepare(c, r);
  if (!request)
    return;
  // What is missing in it the run tells, if it is there.
  if (r.restore_original() && !r.update_mask().paths().empty())
    return c->fail(invalid_argument("Both UpdateMask and RestoreOriginal are provided"));
  request->mutable_update_activity_options()->Swap(&r);
  c->send(ns, std::move(*request));
}

template <class Request, void (*serve)(const call::ptr&, const call::entry_ptr&, Request&)>
void older(const call::ptr& c, Request& r) {
  if (auto ns = c->open_namespace(r.namespace_()))
    serve(c, ns, r);
}

/// The older call looks at the whole priority, whatever the mask names.
void older_update(const call::ptr& c, const call::entry_ptr& ns,
                  api::UpdateActivityOptionsRequest& r) {
  auto names_one = !r.execution().workflow_id().empty()
                   && r.activity_case() != api::UpdateActivityOptionsRequest::ACTIVITY_NOT_SET;
  if (auto ok = check_priority(r.activity_options().priority()); !ok && names_one)
    return c->fail(std::move(ok).error());
  update_in(c, ns, r);
}

/// What all newer calls check alike.
template <class New>
result<void> check_newer(const New& r, const front_limits& limits) {
  if (r.request_id().size() > limits.id_length_max)
    return too_long("request ID", r.request_id(), limits);
  if (r.activity_id().empty())
    return invalid_argument("activity ID is required");
  if (r.activity_id().size() > limits.id_length_max)
    return too_long("activity ID", r.activity_id(), limits);
  if (r.identity().size() > limits.id_length_max)
    return too_long("identity", r.identity(), limits);
  if (!check_run_is_uuid(r.run_id()))
    return invalid_argument("invalid run id: must be a valid UUID");
  return {};
}

result<void> check_jitter(const google::protobuf::Duration& jitter) {
  auto bad = bad_duration(jitter);
  if (bad.empty())
    return {};
  return invalid_argument("invalid jitter: " + bad);
}

/// The part that all newer calls have alike; null when the call has failed.
template <class New, class Old>
call::entry_ptr translate(const call::ptr& c, const New& from, Old& to) {
  auto ns = c->open_namespace(from.namespace_());
  if (!ns)
    return nullptr;
  auto refuse = [&](error why) -> call::entry_ptr {
    c->fail(std::move(why));
    return nullptr;
  };
  if (auto ok = check_newer(from, c->limits()); !ok)
    return refuse(std::move(ok).error());
  // Without a workflow it would be a standalone activity, which this server does not run.
  if (from.workflow_id().empty())
    return refuse(not_implemented(c->method()));
  to.set_namespace_(from.namespace_());
  to.mutable_execution()->set_workflow_id(from.workflow_id());
  to.mutable_execution()->set_run_id(from.run_id());
  to.set_identity(from.identity());
  to.set_id(from.activity_id());
  return ns;
}

void pause(const call::ptr& c, api::PauseActivityExecutionRequest& r) {
  api::PauseActivityRequest old;
  auto ns = translate(c, r, old);
  if (!ns)
    return;
  if (r.reason().size() > c->limits().blob_bytes_max)
    return c->fail(invalid_argument("reason exceeds length limit"));
  old.set_reason(r.reason());
  // One that nobody has sent before: pausing again is another pause.
  old.set_request_id(r.request_id().empty() ? c->back().new_uuid() : r.request_id());
  pause_in(c, ns, old);
}

void unpause(const call::ptr& c, api::UnpauseActivityExecutionRequest& r) {
  api::UnpauseActivityRequest old;
  auto ns = translate(c, r, old);
  if (!ns)
    return;
  if (auto ok = check_jitter(r.jitter()); !ok)
    return c->fail(std::move(ok).error());
  if (r.has_jitter())
    *old.mutable_jitter() = r.jitter();
  unpause_in(c, ns, old);
}

void reset(const call::ptr& c, api::ResetActivityExecutionRequest& r) {
  api::ResetActivityRequest old;
  auto ns = translate(c, r, old);
  if (!ns)
    return;
  if (auto ok = check_jitter(r.jitter()); !ok)
    return c->fail(std::move(ok).error());
  old.set_keep_paused(r.keep_paused());
  old.set_reset_heartbeat(r.reset_heartbeat());
  old.set_restore_original_options(r.restore_original_options());
  if (r.has_jitter())
    *old.mutable_jitter() = r.jitter();
  reset_in(c, ns, old);
}

void update(const call::ptr& c, api::UpdateActivityExecutionOptionsRequest& r) {
  api::UpdateActivityOptionsRequest old;
  auto ns = translate(c, r, old);
  if (!ns)
    return;
  if (auto ok = settle_activity_options(r, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  if (r.has_activity_options())
    *old.mutable_activity_options() = r.activity_options();
  if (r.has_update_mask())
    *old.mutable_update_mask() = r.update_mask();
  old.set_restore_original(r.restore_original());
  update_in(c, ns, old);
}

} // namespace

void add_activity_operator_handlers(handler_table& table) {
  table["PauseActivity"] = parsed(older<api::PauseActivityRequest, pause_in>);
  table["UnpauseActivity"] = parsed(older<api::UnpauseActivityRequest, unpause_in>);
  table["ResetActivity"] = parsed(older<api::ResetActivityRequest, reset_in>);
  table["UpdateActivityOptions"] = parsed(older<api::UpdateActivityOptionsRequest, older_update>);
  table["PauseActivityExecution"] = parsed(pause);
  table["UnpauseActivityExecution"] = parsed(unpause);
  table["ResetActivityExecution"] = parsed(reset);
  table["UpdateActivityExecutionOptions"] = parsed(update);
}

} // namespace reprise::frontend
