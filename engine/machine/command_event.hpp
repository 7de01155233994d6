#pragma once

#include "engine/machine/transition.hpp"

namespace reprise::engine {

/// The beginning of the event that a command makes: its type, and what every command hands on to
/// its event whatever it asks for.
inline history_event event_for(const api::command::v1::Command& command,
                               api::enums::v1::EventType type) {
  history_event event;
  event.set_event_type(type);
  if (command.has_user_metadata())
    *event.mutable_user_metadata() = command.user_metadata();
  *event.mutable_event_group_markers() = command.event_group_markers();
  return event;
}

} // namespace reprise::engine
