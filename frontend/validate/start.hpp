#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "frontend/call/limits.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::frontend {

/// Checks what can be known without the workflow id's runs and writes the API's defaults into the
/// request (policies, retry policy, typed search attributes). Does not give it a request id.
result<void> check_start(temporal::api::workflowservice::v1::StartWorkflowExecutionRequest& request,
                         const actors::namespace_entry& ns, time_point now,
                         const front_limits& limits);
/// The same for signal-with-start, whose texts differ in places.
result<void> check_signal_with_start(
  temporal::api::workflowservice::v1::SignalWithStartWorkflowExecutionRequest& request,
  const actors::namespace_entry& ns, time_point now, const front_limits& limits);

} // namespace reprise::frontend
