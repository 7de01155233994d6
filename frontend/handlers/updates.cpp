#include "actors/call/outcome.hpp"
#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/long_poll.hpp"
#include "frontend/validate/fields.hpp"
#include "frontend/validate/start.hpp"
#include "protocol/headers.hpp"
#include "protocol/multi_operation.hpp"
#include "temporal/api/enums/v1/update.pb.h"
#include "temporal/api/errordetails/v1/message.pb.h"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;
namespace details = temporal::api::errordetails::v1;

namespace {

/// Only a worker knows of an update that is admitted; nobody may wait for no more than that.
result<void> check_wait_stage(const temporal::api::update::v1::WaitPolicy& policy) {
  if (policy.lifecycle_stage() != enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED)
    return {};
  return with_detail(errc::permission_denied,
                     "UpdateWorkflowExecution issued asynchronously and waiting on update admitted "
                     "is not supported.",
                     details::PermissionDeniedFailure{});
}

/// Checks an update and gives it an id if it has none.
result<void> check_update(const call& c, api::UpdateWorkflowExecutionRequest& r) {
  if (auto ok = check_execution(r.has_workflow_execution(), r.workflow_execution()); !ok)
    return ok;
  auto& update = *r.mutable_request();
  if (!update.has_meta())
    return invalid_argument("Update meta is not set on request.");
  if (auto ok = check_length(update.meta().update_id(), "UpdateId length exceeds limit.",
                             c.limits());
      !ok)
    return ok;
  if (!update.has_input())
    return invalid_argument("Update input is not set on request.");
  if (update.input().name().empty())
    return invalid_argument("Update name is not set on request.");
  // A worker that accepts it sends it back, and may not send more than a blob.
  if (auto ok = check_blob(update, c.limits()); !ok)
    return ok;
  if (!update.completion_callbacks().empty())
    return invalid_argument("callbacks of updates are not supported");
  if (auto ok = check_links(update.links(), c.limits()); !ok)
    return ok;
  return {};
}

void name_update(const call& c, api::UpdateWorkflowExecutionRequest& r) {
  auto& meta = *r.mutable_request()->mutable_meta();
  if (meta.update_id().empty())
    meta.set_update_id(c.back().new_uuid());
}

/// When the caller is told how far its update has come, whatever that is.
void set_wait(cluster::ExecutionRequest& request, const call& c) {
  auto until = c.now() + c.limits().history_poll_max;
  (*request.mutable_headers())[std::string{protocol::wait_until_header}]
    = std::to_string(until.time_since_epoch().count());
}

void update(const call::ptr& c, api::UpdateWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_update(*c, r); !ok)
    return c->fail(std::move(ok).error());
  if (auto ok = check_wait_stage(r.wait_policy()); !ok)
    return c->fail(std::move(ok).error());
  name_update(*c, r);
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.workflow_execution().workflow_id());
  request.set_run_id(r.workflow_execution().run_id());
  request.mutable_update()->Swap(&r);
  set_wait(request, *c);
  c->wait(ns, std::move(request));
}

void poll_update(const call::ptr& c, api::PollWorkflowExecutionUpdateRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (!r.has_update_ref())
    return c->fail(invalid_argument("UpdateRef is not set on request."));
  const auto& ref = r.update_ref();
  if (ref.workflow_execution().workflow_id().empty())
    return c->fail(invalid_argument("Can't load workflow execution.  WorkflowId not set."));
  if (auto ok = check_run_is_uuid(ref.workflow_execution().run_id()); !ok)
    return c->fail(std::move(ok).error());
  cluster::ExecutionRequest request;
  request.set_workflow_id(ref.workflow_execution().workflow_id());
  request.set_run_id(ref.workflow_execution().run_id());
  request.mutable_poll_update()->Swap(&r);
  set_wait(request, *c);
  c->wait(ns, std::move(request));
}

// -- a start and an update in one
// -----------------------------------------------------------------

/// Of an operation, and the whole, the same namespace.
result<void> check_same_namespace(const std::string& of_operation, const std::string& of_all) {
  if (!of_operation.empty() && of_operation != of_all)
    return invalid_argument("Operation namespace did not match request's namespace.");
  return {};
}

result<void> check_start_part(const call& c, api::StartWorkflowExecutionRequest& start,
                              const actors::namespace_entry& ns) {
  if (auto ok = check_same_namespace(start.namespace_(), ns.facts.name); !ok)
    return ok;
  if (auto ok = check_start(start, ns, c.now(), c.limits()); !ok)
    return ok;
  if (!start.cron_schedule().empty())
    return invalid_argument("CronSchedule is not allowed.");
  if (start.request_eager_execution())
    return invalid_argument("RequestEagerExecution is not supported.");
  const auto& delay = start.workflow_start_delay();
  if (delay.seconds() > 0 || delay.nanos() > 0)
    return invalid_argument("WorkflowStartDelay is not supported.");
  return {};
}

/// `workflow_id`: that of the start; empty: nobody knows of which workflow it would have been.
result<void> check_update_part(const call& c, api::UpdateWorkflowExecutionRequest& update,
                               const std::string& workflow_id, const std::string& ns) {
  if (auto ok = check_same_namespace(update.namespace_(), ns); !ok)
    return ok;
  if (auto ok = check_update(c, update); !ok)
    return ok;
  if (auto ok = check_wait_stage(update.wait_policy()); !ok)
    return ok;
  if (!update.first_execution_run_id().empty())
    return invalid_argument("FirstExecutionRunId is not allowed.");
  if (!update.workflow_execution().run_id().empty())
    return invalid_argument("RunId is not allowed.");
  if (!workflow_id.empty() && update.workflow_execution().workflow_id() != workflow_id)
    return invalid_argument("WorkflowId is not consistent with previous operation(s).");
  return {};
}

/// Of an operation that was checked.
cluster::Status status_of(const result<void>& checked) {
  return checked ? protocol::operation_aborted() : actors::to_reply(checked.error()).status();
}

/// An update that its run closed before it was accepted is tried again once, perhaps with a run of
/// its own; then that is for the client to do.
void send_update_with_start(const call::ptr& c, const call::entry_ptr& ns,
                            const std::shared_ptr<const cluster::ExecutionRequest>& request,
                            bool again) {
  auto copy = *request;
  c->wait(ns, std::move(copy), [ns, request, again](call& self, cluster::Reply reply) {
    if (!reply.has_status())
      return self.answer_bytes(std::move(*reply.mutable_response()));
    if (!protocol::was_aborted_by_close(reply.status()))
      return self.fail(error_of(reply.status()));
    if (again)
      return self.fail(error_of(protocol::as_retryable(reply.status())));
    send_update_with_start(self.shared_from_this(), ns, request, true);
  });
}

void execute_multi_operation(const call::ptr& c, api::ExecuteMultiOperationRequest& r) {
  auto ns = c->open_namespace_for_start(r.namespace_());
  if (!ns)
    return;
  auto& all = *r.mutable_operations();
  if (all.size() != 2 || !all[0].has_start_workflow() || !all[1].has_update_workflow())
    return c->fail(invalid_argument("Operations have to be exactly [Start, Update]."));
  auto& start = *all[0].mutable_start_workflow();
  auto& update = *all[1].mutable_update_workflow();
  auto first = check_start_part(*c, start, *ns);
  auto second = check_update_part(*c, update, first ? start.workflow_id() : std::string{},
                                  ns->facts.name);
  if (!first || !second)
    return c->fail(
      error_of(protocol::update_with_start_failure(status_of(first), status_of(second))));
  if (start.request_id().empty())
    start.set_request_id(c->back().new_uuid());
  name_update(*c, update);
  auto request = std::make_shared<cluster::ExecutionRequest>();
  request->set_workflow_id(start.workflow_id());
  request->mutable_update_with_start()->Swap(&r);
  // Of both tries together: the caller waits no longer because there are two.
  set_wait(*request, *c);
  send_update_with_start(c, ns, request, false);
}

} // namespace

void add_update_handlers(handler_table& table) {
  table["UpdateWorkflowExecution"] = parsed(update);
  table["PollWorkflowExecutionUpdate"] = parsed(poll_update);
  table["ExecuteMultiOperation"] = parsed(execute_multi_operation);
}

} // namespace reprise::frontend
