#pragma once

#include "actors/node/services.hpp"

#include <functional>
#include <string>

namespace reprise::cluster {

struct keeper_options {
  /// Names this process among all that share the store; a UUID.
  std::string owner{};
  /// Zero: only this process can open the store, so there is nothing to renew.
  duration lease_length{};
  /// Called when the slots begin to be served here (true), and when they no longer are.
  std::function<void(bool)> on_serving{};
};

/// Spawns the actor that acquires the lease, takes over the slots, renews the lease every third of
/// its length, and gives everything up when that fails (invariant 3). While another process holds
/// the lease it waits as a standby and says so in the log.
keeper_actor spawn_keeper(caf::actor_system& system, actors::services& shared,
                          keeper_options options);

} // namespace reprise::cluster
