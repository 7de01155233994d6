#pragma once

#include "engine/machine/step.hpp"

namespace reprise::engine {

/// What holds of every run between two transitions, as far as it costs the same however large the
/// run is. Throws broken_invariant: nothing of the transition is written then, and the execution is
/// loaded again.
void ensure_sound(const execution& x);

} // namespace reprise::engine
