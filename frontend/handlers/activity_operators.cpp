// Operators' calls on pending activities of a workflow. The newer calls (...ActivityExecution) are
// the older ones with one activity named by its id, and answer in the same wire form.

#include "frontend/handlers/handlers.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

/// The run that a call names; nothing when the call has failed. `targeted`: the call says which
/// activities it means.
template <class Request>
std::optional<cluster::ExecutionRequest>
prepare(const call::ptr& c, const Request& r, bool targeted) {
  auto refuse = [&](error why) {
    c->fail(std::move(why));
    return std::nullopt;
  };
  if (r.execution().workflow_id().empty())
    return refuse(invalid_argument("WorkflowId is not set on request."));
  if (auto ok = check_run_id(r.execution().run_id()); !ok)
    return refuse(std::move(ok).error());
  if (!targeted)
    return refuse(
      invalid_argument("Either Activity.Id or Activity.Type should be set on request."));
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.execution().workflow_id());
  request.set_run_id(r.execution().run_id());
  return request;
}

/// An id or type that is there but empty names nothing.
template <class Request>
bool names_activity(const Request& r) {
  switch (r.activity_case()) {
    case Request::kId:
      return !r.id().empty();
    case Request::kType:
      return !r.type().empty();
    case Request::ACTIVITY_NOT_SET:
      return false;
    default:
      return true;
  }
}

void pause_in(const call::ptr& c, const call::entry_ptr& ns, api::PauseActivityRequest& r) {
  auto request = prepare(c, r, names_activity(r));
  if (!request)
    return;
  request->mutable_pause_activity()->Swap(&r);
  c->send(ns, std::move(*request));
}

void unpause_in(const call::ptr& c, const call::entry_ptr& ns, api::UnpauseActivityRequest& r) {
  auto request = prepare(c, r, names_activity(r));
  if (!request)
    return;
  if (auto bad = bad_duration(r.jitter()); !bad.empty())
    return c->fail(invalid_argument("invalid Jitter: " + bad));
  request->mutable_unpause_activity()->Swap(&r);
  c->send(ns, std::move(*request));
}

void reset_in(const call::ptr& c, const call::entry_ptr& ns, api::ResetActivityRequest& r) {
  auto request = prepare(c, r, names_activity(r));
  if (!request)
    return;
  if (auto bad = bad_duration(r.jitter()); !bad.empty())
    return c->fail(invalid_argument("invalid Jitter: " + bad));
  request->mutable_reset_activity()->Swap(&r);
  c->send(ns, std::move(*request));
}

result<void> check_update(const api::UpdateActivityOptionsRequest& r) {
  if (r.restore_original()) {
    if (r.has_update_mask())
      return invalid_argument("Both UpdateMask and RestoreOriginal are provided");
    return {};
  }
  if (!r.has_activity_options())
    return invalid_argument("ActivityOptions are not provided");
  if (!r.has_update_mask())
    return invalid_argument("UpdateMask is not provided");
  return {};
}

void update_in(const call::ptr& c, const call::entry_ptr& ns,
               api::UpdateActivityOptionsRequest& r) {
  auto request = prepare(c, r, names_activity(r));
  if (!request)
    return;
  if (auto ok = check_update(r); !ok)
    return c->fail(std::move(ok).error());
  request->mutable_update_activity_options()->Swap(&r);
  c->send(ns, std::move(*request));
}

template <class Request, void (*serve)(const call::ptr&, const call::entry_ptr&, Request&)>
void older(const call::ptr& c, Request& r) {
  if (auto ns = c->open_namespace(r.namespace_()))
    serve(c, ns, r);
}

/// What all newer calls have alike; null when the call has failed.
template <class New, class Old>
call::entry_ptr translate(const call::ptr& c, const New& from, Old& to) {
  auto ns = c->open_namespace(from.namespace_());
  if (!ns)
    return nullptr;
  if (from.activity_id().empty()) {
    c->fail(invalid_argument("activity ID is required"));
    return nullptr;
  }
  // Without a workflow it would be a standalone activity, which this server does not run.
  if (from.workflow_id().empty()) {
    c->fail(not_implemented(c->method()));
    return nullptr;
  }
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
  old.set_reason(r.reason());
  old.set_request_id(r.request_id());
  pause_in(c, ns, old);
}

void unpause(const call::ptr& c, api::UnpauseActivityExecutionRequest& r) {
  api::UnpauseActivityRequest old;
  auto ns = translate(c, r, old);
  if (!ns)
    return;
  if (r.has_jitter())
    *old.mutable_jitter() = r.jitter();
  unpause_in(c, ns, old);
}

void reset(const call::ptr& c, api::ResetActivityExecutionRequest& r) {
  api::ResetActivityRequest old;
  auto ns = translate(c, r, old);
  if (!ns)
    return;
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
  table["UpdateActivityOptions"] = parsed(older<api::UpdateActivityOptionsRequest, update_in>);
  table["PauseActivityExecution"] = parsed(pause);
  table["UnpauseActivityExecution"] = parsed(unpause);
  table["ResetActivityExecution"] = parsed(reset);
  table["UpdateActivityExecutionOptions"] = parsed(update);
}

} // namespace reprise::frontend
