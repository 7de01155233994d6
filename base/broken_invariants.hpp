#pragma once

#include <cstdint>

namespace reprise {

/// How often ENSURE (base/ensure.hpp) did not hold in this process: bugs that were survived. Any
/// thread.
std::uint64_t broken_invariants() noexcept;

} // namespace reprise
