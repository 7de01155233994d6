#include "engine/machine/errors.hpp"

#include "temporal/api/errordetails/v1/message.pb.h"

namespace reprise::engine {

namespace details = temporal::api::errordetails::v1;

error with_detail(errc code, std::string message, const google::protobuf::Message& detail) {
  return error{.code = code,
               .message = std::move(message),
               .detail_type = detail.GetTypeName(),
               .detail = detail.SerializeAsString()};
}

error not_found(std::string message) {
  return with_detail(errc::not_found, std::move(message), details::NotFoundFailure{});
}

error workflow_not_found(const std::string& workflow_id, const std::string& run_id) {
  if (run_id.empty())
    return not_found("workflow not found for ID: " + workflow_id);
  return not_found("workflow execution not found for workflow ID \"" + workflow_id
                   + "\" and run ID \"" + run_id + "\"");
}

error workflow_task_not_found() {
  return not_found("Workflow task not found.");
}

error invalid_argument(std::string message) {
  return make_error(errc::invalid_argument, std::move(message));
}

error already_completed() {
  return not_found("workflow execution already completed");
}

error workflow_closing() {
  details::ResourceExhaustedFailure detail;
  detail.set_cause(temporal::api::enums::v1::RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW);
  detail.set_scope(temporal::api::enums::v1::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  return with_detail(errc::resource_exhausted,
                     "workflow operation can not be applied because workflow is closing", detail);
}

error already_started(std::string message, const std::string& start_request_id,
                      const std::string& run_id, const std::string& first_run_id) {
  details::WorkflowExecutionAlreadyStartedFailure detail;
  detail.set_start_request_id(start_request_id);
  detail.set_run_id(run_id);
  detail.set_first_execution_run_id(first_run_id);
  return with_detail(errc::already_exists, std::move(message), detail);
}

} // namespace reprise::engine
