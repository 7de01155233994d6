#pragma once

#include "base/result.hpp"
#include "frontend/call/limits.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::frontend {

/// What an operator's change of an activity's options names and gives, as the newer call has it;
/// gives a whole retry policy its defaults.
result<void> settle_activity_options(
  temporal::api::workflowservice::v1::UpdateActivityExecutionOptionsRequest& request,
  const front_limits& limits);

} // namespace reprise::frontend
