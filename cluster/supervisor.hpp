#pragma once

#include "actors/node/ward.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "protocol/interfaces.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace reprise::cluster {

struct supervisor_options {
  /// Called when the node cannot go on, with the reason; once, on the supervisor's thread.
  std::function<void(const std::string&)> on_failed{};
  /// Between the death of an actor that died a moment ago, too, and the work of the next: first
  /// this long, then twice as long each time, up to the second.
  duration pause_first = std::chrono::milliseconds{100};
  duration pause_max = std::chrono::seconds{10};
  /// An actor that lived so long is none of those that die again and again.
  duration lived_well = std::chrono::minutes{1};
};

/// Spawns the actor that watches the others. One that ends of an error (an exception, a kill) is
/// begun anew by its ward; what cannot be begun anew ends the node. An end that was asked for
/// (user_shutdown) is none of its business.
supervisor_actor spawn_supervisor(caf::actor_system& system, const clock& time, metrics& m,
                                  supervisor_options options);

} // namespace reprise::cluster
