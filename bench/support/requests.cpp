#include "bench/support/requests.hpp"

#include "bench/support/parked.hpp"

#include <atomic>

namespace reprise::bench {

namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;

namespace {

/// As long as a UUID, as the SDKs' request ids are.
std::string next_request_id() {
  static std::atomic<std::uint64_t> last{0};
  constexpr std::size_t length = 36;
  auto number = std::to_string(++last);
  return std::string(length - number.size(), '0') + number;
}

} // namespace

api::common::v1::Payload hello() {
  api::common::v1::Payload out;
  (*out.mutable_metadata())["encoding"] = "json/plain";
  out.set_data("\"hello\"");
  return out;
}

service::StartWorkflowExecutionRequest start_request(const std::string& queue,
                                                     const std::string& workflow_id) {
  service::StartWorkflowExecutionRequest out;
  out.set_namespace_("default");
  out.set_workflow_id(workflow_id);
  out.mutable_workflow_type()->set_name("noop");
  out.mutable_task_queue()->set_name(queue);
  out.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  *out.mutable_input()->add_payloads() = hello();
  out.set_identity("bench@load");
  out.set_request_id(next_request_id());
  out.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE);
  return out;
}

service::PollWorkflowTaskQueueRequest poll_request(const std::string& queue) {
  service::PollWorkflowTaskQueueRequest out;
  out.set_namespace_("default");
  out.mutable_task_queue()->set_name(queue);
  out.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  out.set_identity("bench@load");
  return out;
}

namespace {

service::RespondWorkflowTaskCompletedRequest answer_to(const std::string& token) {
  service::RespondWorkflowTaskCompletedRequest out;
  out.set_namespace_("default");
  out.set_task_token(token);
  out.set_identity("bench@load");
  return out;
}

} // namespace

api::command::v1::Command timer_command(const std::string& id, std::int64_t seconds) {
  api::command::v1::Command out;
  out.set_command_type(enums::COMMAND_TYPE_START_TIMER);
  auto& timer = *out.mutable_start_timer_command_attributes();
  timer.set_timer_id(id);
  timer.mutable_start_to_fire_timeout()->set_seconds(seconds);
  return out;
}

service::RespondWorkflowTaskCompletedRequest park_request(const std::string& token) {
  auto out = answer_to(token);
  *out.add_commands() = timer_command("parked", parked_seconds);
  return out;
}

service::RespondWorkflowTaskCompletedRequest complete_request(const std::string& token) {
  auto out = answer_to(token);
  auto& command = *out.add_commands();
  command.set_command_type(enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION);
  auto& done = *command.mutable_complete_workflow_execution_command_attributes();
  *done.mutable_result()->add_payloads() = hello();
  return out;
}

service::GetWorkflowExecutionHistoryRequest result_request(const std::string& workflow_id,
                                                           const std::string& run_id) {
  service::GetWorkflowExecutionHistoryRequest out;
  out.set_namespace_("default");
  out.mutable_execution()->set_workflow_id(workflow_id);
  out.mutable_execution()->set_run_id(run_id);
  out.set_wait_new_event(true);
  out.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  out.set_skip_archival(true);
  return out;
}

service::SignalWorkflowExecutionRequest signal_request(const std::string& workflow_id) {
  service::SignalWorkflowExecutionRequest out;
  out.set_namespace_("default");
  out.mutable_workflow_execution()->set_workflow_id(workflow_id);
  out.set_signal_name("s");
  *out.mutable_input()->add_payloads() = hello();
  out.set_identity("bench@load");
  out.set_request_id(next_request_id());
  return out;
}

} // namespace reprise::bench
