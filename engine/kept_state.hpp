#pragma once

#include "engine/step.hpp"

#include <vector>

namespace reprise::engine {

/// A run's state as it is before the commands of a completion are tried on it, for the case that
/// one of them is refused. The parts that grow with the run and that no completion changes (its
/// start, with the input; the ids of requests and of signals) are not copied: they stay in the
/// state that is worked on and come back from there. So a completion costs the same however many
/// signals came.
class kept_state {
public:
  /// Leaves `current` as it was.
  explicit kept_state(execution& current);

  /// The state as it was. `worked_on`: what became of the state that was kept.
  execution restore(execution&& worked_on) &&;

private:
  execution kept_;
  /// Of the buffered events: those that a flush gives event ids to.
  std::vector<journal::RequestId> waiting_;
};

} // namespace reprise::engine
