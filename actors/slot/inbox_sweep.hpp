#pragma once

#include "actors/node/services.hpp"
#include "store/types.hpp"

#include <vector>

namespace reprise::actors {

/// What a look at some ranges' inboxes found.
struct inbox_page {
  /// The first range that was not looked at.
  std::size_t next_range = 0;
  std::size_t erased = 0;
  /// There are messages that nobody forgot, old or young.
  bool in_use = false;
  /// Messages whose senders never said that they have the answer.
  std::vector<store::inbox_row> unforgotten{};
  /// Some copy of a history was given up.
  bool copies_were_here = false;
  bool failed = false;
};

/// Spawns what erases what nobody needs any more. It keeps inboxes small: erases messages an hour
/// after they were forgotten, and gives the answer again to the senders of those that nobody forgot
/// within an hour, so what was lost on the way is healed. And it erases the beginnings of runs that
/// a reset copied and did not make. Looks once an hour, while this node has the slots and there was
/// something of that.
sweep_actor spawn_inbox_sweep(caf::actor_system& system, services& shared);

} // namespace reprise::actors
