#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result record_marker(transition& t, const api::command::v1::Command& command,
                             completion& c);

inline constexpr std::array marker_events{
  event_rule{.type = enums::EVENT_TYPE_MARKER_RECORDED, .fold = tells_only},
};

inline constexpr std::array marker_commands{
  command_rule{.type = enums::COMMAND_TYPE_RECORD_MARKER, .apply = record_marker},
};

inline constexpr feature marker_feature{.events = marker_events, .commands = marker_commands};

} // namespace reprise::engine
