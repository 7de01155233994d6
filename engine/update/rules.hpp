#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result apply_message(transition& t, const api::command::v1::Command& command,
                             completion& c);

void fold_update_admitted(execution& x, const history_event& event);
void fold_update_accepted(execution& x, const history_event& event);
void fold_update_completed(execution& x, const history_event& event);
void reapply_admitted(transition& t, const history_event& event);
void reapply_accepted(transition& t, const history_event& event);

inline constexpr std::array update_events{
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
             .fold = fold_update_admitted,
             .while_started = buffering::waits,
             .reapply = reapply_admitted,
             .reapplied_unless = enums::RESET_REAPPLY_EXCLUDE_TYPE_UPDATE},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
             .fold = fold_update_accepted,
             .reapply = reapply_accepted,
             .reapplied_unless = enums::RESET_REAPPLY_EXCLUDE_TYPE_UPDATE},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_REJECTED,
             .left_out = "of a rejection only the caller hears"},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
             .fold = fold_update_completed},
};

inline constexpr std::array update_commands{
  command_rule{.type = enums::COMMAND_TYPE_PROTOCOL_MESSAGE, .apply = apply_message},
};

inline constexpr const char* decided_with_session
  = "decided together with the session: nothing of it is in a journal";

inline constexpr std::array update_requests{
  request_rule{.type = cluster::ExecutionRequest::kUpdate, .left_out = decided_with_session},
  request_rule{.type = cluster::ExecutionRequest::kPollUpdate, .left_out = decided_with_session},
  request_rule{.type = cluster::ExecutionRequest::kUpdateWithStart,
               .left_out = decided_with_session},
};

inline constexpr feature update_feature{.events = update_events,
                                        .commands = update_commands,
                                        .requests = update_requests};

} // namespace reprise::engine
