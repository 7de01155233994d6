#pragma once

#include "actors/call/outcome.hpp"
#include "actors/node/services.hpp"

namespace reprise::actors {

/// The group-commit writer. While a commit is under way appends gather in its mailbox; the next
/// group takes them all (invariant 8). An append that failed breaks its incarnation: later ones of
/// it fail alike without being tried, so a store never sees a transition whose predecessor is lost.
/// Blocks, so `detached` gives it a thread of its own; not so under a test scheduler.
writer_actor spawn_writer(caf::actor_system& system, services& shared, group_limits limits,
                          bool detached);

} // namespace reprise::actors
