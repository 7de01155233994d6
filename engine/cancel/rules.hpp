#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_cancel_requested(execution& x, const history_event& event);
step decide_request_cancel(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c);

inline constexpr std::array cancel_events{
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
             .fold = fold_cancel_requested,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_cancel_requested},
};

inline constexpr std::array cancel_requests{
  request_rule{.type = cluster::ExecutionRequest::kRequestCancel, .decide = decide_request_cancel},
};

inline constexpr feature cancel_feature{.events = cancel_events, .requests = cancel_requests};

} // namespace reprise::engine
