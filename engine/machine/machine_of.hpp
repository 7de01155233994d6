#pragma once

#include "protocol/machine_kind.hpp"

namespace reprise::engine {

class machine;

/// The machine of a kind; null: this version of the server has none, or does not know the kind.
const machine* machine_of(machine_kind kind) noexcept;

} // namespace reprise::engine
