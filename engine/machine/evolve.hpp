#pragma once

#include "engine/engine.hpp"

namespace reprise::engine {

/// Folds one public event whose encoded size is known; saves measuring it again.
void evolve_sized(execution& x, const temporal::api::history::v1::HistoryEvent& event,
                  std::size_t bytes);

/// Written by a version that had other rules for some events: it gave them no task id. What such an
/// event did to its run it does for good.
bool is_of_former(const temporal::api::history::v1::HistoryEvent& event);

/// Ends the fold of one transition: counts it. Part of evolve(record).
void evolve_transition_end(execution& x);

} // namespace reprise::engine
