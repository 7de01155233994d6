// Ends of a run that are not its own: terminate, delete, a bound that it outgrew.

#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/rules.hpp"
#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

namespace {

constexpr const char* default_terminate_reason = "terminated by user via frontend";
constexpr const char* default_terminate_identity = "frontend-service";

} // namespace

step decide_terminate(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c) {
  const auto& r = request.terminate();
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(already_completed());
  if (!is_of_chain(t.state(), r.first_execution_run_id()))
    return std::move(t).finish(not_found("workflow execution not found"));
  api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
  a.set_reason(r.reason().empty() ? default_terminate_reason : r.reason());
  a.set_identity(r.identity().empty() ? default_terminate_identity : r.identity());
  if (r.has_details())
    *a.mutable_details() = r.details();
  terminate_run(t, std::move(a), r.links());
  return std::move(t).finish(service::TerminateWorkflowExecutionResponse{});
}

step decide_delete(execution&& current, const cluster::ExecutionRequest&, const context& c) {
  transition t{std::move(current), c};
  if (is_open(t.state())) {
    api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
    a.set_reason("Delete workflow execution");
    a.set_identity(server_identity);
    terminate_run(t, std::move(a));
  }
  if (!waits_for_answers(t.state())) {
    t.erase();
  } else if (!t.state().header().delete_requested()) {
    auto header = t.state().header();
    header.set_delete_requested(true);
    set_header(t, std::move(header));
  }
  return std::move(t).finish(service::DeleteWorkflowExecutionResponse{});
}

void terminate_run(transition& t,
                   api::history::v1::WorkflowExecutionTerminatedEventAttributes attributes,
                   const google::protobuf::RepeatedPtrField<api::common::v1::Link>& links,
                   family_at_close family) {
  force_task_end(t);
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED);
  *event.mutable_links() = links;
  *event.mutable_workflow_execution_terminated_event_attributes() = std::move(attributes);
  close_run(t, std::move(event), family);
}

step end_oversized(execution&& before, const std::string& reason, const context& c) {
  transition t{std::move(before), c};
  api::history::v1::WorkflowExecutionTerminatedEventAttributes end;
  end.set_reason(reason);
  end.set_identity(server_identity);
  terminate_run(t, std::move(end));
  return std::move(t).finish(invalid_argument(reason));
}

} // namespace reprise::engine
