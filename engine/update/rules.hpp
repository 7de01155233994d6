#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result apply_message(transition& t, const api::command::v1::Command& command,
                             completion& c);

inline constexpr const char* no_updates = "updates are not served yet";

inline constexpr std::array update_events{
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
             .while_started = buffering::waits,
             .left_out = no_updates},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, .left_out = no_updates},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_REJECTED, .left_out = no_updates},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED, .left_out = no_updates},
};

inline constexpr std::array update_commands{
  command_rule{.type = enums::COMMAND_TYPE_PROTOCOL_MESSAGE,
               .apply = apply_message,
               .not_served = no_updates},
};

inline constexpr std::array update_requests{
  request_rule{.type = cluster::ExecutionRequest::kUpdate, .left_out = no_updates},
  request_rule{.type = cluster::ExecutionRequest::kPollUpdate, .left_out = no_updates},
  request_rule{.type = cluster::ExecutionRequest::kUpdateWithStart, .left_out = no_updates},
};

inline constexpr feature update_feature{.events = update_events,
                                        .commands = update_commands,
                                        .requests = update_requests};

} // namespace reprise::engine
