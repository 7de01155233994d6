#include "engine/history/close_event.hpp"

#include <string_view>

namespace reprise::engine {

namespace {

namespace history = temporal::api::history::v1;
namespace enums = temporal::api::enums::v1;

bool follows_runs(const google::protobuf::Map<std::string, std::string>& headers) {
  auto features = headers.find("supported-features");
  if (features == headers.end())
    return false;
  constexpr std::string_view wanted = "follows-next-run-id";
  std::string_view rest = features->second;
  while (!rest.empty()) {
    auto comma = rest.find(',');
    auto word = rest.substr(0, comma);
    auto begin = word.find_first_not_of(' ');
    if (begin != std::string_view::npos
        && word.substr(begin, word.find_last_not_of(' ') - begin + 1) == wanted)
      return true;
    if (comma == std::string_view::npos)
      return false;
    rest.remove_prefix(comma + 1);
  }
  return false;
}

void fill(const history::HistoryEvent& event,
          history::WorkflowExecutionContinuedAsNewEventAttributes& out) {
  if (event.has_workflow_execution_completed_event_attributes()) {
    const auto& a = event.workflow_execution_completed_event_attributes();
    out.set_new_execution_run_id(a.new_execution_run_id());
    if (a.has_result())
      *out.mutable_last_completion_result() = a.result();
  } else if (event.has_workflow_execution_failed_event_attributes()) {
    const auto& a = event.workflow_execution_failed_event_attributes();
    out.set_new_execution_run_id(a.new_execution_run_id());
    if (a.has_failure())
      *out.mutable_failure() = a.failure();
  } else if (event.has_workflow_execution_timed_out_event_attributes()) {
    const auto& a = event.workflow_execution_timed_out_event_attributes();
    out.set_new_execution_run_id(a.new_execution_run_id());
    out.mutable_failure()->set_message("workflow timeout");
    out.mutable_failure()->set_source("Server");
    out.mutable_failure()->mutable_timeout_failure_info()->set_timeout_type(
      enums::TIMEOUT_TYPE_START_TO_CLOSE);
  }
}

} // namespace

std::string close_event_for(const history::HistoryEvent& event,
                            const google::protobuf::Map<std::string, std::string>& headers) {
  if (follows_runs(headers))
    return event.SerializeAsString();
  history::WorkflowExecutionContinuedAsNewEventAttributes continued;
  fill(event, continued);
  if (continued.new_execution_run_id().empty())
    return event.SerializeAsString();
  history::HistoryEvent out;
  out.set_event_id(event.event_id());
  *out.mutable_event_time() = event.event_time();
  out.set_version(event.version());
  out.set_task_id(event.task_id());
  out.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW);
  *out.mutable_workflow_execution_continued_as_new_event_attributes() = std::move(continued);
  return out.SerializeAsString();
}

} // namespace reprise::engine
