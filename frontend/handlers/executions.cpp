// Calls on one workflow execution that are neither starts nor tasks.

#include "frontend/handlers/handlers.hpp"
#include "frontend/validate/fields.hpp"
#include "frontend/validate/start.hpp"
#include "protocol/parse_stored.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace common = temporal::api::common::v1;
namespace enums = temporal::api::enums::v1;

namespace {

constexpr std::size_t reason_bytes_max = 1000;

cluster::ExecutionRequest to_run(const common::WorkflowExecution& x) {
  cluster::ExecutionRequest request;
  request.set_workflow_id(x.workflow_id());
  request.set_run_id(x.run_id());
  return request;
}

/// Whoever names a chain by its first run means the run that is current by now, whichever is named
/// beside it.
template <class Request>
cluster::ExecutionRequest to_chain(const Request& r) {
  auto request = to_run(r.workflow_execution());
  if (!r.first_execution_run_id().empty())
    request.clear_run_id();
  return request;
}

/// The checks of a signal, in the API's order.
result<void> check_signal(const api::SignalWorkflowExecutionRequest& r,
                          const front_limits& limits) {
  if (auto ok = check_execution(r.has_workflow_execution(), r.workflow_execution()); !ok)
    return ok;
  if (r.signal_name().empty())
    return invalid_argument("SignalName is not set on request.");
  if (auto ok = check_length(r.signal_name(), "SignalName length exceeds limit.", limits); !ok)
    return ok;
  if (auto ok = check_length(r.request_id(), "RequestId length exceeds limit.", limits); !ok)
    return ok;
  if (auto ok = check_links(r.links(), limits); !ok)
    return ok;
  return check_blob(r.input(), limits);
}

void signal(const call::ptr& c, api::SignalWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_signal(r, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_run(r.workflow_execution());
  request.mutable_signal()->Swap(&r);
  c->send(ns, std::move(request));
}

void request_cancel(const call::ptr& c, api::RequestCancelWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_execution(r.has_workflow_execution(), r.workflow_execution()); !ok)
    return c->fail(std::move(ok).error());
  if (auto ok = check_links(r.links(), c->limits()); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_chain(r);
  request.mutable_request_cancel()->Swap(&r);
  c->send(ns, std::move(request));
}

void terminate(const call::ptr& c, api::TerminateWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_execution(r.has_workflow_execution(), r.workflow_execution()); !ok)
    return c->fail(std::move(ok).error());
  if (auto ok = check_links(r.links(), c->limits()); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_chain(r);
  request.mutable_terminate()->Swap(&r);
  c->send(ns, std::move(request));
}

void describe(const call::ptr& c, api::DescribeWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_execution(r.has_execution(), r.execution()); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_run(r.execution());
  request.mutable_describe()->Swap(&r);
  c->send(ns, std::move(request));
}

void delete_execution(const call::ptr& c, api::DeleteWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_execution(r.has_workflow_execution(), r.workflow_execution()); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_run(r.workflow_execution());
  request.mutable_delete_execution()->Swap(&r);
  c->send(ns, std::move(request));
}

/// A mask names fields, and fields of messages in fields.
bool is_path_of(const google::protobuf::Descriptor* type, std::string_view path) {
  while (type != nullptr) {
    auto dot = path.find('.');
    const auto* field = type->FindFieldByName(std::string{path.substr(0, dot)});
    if (field == nullptr)
      return false;
    if (dot == std::string_view::npos)
      return true;
    path.remove_prefix(dot + 1);
    type = field->is_repeated() ? nullptr : field->message_type();
  }
  return false;
}

/// What can be known without the run of options that are to be changed.
template <class Change>
result<void> check_options(const Change& r) {
  if (!r.has_update_mask())
    return invalid_argument("UpdateMask is required");
  if (!r.has_workflow_execution_options())
    return invalid_argument("WorkflowExecutionOptions is required");
  const auto& options = r.workflow_execution_options();
  for (const auto& path : r.update_mask().paths())
    if (!is_path_of(options.GetDescriptor(), path))
      return invalid_argument("error parsing UpdateMask: proto: invalid path \"" + path
                              + "\" for message \"" + options.GetTypeName() + "\"");
  if (auto ok = check_priority(options.priority()); !ok)
    return ok;
  if (options.has_time_skipping_config())
    return make_error(errc::unimplemented,
                      "The Time-Skipping feature is not enabled for namespace.");
  return {};
}

result<void> check_options_update(const api::UpdateWorkflowExecutionOptionsRequest& r) {
  if (r.workflow_execution().workflow_id().empty())
    return invalid_argument("WorkflowId is not set on request.");
  if (auto ok = check_options(r); !ok)
    return ok;
  return check_run_is_uuid(r.workflow_execution().run_id());
}

void update_options(const call::ptr& c, api::UpdateWorkflowExecutionOptionsRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_options_update(r); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_run(r.workflow_execution());
  request.mutable_update_options()->Swap(&r);
  c->send(ns, std::move(request));
}

/// The checks of a reset, in the API's order.
result<void> check_reset(const api::ResetWorkflowExecutionRequest& r, const front_limits& limits) {
  if (r.request_id().empty())
    return invalid_argument("RequestId is not set on request.");
  if (auto ok = check_length(r.request_id(), "RequestId length exceeds limit.", limits); !ok)
    return ok;
  if (auto ok = check_execution(r.has_workflow_execution(), r.workflow_execution()); !ok)
    return ok;
  // The reference takes it for a failure of its own (INTERNAL), and clients would try again.
  if (!enums::ResetReapplyType_IsValid(r.reset_reapply_type()))
    return invalid_argument("unknown reset reapply type: "
                            + std::to_string(r.reset_reapply_type()));
  for (const auto& operation : r.post_reset_operations())
    if (operation.has_update_workflow_options())
      if (auto ok = check_options(operation.update_workflow_options()); !ok)
        return ok;
  return {};
}

void reset(const call::ptr& c, api::ResetWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_reset(r, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_run(r.workflow_execution());
  request.mutable_reset()->Swap(&r);
  c->send(ns, std::move(request));
}

void reset_sticky(const call::ptr& c, api::ResetStickyTaskQueueRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_execution(r.has_execution(), r.execution()); !ok)
    return c->fail(std::move(ok).error());
  auto request = to_run(r.execution());
  request.mutable_reset_sticky()->Swap(&r);
  c->send(ns, std::move(request));
}

void pause(const call::ptr& c, api::PauseWorkflowExecutionRequest& r) {
  if (auto ns = c->open_namespace(r.namespace_()))
    c->fail(make_error(errc::unimplemented,
                       "workflow pause is not enabled for namespace: " + ns->facts.name));
}

/// Nothing can be paused here, so this tells only why there is nothing to unpause.
void unpause(const call::ptr& c, api::UnpauseWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (r.workflow_id().empty())
    return c->fail(invalid_argument("Can't load workflow execution.  WorkflowId not set."));
  if (r.reason().size() > reason_bytes_max)
    return c->fail(invalid_argument("reason is too long."));
  if (auto ok = check_run_is_uuid(r.run_id()); !ok)
    return c->fail(std::move(ok).error());
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.workflow_id());
  request.set_run_id(r.run_id());
  auto& run = *request.mutable_describe()->mutable_execution();
  run.set_workflow_id(r.workflow_id());
  run.set_run_id(r.run_id());
  c->send(ns, std::move(request), [](call& over, cluster::Reply reply) {
    if (reply.has_status())
      return over.fail(error_of(reply.status()));
    api::DescribeWorkflowExecutionResponse described;
    if (!protocol::parse_stored(described, reply.response()))
      return over.fail(make_error(errc::internal, "describe could not be read"));
    if (described.workflow_execution_info().status() != enums::WORKFLOW_EXECUTION_STATUS_RUNNING)
      return over.fail(not_found("workflow execution already completed"));
    over.fail(make_error(errc::failed_precondition, "workflow is not paused."));
  });
}

} // namespace

void add_execution_handlers(handler_table& table) {
  table["SignalWorkflowExecution"] = parsed(signal);
  table["RequestCancelWorkflowExecution"] = parsed(request_cancel);
  table["TerminateWorkflowExecution"] = parsed(terminate);
  table["DescribeWorkflowExecution"] = parsed(describe);
  table["DeleteWorkflowExecution"] = parsed(delete_execution);
  table["UpdateWorkflowExecutionOptions"] = parsed(update_options);
  table["ResetWorkflowExecution"] = parsed(reset);
  table["ResetStickyTaskQueue"] = parsed(reset_sticky);
  table["PauseWorkflowExecution"] = parsed(pause);
  table["UnpauseWorkflowExecution"] = parsed(unpause);
}

} // namespace reprise::frontend
