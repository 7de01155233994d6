#include "frontend/handlers/handlers.hpp"
#include "frontend/token/task_token.hpp"
#include "frontend/validate/fields.hpp"
#include "protocol/headers.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

result<void> check_query(const api::QueryWorkflowRequest& r, const front_limits& limits) {
  if (auto ok = check_execution(r.has_execution(), r.execution()); !ok)
    return ok;
  if (!r.has_query())
    return invalid_argument("WorkflowQuery is not set on request.");
  if (r.query().query_type().empty())
    return invalid_argument("QueryType is not set on request.");
  return check_blob(r.query().query_args(), limits);
}

void query(const call::ptr& c, api::QueryWorkflowRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto ok = check_query(r, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.execution().workflow_id());
  request.set_run_id(r.execution().run_id());
  request.mutable_query()->Swap(&r);
  if (auto deadline = c->deadline())
    (*request.mutable_headers())[std::string{protocol::deadline_header}]
      = std::to_string(deadline->time_since_epoch().count());
  c->wait(ns, std::move(request));
}

void complete_query(const call::ptr& c, api::RespondQueryTaskCompletedRequest& r) {
  auto opened = open_token(c, r.task_token(), r.namespace_(), cluster::TaskToken::QUERY);
  if (!opened)
    return;
  if (opened->is_foreign)
    return c->fail(not_found("query task not found, or already expired"));
  opened->request.mutable_complete_query()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

} // namespace

void add_query_handlers(handler_table& table) {
  table["QueryWorkflow"] = parsed(query);
  table["RespondQueryTaskCompleted"] = parsed(complete_query);
}

} // namespace reprise::frontend
