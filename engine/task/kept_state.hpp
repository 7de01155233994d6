#pragma once

#include "engine/machine/step.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reprise::engine {

/// A run's state as it is before the commands of a completion are tried on it, for the case that
/// one of them is refused. What is large and what no completion changes is not copied: the run's
/// one of them is refused. What is large and what no completion changes is not copied: the run's
/// start with the input, its updates and the ids of requests and of signals stay in the state that
/// is worked on and come back from there; so do messages and what waits for their answers, of which
/// a completion takes nothing away. What pending activities were given lies here meanwhile. So a
/// completion costs the same however many signals and updates came or go, and however large those
/// inputs are.
class kept_state {
public:
  /// Leaves `current` as it was, but for inputs, headers and heartbeats of its activities.
  /// `updates`: the ids of those that may change.
  kept_state(execution& current, const std::vector<std::string>& updates);

  /// The state as it was, but for these. `worked_on`: what became of the state that was kept. Once.
  execution restore(execution&& worked_on);
  /// Gives the activities that are still pending in `x` back what was taken from them.
  void give_back(execution& x);

private:
  struct belongings {
    std::int64_t scheduled_event_id = 0;
    std::unique_ptr<temporal::api::common::v1::Payloads> input{};
    std::unique_ptr<temporal::api::common::v1::Header> header{};
    std::unique_ptr<temporal::api::common::v1::Payloads> heartbeat{};
  };

  void take_belongings(execution& x);

  execution kept_;
  std::vector<belongings> taken_;
  /// Of the buffered events: those that a flush gives event ids to.
  std::vector<journal::RequestId> waiting_;
  /// Of the updates that may change: as they were, nothing where there was none.
  std::vector<std::pair<std::string, std::optional<journal::UpdateState>>> updates_;
};

} // namespace reprise::engine
