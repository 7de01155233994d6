#pragma once

#include "actors/outcome.hpp"
#include "actors/services.hpp"

namespace reprise::actors {

/// Bounds of one commit.
struct group_limits {
  std::size_t transitions_max = 512;
  std::size_t bytes_max = 4U << 20;
  /// While several callers write, a commit begins so long after the one before began, or as soon as
  /// so many appends wait (commit_window). Only a writer on a thread of its own waits.
  duration window = std::chrono::milliseconds{2};
  std::size_t window_appends = 64;
};

/// The group-commit writer. While a commit is under way appends gather in its mailbox; the next
/// group takes them all (invariant 8). An append that failed breaks its incarnation: later ones of
/// it fail alike without being tried, so a store never sees a transition whose predecessor is lost.
/// Blocks, so `detached` gives it a thread of its own; not so under a test scheduler.
writer_actor spawn_writer(caf::actor_system& system, services& shared, group_limits limits,
                          bool detached);

} // namespace reprise::actors
