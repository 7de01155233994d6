#pragma once

#include "actors/outcome.hpp"
#include "actors/services.hpp"

namespace reprise::actors {

/// Bounds of one commit.
struct group_limits {
  std::size_t transitions_max = 512;
  std::size_t bytes_max = 4U << 20;
  /// While several callers write at once, a commit begins up to so long after the one before began,
  /// as far as that makes groups better (commit_pace). Only a writer on a thread of its own pauses.
  duration pace = std::chrono::milliseconds{7};
};

/// The group-commit writer. While a commit is under way appends gather in its mailbox; the next
/// group takes them all (invariant 8). An append that failed breaks its incarnation: later ones of
/// it fail alike without being tried, so a store never sees a transition whose predecessor is lost.
/// Blocks, so `detached` gives it a thread of its own; not so under a test scheduler.
writer_actor spawn_writer(caf::actor_system& system, services& shared, group_limits limits,
                          bool detached);

} // namespace reprise::actors
