#pragma once

#include "engine/machine/machine.hpp"

namespace reprise::engine {

/// Runs of workflows; its states are execution, its sessions workflow_session.
const machine& the_workflow_machine() noexcept;

} // namespace reprise::engine
