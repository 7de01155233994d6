#pragma once

#include "tests/crash/load/order.hpp"

#include <string>
#include <vector>

namespace reprise::crash {

/// What is wrong with the history of a finished order, a sentence each; empty: nothing. Pure.
/// - events 1 to n, one start, one close, at the end; times that fit;
/// - workflow tasks one at a time, every start, end and command with the event that it belongs to;
/// - activities and timers begin and end once; none fires early; attempts and results fit;
/// - each signal once;
/// - the workflow's code, run again over what it saw, gives the commands that are there;
/// - our engine's fold over the events ends in a closed run with nothing pending.
std::vector<std::string> check_history(const order_plan& plan,
                                       const std::vector<history_event>& events);

} // namespace reprise::crash
