// Signals and cancels that a workflow sends to others. This server sends none yet: what is wrong
// with a command is told as ever, and a sound one fails its task.

#include "base/ids.hpp"
#include "engine/external/rules.hpp"

namespace reprise::engine {

namespace {

constexpr auto bad_signal
  = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES;
constexpr auto bad_external_cancel
  = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES;

/// An earlier command of the same completion starts this child.
bool starts_child_before(const api::command::v1::Command& command, const std::string& workflow_id,
                         const completion& c) {
  for (const auto& other : c.request.commands()) {
    if (&other == &command)
      return false;
    if (other.start_child_workflow_execution_command_attributes().workflow_id() == workflow_id)
      return true;
  }
  return false;
}

} // namespace

command_result signal_external(transition& t, const api::command::v1::Command& command,
                               completion&) {
  const auto& c = t.ctx();
  constexpr const char* on_signal = " SignalExternalWorkflowExecutionCommand";
  if (!command.has_signal_external_workflow_execution_command_attributes())
    return not_set(bad_signal, "SignalExternalWorkflowExecution");
  const auto& a = command.signal_external_workflow_execution_command_attributes();
  if (auto refusal = leaves_namespace(bad_signal, a.namespace_(), c))
    return refusal;
  if (!a.has_execution())
    return refused(bad_signal, std::string{"Execution is not set on"} + on_signal + ".");
  const auto& id = a.execution().workflow_id();
  const auto& run_id = a.execution().run_id();
  auto in = " Namespace=" + a.namespace_() + " RunId=" + run_id;
  auto named = " SignalName=" + a.signal_name();
  if (id.empty())
    return refused(bad_signal,
                   std::string{"WorkflowId is not set on"} + on_signal + "." + in + named);
  if (id.size() > c.bounds.id_length_max)
    return refused(bad_signal, std::string{"WorkflowId on"} + on_signal + " exceeds length limit. "
                                 + length_text("WorkflowId", id, c.bounds) + in + named);
  if (!run_id.empty() && !is_uuid(run_id))
    return refused(bad_signal, std::string{"Invalid RunId set on"} + on_signal
                                 + ". WorkflowId=" + id + in + named);
  if (a.signal_name().empty())
    return refused(bad_signal,
                   std::string{"SignalName is not set on"} + on_signal + ". WorkflowId=" + id + in);
  if (a.signal_name().size() > c.bounds.id_length_max)
    return refused(bad_signal, std::string{"SignalName on"} + on_signal
                                 + " exceeds length limit. WorkflowId=" + id + in + " "
                                 + length_text("SignalName", a.signal_name(), c.bounds));
  if (a.input().ByteSizeLong() > c.bounds.blob_bytes_max)
    return too_large(bad_signal, "SignalExternalWorkflowExecutionCommandAttributes.Input");
  return std::nullopt;
}

command_result cancel_external(transition& t, const api::command::v1::Command& command,
                               completion& done) {
  const auto& c = t.ctx();
  constexpr const char* on_cancel = " RequestCancelExternalWorkflowExecutionCommand";
  if (!command.has_request_cancel_external_workflow_execution_command_attributes())
    return not_set(bad_external_cancel, "RequestCancelExternalWorkflowExecution");
  const auto& a = command.request_cancel_external_workflow_execution_command_attributes();
  if (auto refusal = leaves_namespace(bad_external_cancel, a.namespace_(), c))
    return refusal;
  auto refuse = [](std::string text) { return refused(bad_external_cancel, std::move(text)); };
  const auto& id = a.workflow_id();
  const auto& run_id = a.run_id();
  auto named = " WorkflowId=" + id + " RunId=" + run_id + " Namespace=" + a.namespace_();
  if (id.empty())
    return refuse(std::string{"WorkflowId is not set on"} + on_cancel
                  + ". Namespace=" + a.namespace_() + " RunId=" + run_id);
  if (id.size() > c.bounds.id_length_max)
    return refuse(std::string{"WorkflowId on"} + on_cancel + " exceeds length limit. "
                  + length_text("WorkflowId", id, c.bounds) + " Namespace=" + a.namespace_()
                  + " RunId=" + run_id);
  if (!run_id.empty() && !is_uuid(run_id))
    return refuse(std::string{"Invalid RunId set on"} + on_cancel + "." + named);
  if (starts_child_before(command, id, done))
    return refuse("Start and RequestCancel for child workflow is not allowed in same workflow task."
                  + named);
  return std::nullopt;
}

} // namespace reprise::engine
