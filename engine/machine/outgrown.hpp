#pragma once

#include "engine/engine.hpp"

namespace reprise::engine {

/// The next transition, which decides this request, may make the history larger than it may be.
/// Only then is a copy kept of the state before it.
bool may_outgrow(const execution& x, const cluster::ExecutionRequest& request,
                 const limits& bounds);

/// How many events a transition may write whatever it decides.
std::int64_t events_of_any(const execution& x);
/// A command cancels what has not begun with two events, and a time-out tells of a start first.
inline constexpr std::int64_t events_of_item = 2;

} // namespace reprise::engine
