#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result schedule_nexus_operation(transition& t, const api::command::v1::Command& command,
                                        completion& c);
command_result cancel_nexus_operation(transition& t, const api::command::v1::Command& command,
                                      completion& c);

inline constexpr const char* no_nexus = "Nexus operations are not served yet";

inline constexpr std::array nexus_events{
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_SCHEDULED, .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_STARTED,
             .while_started = buffering::waits,
             .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
             .while_started = buffering::waits_as_result,
             .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_FAILED,
             .while_started = buffering::waits_as_result,
             .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_CANCELED,
             .while_started = buffering::waits_as_result,
             .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT,
             .while_started = buffering::waits_as_result,
             .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED, .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED,
             .while_started = buffering::waits,
             .left_out = no_nexus},
  event_rule{.type = enums::EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED,
             .while_started = buffering::waits,
             .left_out = no_nexus},
};

inline constexpr std::array nexus_commands{
  command_rule{.type = enums::COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
               .apply = schedule_nexus_operation,
               .not_served = no_nexus},
  command_rule{.type = enums::COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION,
               .apply = cancel_nexus_operation,
               .not_served = no_nexus},
};

inline constexpr feature nexus_feature{.events = nexus_events, .commands = nexus_commands};

} // namespace reprise::engine
