#pragma once

#include "actors/node/services.hpp"

namespace reprise::actors {

/// Spawns what does the work that a change of a namespace leaves behind, one namespace after the
/// other, in small steps, while this node has the lease:
///
/// - of a deleted one, and of one that has runs and is in no record, it erases all: its runs of
///   every kind with their history, lists, deadlines and messages, the rows of its task queues, at
///   last its own record;
/// - of one whose retention has changed it has the closed runs look when they end.
///
/// What is left to do stands in the namespaces' records, so a server that dies in the middle begins
/// again.
upkeep_actor spawn_namespace_upkeep(caf::actor_system& system, services& shared);

} // namespace reprise::actors
