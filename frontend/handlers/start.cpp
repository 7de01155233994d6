#include "frontend/validate/start.hpp"

#include "frontend/handlers/handlers.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

void start(const call::ptr& c, api::StartWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace_for_start(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_start(r, *ns, c->now(), c->limits()); !ok)
    return c->fail(std::move(ok).error());
  if (r.request_id().empty())
    r.set_request_id(c->back().new_uuid());
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.workflow_id());
  request.mutable_start()->Swap(&r);
  c->send(ns, std::move(request));
}

void signal_with_start(const call::ptr& c, api::SignalWithStartWorkflowExecutionRequest& r) {
  auto ns = c->open_namespace_for_start(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_signal_with_start(r, *ns, c->now(), c->limits()); !ok)
    return c->fail(std::move(ok).error());
  if (r.request_id().empty())
    r.set_request_id(c->back().new_uuid());
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.workflow_id());
  request.mutable_signal_with_start()->Swap(&r);
  c->send(ns, std::move(request));
}

} // namespace

void add_start_handlers(handler_table& table) {
  table["StartWorkflowExecution"] = parsed(start);
  table["SignalWithStartWorkflowExecution"] = parsed(signal_with_start);
}

} // namespace reprise::frontend
