// Events that wait for the end of the started workflow task: the facts by which they come and go.

#include "engine/machine/evolve.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/rules.hpp"

#include <algorithm>
#include <vector>

namespace reprise::engine {

void fold_buffered_event(execution& x, const journal::Fact& fact) {
  const auto& event = fact.buffered_event();
  *x.add_buffered_events() = event;
  if (auto* fold = rule_of(event.event_type()).fold_on_arrival; fold != nullptr)
    fold(x, event);
}

void fold_dropped_events(execution& x, const journal::Fact& fact) {
  const auto& dropped = fact.dropped_events();
  auto& buffer = *x.mutable_buffered_events();
  std::vector<int> positions(dropped.positions().begin(), dropped.positions().end());
  std::sort(positions.rbegin(), positions.rend());
  if (static_cast<int>(positions.size()) >= buffer.size()) {
    buffer.Clear();
    return;
  }
  for (auto position : positions)
    if (position >= 0 && position < buffer.size())
      buffer.DeleteSubrange(position, 1);
}

void fold_transition_end(execution& x, const journal::Fact&) {
  evolve_transition_end(x);
}

} // namespace reprise::engine
