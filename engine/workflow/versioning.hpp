#pragma once

#include "engine/machine/step.hpp"

// What is told of a run whose versioning somebody has overridden. Part of the fold.

namespace reprise::engine {

/// It goes where the current version of its deployment goes.
bool is_upgraded(const execution& x);
/// A run whose versioning somebody has overridden is found by that.
void list_versioning(execution& x);

} // namespace reprise::engine
