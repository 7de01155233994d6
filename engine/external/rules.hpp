#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result signal_external(transition& t, const api::command::v1::Command& command,
                               completion& c);
command_result cancel_external(transition& t, const api::command::v1::Command& command,
                               completion& c);

inline constexpr const char* no_messages = "nothing is sent to other workflows yet";

inline constexpr std::array external_events{
  event_rule{.type = enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
             .left_out = no_messages},
  event_rule{.type = enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
             .while_started = buffering::waits,
             .left_out = no_messages},
  event_rule{.type = enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
             .while_started = buffering::waits,
             .left_out = no_messages},
  event_rule{.type = enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
             .left_out = no_messages},
  event_rule{.type = enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
             .while_started = buffering::waits,
             .left_out = no_messages},
  event_rule{.type = enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
             .while_started = buffering::waits,
             .left_out = no_messages},
};

inline constexpr std::array external_commands{
  command_rule{.type = enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
               .apply = signal_external,
               .not_served = no_messages},
  command_rule{.type = enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
               .apply = cancel_external,
               .not_served = no_messages},
};

inline constexpr std::array external_facts{
  fact_rule{.type = journal::Fact::kMessageSent, .left_out = no_messages},
  fact_rule{.type = journal::Fact::kMessageAnswered, .left_out = no_messages},
};

inline constexpr std::array external_requests{
  request_rule{.type = cluster::ExecutionRequest::kDeliver, .left_out = no_messages},
  request_rule{.type = cluster::ExecutionRequest::kAnswered, .left_out = no_messages},
  request_rule{.type = cluster::ExecutionRequest::kForget, .left_out = no_messages},
};

inline constexpr feature external_feature{.events = external_events,
                                          .commands = external_commands,
                                          .facts = external_facts,
                                          .requests = external_requests};

} // namespace reprise::engine
