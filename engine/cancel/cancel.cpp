// The request to a workflow that it cancel itself.

#include "engine/cancel/cancel.hpp"

#include "engine/cancel/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

void ask_to_cancel(transition& t, const cancel_parts& parts) {
  // One request is all a workflow can be told; whoever asks again has what they want.
  if (t.state().cancel_requested())
    return;
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED);
  *event.mutable_links() = parts.links;
  auto& a = *event.mutable_workflow_execution_cancel_requested_event_attributes();
  a.set_cause(parts.reason);
  a.set_identity(parts.identity);
  if (parts.from != nullptr)
    *a.mutable_external_workflow_execution() = *parts.from;
  a.set_external_initiated_event_id(parts.initiated_event_id);
  t.add_or_buffer(std::move(event));
  force_workflow_task(t);
}

step decide_request_cancel(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c) {
  const auto& r = request.request_cancel();
  service::RequestCancelWorkflowExecutionResponse done;
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(done);
  if (!is_of_chain(t.state(), r.first_execution_run_id()))
    return std::move(t).finish(not_found("workflow execution not found"));
  ask_to_cancel(t, {.reason = r.reason(), .identity = r.identity(), .links = r.links()});
  return std::move(t).finish(done);
}

void fold_cancel_requested(execution& x, const history_event&) {
  x.set_cancel_requested(true);
}

} // namespace reprise::engine
