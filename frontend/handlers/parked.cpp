#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/long_poll.hpp"
#include "protocol/operator.pb.h"

namespace reprise::frontend {

namespace op = operatorservice::v1;

namespace {

op::ParkedWorkflow shown(const actors::parked& p) {
  op::ParkedWorkflow out;
  out.set_workflow_id(p.workflow_id);
  out.set_run_id(p.run_id);
  out.set_reason(p.why);
  *out.mutable_parked_since() = to_timestamp(p.since);
  return out;
}

/// Nothing when the call has failed already.
std::optional<actors::parked> find(const call::ptr& c, const call::entry_ptr& ns,
                                   const std::string& workflow_id) {
  auto found = c->back().parked().find(ns->facts.id, machine_kind::workflow, workflow_id);
  if (!found && c->check_serving())
    c->fail(not_found("Workflow " + workflow_id + " is not parked."));
  return found;
}

void list_parked(const call::ptr& c, op::ListParkedWorkflowsRequest& r) {
  auto ns = c->open_namespace(r.namespace_name());
  if (!ns || !c->check_serving())
    return;
  op::ListParkedWorkflowsResponse out;
  for (const auto& p : c->back().parked().of(ns->facts.id, machine_kind::workflow))
    *out.add_workflows() = shown(p);
  c->answer(out);
}

void describe_parked(const call::ptr& c, op::DescribeParkedWorkflowRequest& r) {
  auto ns = c->open_namespace(r.namespace_name());
  if (!ns)
    return;
  auto found = find(c, ns, r.workflow_id());
  if (!found)
    return;
  op::DescribeParkedWorkflowResponse out;
  *out.mutable_workflow() = shown(*found);
  c->answer(out);
}

void unpark(const call::ptr& c, op::UnparkWorkflowRequest& r) {
  auto ns = c->open_namespace(r.namespace_name());
  if (!ns || !find(c, ns, r.workflow_id()))
    return;
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.workflow_id());
  request.mutable_unpark();
  c->send(ns, std::move(request));
}

} // namespace

void add_parked_handlers(handler_table& table) {
  table["ListParkedWorkflows"] = parsed(list_parked);
  table["DescribeParkedWorkflow"] = parsed(describe_parked);
  table["UnparkWorkflow"] = parsed(unpark);
}

} // namespace reprise::frontend
