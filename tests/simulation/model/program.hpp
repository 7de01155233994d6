#pragma once

#include "temporal/api/command/v1/message.pb.h"
#include "temporal/api/history/v1/message.pb.h"
#include "tests/simulation/model/universe.hpp"

#include <string>
#include <vector>

namespace reprise::simulation {

/// What a workflow's code would do, decided by its id and the seed; the input of a run names its
/// generation, which grows with continue-as-new.
struct program {
  enum class step : std::uint8_t {
    activity,
    single_attempt,
    two_activities,
    timer,
    signal,
    marker,
    upsert,
    cancelled_activity,
    cancelled_timer,
    signal_other,
    cancel_other,
    child,
  };
  enum class ending : std::uint8_t {
    complete,
    fail,
    go_on,
  };
  std::vector<step> steps{};
  ending end = ending::complete;
  int generation = 0;
};

program make_program(std::uint64_t seed, const std::string& workflow_id, int generation);

using history = std::vector<temporal::api::history::v1::HistoryEvent>;

/// What a worker answers a workflow task with this history: a pure function, as replay demands.
/// `tells_time`: signals to others say when they were decided on.
std::vector<temporal::api::command::v1::Command>
commands_for(std::uint64_t seed, const history& events, bool tells_time);

/// A start's input for that generation.
temporal::api::common::v1::Payloads input_of(int generation);

} // namespace reprise::simulation
