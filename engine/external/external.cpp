// Signals and requests to cancel that a workflow sends to others: the commands, and what becomes of
// the answers.

#include "base/ids.hpp"
#include "engine/child/child.hpp"
#include "engine/engine.hpp"
#include "engine/external/rules.hpp"
#include "engine/outbox/outbox.hpp"

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

/// What is known of both until they are answered.
template <class Attributes>
journal::ExternalState state_of(const history_event& event, const Attributes& a) {
  journal::ExternalState out;
  out.set_initiated_event_id(event.event_id());
  out.set_namespace_id(a.namespace_id());
  *out.mutable_execution() = a.workflow_execution();
  out.set_control(a.control());
  return out;
}

/// What is wrong with a signal command; without what ends the run.
command_result
check_signal_command(const api::command::v1::SignalExternalWorkflowExecutionCommandAttributes& a,
                     const context& c) {
  constexpr const char* on_signal = " SignalExternalWorkflowExecutionCommand";
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
  // Unlike a client's, the name may be of any length.
  if (a.signal_name().empty())
    return refused(bad_signal,
                   std::string{"SignalName is not set on"} + on_signal + ". WorkflowId=" + id + in);
  return std::nullopt;
}

/// What is wrong with a request to cancel.
command_result check_cancel_command(const api::command::v1::Command& command,
                                    const completion& done, const context& c) {
  constexpr const char* on_cancel = " RequestCancelExternalWorkflowExecutionCommand";
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

using signal_cause = enums::SignalExternalWorkflowExecutionFailedCause;
using cancel_cause = enums::CancelExternalWorkflowExecutionFailedCause;

constexpr auto no_target_of_signal
  = enums::SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND;
constexpr auto no_target_of_cancel
  = enums::CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND;

signal_cause cause_of_signal(const outbox::Answer& answer) {
  if (answer.code() != static_cast<int>(errc::not_found))
    return enums::SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_SIGNAL_COUNT_LIMIT_EXCEEDED;
  return namespace_is_gone(answer)
           ? enums::SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
           : no_target_of_signal;
}

cancel_cause cause_of_cancel(const outbox::Answer& answer) {
  return namespace_is_gone(answer)
           ? enums::CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
           : no_target_of_cancel;
}

/// What every event tells that comes of an answer.
template <class Attributes>
void tell_target(Attributes& a, const journal::ExternalState& of, const context& c) {
  a.set_initiated_event_id(of.initiated_event_id());
  a.set_namespace_(c.ns.name);
  a.set_namespace_id(of.namespace_id());
  *a.mutable_workflow_execution() = of.execution();
}

/// What the message asked for; null: the run does not wait for it.
const journal::ExternalState*
waiting_for(const google::protobuf::Map<std::int64_t, journal::ExternalState>& pending,
            const outbox::Message& message) {
  auto i = pending.find(message.event_id());
  return i != pending.end() ? &i->second : nullptr;
}

} // namespace

// -- commands -------------------------------------------------------------------------------------

command_result signal_external(transition& t, const api::command::v1::Command& command,
                               completion& done) {
  const auto& c = t.ctx();
  if (!command.has_signal_external_workflow_execution_command_attributes())
    return not_set(bad_signal, "SignalExternalWorkflowExecution");
  const auto& a = command.signal_external_workflow_execution_command_attributes();
  if (auto refusal = check_signal_command(a, c))
    return refusal;
  if (auto refusal = too_many(enums::WORKFLOW_TASK_FAILED_CAUSE_PENDING_SIGNALS_LIMIT_EXCEEDED,
                              "pending signals to external workflows",
                              static_cast<std::size_t>(t.state().external_signals().size()),
                              c.bounds.pending_external_signals_max))
    return refusal;
  if (a.input().ByteSizeLong() > c.bounds.blob_bytes_max)
    return too_large(bad_signal, "SignalExternalWorkflowExecutionCommandAttributes.Input");
  auto event = event_for(command, enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED);
  auto& out = *event.mutable_signal_external_workflow_execution_initiated_event_attributes();
  out.set_workflow_task_completed_event_id(done.completed_event_id);
  out.set_namespace_(a.namespace_());
  out.set_namespace_id(c.ns.id);
  *out.mutable_workflow_execution() = a.execution();
  out.set_signal_name(a.signal_name());
  if (a.has_input())
    *out.mutable_input() = a.input();
  out.set_control(a.control());
  out.set_child_workflow_only(a.child_workflow_only());
  if (a.has_header())
    *out.mutable_header() = a.header();
  auto id = t.add_event(std::move(event));
  // Nothing is asked of others for a run that is over.
  if (closes_run(done))
    return std::nullopt;
  outbox::Message message;
  *message.mutable_to() = workflow_address(c, a.execution().workflow_id());
  message.set_event_id(id);
  if (a.child_workflow_only())
    address_child(message, t.state());
  auto& signal = *message.mutable_signal();
  *signal.mutable_workflow_execution() = a.execution();
  signal.set_signal_name(a.signal_name());
  if (a.has_input())
    *signal.mutable_input() = a.input();
  if (a.has_header())
    *signal.mutable_header() = a.header();
  signal.set_request_id(c.ids.uuid4());
  send(t, std::move(message));
  return std::nullopt;
}

command_result cancel_external(transition& t, const api::command::v1::Command& command,
                               completion& done) {
  const auto& c = t.ctx();
  if (!command.has_request_cancel_external_workflow_execution_command_attributes())
    return not_set(bad_external_cancel, "RequestCancelExternalWorkflowExecution");
  if (auto refusal = check_cancel_command(command, done, c))
    return refusal;
  if (auto refusal
      = too_many(enums::WORKFLOW_TASK_FAILED_CAUSE_PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED,
                 "pending requests to cancel external workflows",
                 static_cast<std::size_t>(t.state().external_cancels().size()),
                 c.bounds.pending_external_cancels_max))
    return refusal;
  const auto& a = command.request_cancel_external_workflow_execution_command_attributes();
  auto event = event_for(command,
                         enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED);
  auto& out
    = *event.mutable_request_cancel_external_workflow_execution_initiated_event_attributes();
  out.set_workflow_task_completed_event_id(done.completed_event_id);
  out.set_namespace_(a.namespace_());
  out.set_namespace_id(c.ns.id);
  out.mutable_workflow_execution()->set_workflow_id(a.workflow_id());
  out.mutable_workflow_execution()->set_run_id(a.run_id());
  out.set_control(a.control());
  out.set_child_workflow_only(a.child_workflow_only());
  out.set_reason(a.reason());
  auto id = t.add_event(std::move(event));
  if (closes_run(done))
    return std::nullopt;
  outbox::Message message;
  *message.mutable_to() = workflow_address(c, a.workflow_id());
  message.set_event_id(id);
  if (a.child_workflow_only())
    address_child(message, t.state());
  auto& cancel = *message.mutable_cancel();
  cancel.mutable_workflow_execution()->set_workflow_id(a.workflow_id());
  cancel.mutable_workflow_execution()->set_run_id(a.run_id());
  cancel.set_reason(a.reason());
  send(t, std::move(message));
  return std::nullopt;
}

// -- answers --------------------------------------------------------------------------------------

std::optional<history_event> event_of_signal(const execution& x, const outbox::Message& message,
                                             const outbox::Answer& answer, const context& c) {
  const auto* of = waiting_for(x.external_signals(), message);
  if (of == nullptr)
    return std::nullopt;
  history_event event;
  if (answer.code() == 0) {
    event.set_event_type(enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED);
    auto& a = *event.mutable_external_workflow_execution_signaled_event_attributes();
    tell_target(a, *of, c);
    a.set_control(of->control());
  } else {
    event.set_event_type(enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED);
    auto& a = *event.mutable_signal_external_workflow_execution_failed_event_attributes();
    tell_target(a, *of, c);
    a.set_control(of->control());
    a.set_cause(cause_of_signal(answer));
  }
  return event;
}

std::optional<history_event> event_of_cancel(const execution& x, const outbox::Message& message,
                                             const outbox::Answer& answer, const context& c) {
  const auto* of = waiting_for(x.external_cancels(), message);
  if (of == nullptr)
    return std::nullopt;
  history_event event;
  if (answer.code() == 0) {
    event.set_event_type(enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED);
    tell_target(*event.mutable_external_workflow_execution_cancel_requested_event_attributes(), *of,
                c);
  } else {
    event.set_event_type(enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED);
    auto& a = *event.mutable_request_cancel_external_workflow_execution_failed_event_attributes();
    tell_target(a, *of, c);
    a.set_cause(cause_of_cancel(answer));
  }
  return event;
}

// -- events ---------------------------------------------------------------------------------------

void fold_signal_initiated(execution& x, const history_event& event) {
  (*x.mutable_external_signals())[event.event_id()]
    = state_of(event, event.signal_external_workflow_execution_initiated_event_attributes());
}

void fold_cancel_initiated(execution& x, const history_event& event) {
  (*x.mutable_external_cancels())[event.event_id()] = state_of(
    event, event.request_cancel_external_workflow_execution_initiated_event_attributes());
}

std::int64_t signal_initiated_id(const history_event& event) {
  return event.has_external_workflow_execution_signaled_event_attributes()
           ? event.external_workflow_execution_signaled_event_attributes().initiated_event_id()
           : event.signal_external_workflow_execution_failed_event_attributes()
               .initiated_event_id();
}

std::int64_t cancel_initiated_id(const history_event& event) {
  return event.has_external_workflow_execution_cancel_requested_event_attributes()
           ? event.external_workflow_execution_cancel_requested_event_attributes()
               .initiated_event_id()
           : event.request_cancel_external_workflow_execution_failed_event_attributes()
               .initiated_event_id();
}

void fold_signal_over(execution& x, const history_event& event) {
  x.mutable_external_signals()->erase(signal_initiated_id(event));
}

void fold_cancel_over(execution& x, const history_event& event) {
  x.mutable_external_cancels()->erase(cancel_initiated_id(event));
}

// -- what a reset tells again --------------------------------------------------------------------

void reapply_signal_over(transition& t, const history_event& event) {
  if (t.state().external_signals().contains(signal_initiated_id(event)))
    t.add_event(told_again(event));
}

void reapply_cancel_over(transition& t, const history_event& event) {
  if (t.state().external_cancels().contains(cancel_initiated_id(event)))
    t.add_event(told_again(event));
}

} // namespace reprise::engine
