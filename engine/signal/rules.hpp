#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_signaled(execution& x, const history_event& event);
void reapply_signaled(transition& t, const history_event& event);
step decide_signal(execution&& current, const cluster::ExecutionRequest& request, const context& c);

inline constexpr std::array signal_events{
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
             .fold = fold_signaled,
             .while_started = buffering::waits,
             .reapply = reapply_signaled,
             .reapplied_unless = enums::RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL},
};

inline constexpr std::array signal_requests{
  request_rule{.type = cluster::ExecutionRequest::kSignal, .decide = decide_signal},
};

inline constexpr feature signal_feature{.events = signal_events, .requests = signal_requests};

} // namespace reprise::engine
