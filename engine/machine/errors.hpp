#pragma once

#include "base/error.hpp"

#include <google/protobuf/message.h>

#include <string>

// The refusals that several parts of the engine share, with their details and exact texts: clients
// compare them literally.

namespace reprise::engine {

/// An error with a detail message of temporal.api.errordetails.v1.
error with_detail(errc code, std::string message, const google::protobuf::Message& detail);
/// NOT_FOUND with NotFoundFailure.
error not_found(std::string message);
/// The workflow id (or this run of it) is unknown.
error workflow_not_found(const std::string& workflow_id, const std::string& run_id);
/// A call that needs an open run met a closed one.
error already_completed();
error invalid_argument(std::string message);
/// RESOURCE_EXHAUSTED / BUSY_WORKFLOW: a close was refused and gets its chance first.
error workflow_closing();
/// The call came with a token that fits no started workflow task.
error workflow_task_not_found();
/// ALREADY_EXISTS with WorkflowExecutionAlreadyStartedFailure.
error already_started(std::string message, const std::string& start_request_id,
                      const std::string& run_id, const std::string& first_run_id);

} // namespace reprise::engine
