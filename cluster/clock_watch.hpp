#pragma once

#include "actors/node/services.hpp"
#include "actors/queue/queue_directory.hpp"
#include "base/metrics.hpp"

namespace reprise::cluster {

struct clock_watch_options {
  /// How often the clocks are compared.
  duration interval = std::chrono::milliseconds{500};
  /// How far apart they may have moved meanwhile without anybody being told.
  duration tolerance = std::chrono::milliseconds{100};
};

/// Spawns the actor that compares the clocks. Deadlines are wall time, and who waits for one waits
/// in the scheduler's time. When somebody set the wall clock forward, or the machine slept, the
/// deadline is nearer than that wait: slots, timer and queues are told to look again. Also keeps
/// the metric that says how far the server's time is ahead of the machine's.
watch_actor spawn_clock_watch(caf::actor_system& system, actors::services& shared,
                              actors::queue_directory& queues, metrics& m, clock_watch_options o);

} // namespace reprise::cluster
