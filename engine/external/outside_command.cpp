// Commands that reach beyond the run: children, signals and cancels of other workflows, Nexus
// operations, answers to updates. This server does none of them yet. What is wrong with such a
// command is told as ever, and a sound one fails its task at the end of the completion, with the
// cause that says so: the workflow lives on and can go on where the feature is there.

#include "base/cron.hpp"
#include "base/ids.hpp"
#include "engine/activity/activity.hpp"
#include "engine/machine/parts.hpp"
#include "engine/machine/proto_time.hpp"

namespace reprise::engine {

namespace {

using failure = std::optional<command_failure>;
using command_type = api::command::v1::Command;

constexpr auto bad_child = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES;
constexpr auto bad_signal
  = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES;
constexpr auto bad_external_cancel
  = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES;

failure bad(enums::WorkflowTaskFailedCause cause, std::string message) {
  return command_failure{.cause = cause, .message = std::move(message)};
}

failure too_large(enums::WorkflowTaskFailedCause cause, const std::string& what) {
  return command_failure{
    .cause = cause, .message = what + " exceeds size limit.", .terminate = true};
}

failure not_set(enums::WorkflowTaskFailedCause cause, const std::string& command) {
  return bad(cause, command + "CommandAttributes is not set on " + command + "Command.");
}

/// Of ids that are too long: what they are, how long, how long they may be.
std::string length_text(const std::string& field, const std::string& value, const limits& bounds) {
  return field + "=" + value + " Length=" + std::to_string(value.size())
         + " Limit=" + std::to_string(bounds.id_length_max);
}

/// Whether the namespace exists at all was checked before; nobody may reach into another one.
failure leaves_namespace(enums::WorkflowTaskFailedCause cause, const std::string& target,
                         const context& c) {
  if (target.empty() || target == c.ns.name)
    return std::nullopt;
  return bad(cause, "cross namespace commands are not allowed");
}

void note_unsupported(const command_type& command, completion& c) {
  if (c.unsupported == nullptr)
    c.unsupported = &command;
}

// -- children -------------------------------------------------------------------------------------

using child_attributes = api::command::v1::StartChildWorkflowExecutionCommandAttributes;

constexpr const char* on_child = " on StartChildWorkflowExecutionCommand";

failure check_child_names(const child_attributes& a, const std::string& in, const limits& bounds) {
  const auto& id = a.workflow_id();
  const auto& type = a.workflow_type().name();
  auto required = [&](const std::string& field) {
    return "Required field " + field + " is not set" + on_child + ". ";
  };
  auto too_long = [&](const std::string& field) {
    return field + on_child + " exceeds length limit. ";
  };
  if (id.empty())
    return bad(bad_child, required("WorkflowId") + "WorkflowType=" + type + in);
  if (type.empty())
    return bad(bad_child, required("WorkflowType") + "WorkflowId=" + id + in);
  if (id.size() > bounds.id_length_max)
    return bad(bad_child, too_long("WorkflowId") + length_text("WorkflowId", id, bounds)
                            + " WorkflowType=" + type + in);
  if (type.size() > bounds.id_length_max)
    return bad(bad_child, too_long("WorkflowType") + "WorkflowId=" + id + " "
                            + length_text("WorkflowType", type, bounds) + in);
  return std::nullopt;
}

/// What is wrong with the rest; without the names that every text ends with.
std::string child_problem(const child_attributes& a, const std::string& own_queue,
                          const context& c) {
  auto duration_problem = [](const google::protobuf::Duration& d, const std::string& field) {
    auto negative = d.seconds() < 0 || d.nanos() < 0;
    return negative ? "Invalid " + field + on_child + ": negative duration." : std::string{};
  };
  for (auto [d, field] : {std::pair{&a.workflow_execution_timeout(), "WorkflowExecutionTimeout"},
                          std::pair{&a.workflow_run_timeout(), "WorkflowRunTimeout"},
                          std::pair{&a.workflow_task_timeout(), "WorkflowTaskTimeout"}})
    if (auto problem = duration_problem(*d, field); !problem.empty())
      return problem;
  if (a.has_retry_policy()) {
    auto policy = a.retry_policy();
    complete_retry_policy(policy);
    if (auto problem = retry_policy_problem(policy))
      return std::string{"invalid WorkflowRetryPolicy"} + on_child + ": " + *problem + ".";
  }
  if (!a.cron_schedule().empty())
    if (auto problem = cron_problem(a.cron_schedule(), c.now); !problem.empty())
      return std::string{"invalid CronSchedule"} + on_child + ": " + problem + ".";
  if (!a.task_queue().name().empty())
    if (auto problem = task_queue_problem(a.task_queue(), own_queue, c.bounds))
      return std::string{"invalid TaskQueue"} + on_child + ": " + *problem + ".";
  return {};
}

failure check_child(const command_type& command, const std::string& own_queue, const context& c) {
  if (!command.has_start_child_workflow_execution_command_attributes())
    return not_set(bad_child, "StartChildWorkflowExecution");
  const auto& a = command.start_child_workflow_execution_command_attributes();
  if (auto refusal = leaves_namespace(bad_child, a.namespace_(), c))
    return refusal;
  auto in = " Namespace=" + c.ns.name;
  if (auto refusal = check_child_names(a, in, c.bounds))
    return refusal;
  if (auto problem = child_problem(a, own_queue, c); !problem.empty())
    return bad(bad_child, problem + " WorkflowId=" + a.workflow_id()
                            + " WorkflowType=" + a.workflow_type().name() + in);
  if (a.has_search_attributes())
    if (auto problem = search_attribute_values_problem(a.search_attributes(), c))
      return bad(enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES, std::move(*problem));
  if (a.input().ByteSizeLong() > c.bounds.blob_bytes_max)
    return too_large(bad_child, "StartChildWorkflowExecutionCommandAttributes. Input");
  if (a.memo().ByteSizeLong() > c.bounds.memo_bytes_max)
    return too_large(bad_child, "StartChildWorkflowExecutionCommandAttributes.Memo");
  if (auto problem = search_attributes_size_problem(a.search_attributes(), c))
    return command_failure{.cause = bad_child, .message = std::move(*problem), .terminate = true};
  return std::nullopt;
}

// -- other workflows ------------------------------------------------------------------------------

failure check_signal_external(const command_type& command, const context& c) {
  constexpr const char* on_signal = " SignalExternalWorkflowExecutionCommand";
  if (!command.has_signal_external_workflow_execution_command_attributes())
    return not_set(bad_signal, "SignalExternalWorkflowExecution");
  const auto& a = command.signal_external_workflow_execution_command_attributes();
  if (auto refusal = leaves_namespace(bad_signal, a.namespace_(), c))
    return refusal;
  if (!a.has_execution())
    return bad(bad_signal, std::string{"Execution is not set on"} + on_signal + ".");
  const auto& id = a.execution().workflow_id();
  const auto& run_id = a.execution().run_id();
  auto in = " Namespace=" + a.namespace_() + " RunId=" + run_id;
  auto named = " SignalName=" + a.signal_name();
  if (id.empty())
    return bad(bad_signal, std::string{"WorkflowId is not set on"} + on_signal + "." + in + named);
  if (id.size() > c.bounds.id_length_max)
    return bad(bad_signal, std::string{"WorkflowId on"} + on_signal + " exceeds length limit. "
                             + length_text("WorkflowId", id, c.bounds) + in + named);
  if (!run_id.empty() && !is_uuid(run_id))
    return bad(bad_signal,
               std::string{"Invalid RunId set on"} + on_signal + ". WorkflowId=" + id + in + named);
  if (a.signal_name().empty())
    return bad(bad_signal,
               std::string{"SignalName is not set on"} + on_signal + ". WorkflowId=" + id + in);
  if (a.signal_name().size() > c.bounds.id_length_max)
    return bad(bad_signal, std::string{"SignalName on"} + on_signal
                             + " exceeds length limit. WorkflowId=" + id + in + " "
                             + length_text("SignalName", a.signal_name(), c.bounds));
  if (a.input().ByteSizeLong() > c.bounds.blob_bytes_max)
    return too_large(bad_signal, "SignalExternalWorkflowExecutionCommandAttributes.Input");
  return std::nullopt;
}

/// An earlier command of the same completion starts this child.
bool starts_child_before(const command_type& command, const std::string& workflow_id,
                         const completion& c) {
  for (const auto& other : c.request.commands()) {
    if (&other == &command)
      return false;
    if (other.start_child_workflow_execution_command_attributes().workflow_id() == workflow_id)
      return true;
  }
  return false;
}

failure check_cancel_external(const command_type& command, const completion& done,
                              const context& c) {
  constexpr const char* on_cancel = " RequestCancelExternalWorkflowExecutionCommand";
  if (!command.has_request_cancel_external_workflow_execution_command_attributes())
    return not_set(bad_external_cancel, "RequestCancelExternalWorkflowExecution");
  const auto& a = command.request_cancel_external_workflow_execution_command_attributes();
  if (auto refusal = leaves_namespace(bad_external_cancel, a.namespace_(), c))
    return refusal;
  auto refuse = [](std::string text) { return bad(bad_external_cancel, std::move(text)); };
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

// -- Nexus ----------------------------------------------------------------------------------------

/// There is no endpoint here that an operation could be scheduled on.
failure check_nexus_operation(const command_type& command) {
  constexpr auto cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES;
  if (!command.has_schedule_nexus_operation_command_attributes())
    return bad(cause, "empty ScheduleNexusOperationCommandAttributes");
  const auto& a = command.schedule_nexus_operation_command_attributes();
  return bad(cause, "endpoint \"" + a.endpoint() + "\" not found");
}

failure check_cancel_nexus(const command_type& command) {
  constexpr auto cause
    = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES;
  if (!command.has_request_cancel_nexus_operation_command_attributes())
    return bad(cause, "empty CancelNexusOperationCommandAttributes");
  auto id = command.request_cancel_nexus_operation_command_attributes().scheduled_event_id();
  return bad(cause, "requested cancelation for a non-existing or already completed operation with "
                    "scheduled event ID of "
                      + std::to_string(id));
}

// -- update messages ------------------------------------------------------------------------------

constexpr auto bad_message
  = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE;

failure check_message_command(const command_type& command, const completion& c) {
  if (!command.has_protocol_message_command_attributes())
    return not_set(bad_message, "ProtocolMessage");
  const auto& id = command.protocol_message_command_attributes().message_id();
  if (id.empty())
    return bad(bad_message, "MessageID is not set on ProtocolMessageCommand.");
  for (const auto& message : c.request.messages())
    if (message.id() == id)
      return update_message_problem(message);
  return bad(bad_message, "ProtocolMessageCommand referenced absent message ID " + id);
}

} // namespace

failure update_message_problem(const api::protocol::v1::Message& message) {
  return bad(bad_message, "update " + message.protocol_instance_id()
                            + " wasn't found on the server. This is most likely a transient error "
                              "which will be resolved automatically by retries");
}

failure apply_outside_command(transition& t, const command_type& command, completion& c) {
  failure refusal;
  switch (command.command_type()) {
    case enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
      refusal = check_child(command, t.state().started().task_queue().name(), t.ctx());
      break;
    case enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
      refusal = check_signal_external(command, t.ctx());
      break;
    case enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
      refusal = check_cancel_external(command, c, t.ctx());
      break;
    case enums::COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION:
      refusal = check_nexus_operation(command);
      break;
    case enums::COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION:
      refusal = check_cancel_nexus(command);
      break;
    case enums::COMMAND_TYPE_PROTOCOL_MESSAGE:
      refusal = check_message_command(command, c);
      break;
    default:
      break;
  }
  if (!refusal)
    note_unsupported(command, c);
  return refusal;
}

command_failure unsupported_command(const command_type& command) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_FEATURE_DISABLED,
          .message = enums::CommandType_Name(command.command_type())
                     + " is not supported by this server yet."};
}

} // namespace reprise::engine
