#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_attributes_upserted(execution& x, const history_event& event);
void fold_properties_modified(execution& x, const history_event& event);
command_result upsert_search_attributes(transition& t, const api::command::v1::Command& command,
                                        completion& c);
command_result modify_properties(transition& t, const api::command::v1::Command& command,
                                 completion& c);

inline constexpr std::array properties_events{
  event_rule{.type = enums::EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
             .fold = fold_attributes_upserted},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
             .fold = fold_properties_modified},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED_EXTERNALLY,
             .left_out = "reserved by the API: no call makes one"},
};

inline constexpr std::array properties_commands{
  command_rule{.type = enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
               .apply = upsert_search_attributes},
  command_rule{.type = enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES, .apply = modify_properties},
};

inline constexpr feature properties_feature{.events = properties_events,
                                            .commands = properties_commands};

} // namespace reprise::engine
