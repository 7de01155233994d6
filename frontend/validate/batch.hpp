#pragma once

#include "base/result.hpp"
#include "frontend/call/limits.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::frontend {

/// What can be known of a batch without looking at its namespace's others, in the API's order. Of
/// its query the syntax alone: whether its attributes are there it finds out when it lists.
result<void> check_batch(const temporal::api::workflowservice::v1::StartBatchOperationRequest& r,
                         const front_limits& limits);
/// What the API looks at once the batch may begin.
result<void>
check_batch_options(const temporal::api::workflowservice::v1::StartBatchOperationRequest& r);

} // namespace reprise::frontend
