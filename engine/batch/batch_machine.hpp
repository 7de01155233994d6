#pragma once

#include "engine/machine/machine.hpp"

// A batch operation: one call for many runs. Its durable actor knows what was asked, how far that
// is, and when to go on; it acts on nobody by itself. Whoever does the work is offered a page of it
// as a task of the server's own, and reports what became of it and what comes next.

namespace reprise::engine {

/// A page that nobody reported for so long is offered again.
inline constexpr duration batch_page_patience = std::chrono::seconds{60};
/// Runs of a page at most; a slow batch has fewer, so that its pages come five times a second.
inline constexpr int batch_page_targets_max = 200;

const machine& the_batch_machine() noexcept;

} // namespace reprise::engine
