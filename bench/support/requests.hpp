#pragma once

#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <string>

namespace reprise::bench {

/// What the benchmarks' workflows take and give: the payload of the text "hello" as SDKs encode it.
temporal::api::common::v1::Payload hello();

/// The four calls of a workflow of one task, as SDKs send them.
temporal::api::workflowservice::v1::StartWorkflowExecutionRequest
start_request(const std::string& queue, const std::string& workflow_id);
temporal::api::workflowservice::v1::PollWorkflowTaskQueueRequest
poll_request(const std::string& queue);
/// Completes the workflow with hello().
temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest
complete_request(const std::string& token);
/// Starts a timer of thirty days.
temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest
park_request(const std::string& token);
temporal::api::command::v1::Command timer_command(const std::string& id, std::int64_t seconds);
/// Waits for the event that closes the run.
temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest
result_request(const std::string& workflow_id, const std::string& run_id);

temporal::api::workflowservice::v1::SignalWorkflowExecutionRequest
signal_request(const std::string& workflow_id);

} // namespace reprise::bench
