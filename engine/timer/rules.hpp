#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_timer_started(execution& x, const history_event& event);
void fold_timer_fired(execution& x, const history_event& event);
void fold_timer_canceled(execution& x, const history_event& event);
command_result start_timer(transition& t, const api::command::v1::Command& command, completion& c);
command_result cancel_timer(transition& t, const api::command::v1::Command& command, completion& c);
std::optional<time_point> next_timer_deadline(const execution& x);
void fire_timers(transition& t, due_budget& budget);
std::size_t pending_timers(const execution& x);

inline constexpr std::array timer_events{
  event_rule{.type = enums::EVENT_TYPE_TIMER_STARTED, .fold = fold_timer_started},
  event_rule{.type = enums::EVENT_TYPE_TIMER_FIRED,
             .fold = fold_timer_fired,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_timer_fired},
  event_rule{.type = enums::EVENT_TYPE_TIMER_CANCELED, .fold = fold_timer_canceled},
};

inline constexpr std::array timer_commands{
  command_rule{.type = enums::COMMAND_TYPE_START_TIMER, .apply = start_timer},
  command_rule{.type = enums::COMMAND_TYPE_CANCEL_TIMER, .apply = cancel_timer},
};

inline constexpr feature timer_feature{.events = timer_events,
                                       .commands = timer_commands,
                                       .next_deadline = next_timer_deadline,
                                       .wake = fire_timers,
                                       .may_be_due = pending_timers};

} // namespace reprise::engine
