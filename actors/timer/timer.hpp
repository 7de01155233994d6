#pragma once

#include "actors/node/services.hpp"
#include "store/types.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace reprise::actors {

/// A page of wake-ups that a reader found.
struct due_page {
  /// Deadlines, or undelivered work (a sweep).
  bool of_deadlines = true;
  /// Of the timer, when it was asked for: readers overtake each other, and other ranges may be
  /// served by the time that it is here.
  std::uint64_t era = 0;
  std::vector<store::due_run> runs{};
  /// Nothing of what was asked for lies behind the page.
  bool complete = false;
  /// Of deadlines, when complete: the earliest behind.
  std::optional<time_point> next{};
  /// The store could not be read.
  bool failed = false;
};

/// Spawns what finds work for executions that are not in memory (invariant 5).
///
/// Deadlines: keeps those of the near future in memory, read from the store a window at a time, and
/// knows the earliest behind the window; so it asks the store nothing while nothing comes due.
/// Executions in memory are woken by their slots. Undelivered work: at take-over of the slots, and
/// when a queue lost its memory, sweeps the runs that have some. Both give slots no more wakes than
/// they have credit for, so a million due runs are loaded a few hundred at a time.
timer_actor spawn_timer(caf::actor_system& system, services& shared);

} // namespace reprise::actors
