#pragma once

#include "engine/engine.hpp"

namespace reprise::engine {

/// The next transition, which decides this request, may make the history larger than it may be.
/// Only then is a copy kept of the state before it.
bool may_outgrow(const execution& x, const cluster::ExecutionRequest& request,
                 const limits& bounds);

} // namespace reprise::engine
