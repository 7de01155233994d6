#include "frontend/handlers/handlers.hpp"
#include "frontend/handlers/poll.hpp"
#include "frontend/handlers/task_token.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

void poll(const call::ptr& c, api::PollWorkflowTaskQueueRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto wanted = make_poll(c, r, ns, cluster::Task::WORKFLOW))
    c->send_poll(std::move(*wanted));
}

void complete(const call::ptr& c, api::RespondWorkflowTaskCompletedRequest& r) {
  auto opened = open_token(c, r.task_token(), r.namespace_());
  if (!opened)
    return;
  if (auto ok = check_length(r.identity(), "Identity length exceeds limit."); !ok)
    return c->fail(std::move(ok).error());
  opened->request.mutable_complete_workflow_task()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

void fail_task(const call::ptr& c, api::RespondWorkflowTaskFailedRequest& r) {
  auto opened = open_token(c, r.task_token(), r.namespace_());
  if (!opened)
    return;
  if (auto ok = check_length(r.identity(), "Identity length exceeds limit."); !ok)
    return c->fail(std::move(ok).error());
  opened->request.mutable_fail_workflow_task()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

} // namespace

void add_workflow_task_handlers(handler_table& table) {
  table["PollWorkflowTaskQueue"] = parsed(poll);
  table["RespondWorkflowTaskCompleted"] = parsed(complete);
  table["RespondWorkflowTaskFailed"] = parsed(fail_task);
}

} // namespace reprise::frontend
