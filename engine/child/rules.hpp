#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result start_child(transition& t, const api::command::v1::Command& command, completion& c);

inline constexpr const char* no_children = "no children are started yet";

inline constexpr std::array child_events{
  event_rule{.type = enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
             .left_out = no_children},
  event_rule{.type = enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED,
             .while_started = buffering::waits,
             .left_out = no_children},
  event_rule{.type = enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
             .while_started = buffering::waits,
             .left_out = no_children},
  event_rule{.type = enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
             .while_started = buffering::waits_as_result,
             .left_out = no_children},
  event_rule{.type = enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
             .while_started = buffering::waits_as_result,
             .left_out = no_children},
  event_rule{.type = enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
             .while_started = buffering::waits_as_result,
             .left_out = no_children},
  event_rule{.type = enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
             .while_started = buffering::waits_as_result,
             .left_out = no_children},
  event_rule{.type = enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
             .while_started = buffering::waits_as_result,
             .left_out = no_children},
};

inline constexpr std::array child_commands{
  command_rule{.type = enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
               .apply = start_child,
               .not_served = no_children},
};

inline constexpr std::array child_messages{
  message_rule{.type = outbox::Message::kStartChild, .left_out = no_children},
  message_rule{.type = outbox::Message::kChildClosed, .left_out = no_children},
  message_rule{.type = outbox::Message::kTerminate, .left_out = no_children},
  message_rule{.type = outbox::Message::kWithdraw, .left_out = no_children},
};

inline constexpr feature child_feature{.events = child_events,
                                       .commands = child_commands,
                                       .messages = child_messages};

} // namespace reprise::engine
