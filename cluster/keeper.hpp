#pragma once

#include "actors/node/services.hpp"
#include "store/membership.hpp"

#include <functional>

namespace reprise::cluster {

struct keeper_options {
  /// What others are told of this server. Its incarnation is the first one, and may be left out: it
  /// is drawn then, as all later ones are.
  store::member self{};
  /// Zero: only this process can open the store, so there is nothing to renew.
  duration lease_length{};
  /// Everything random comes from it.
  std::uint64_t seed = 0;
  /// Ranges that are given away at once.
  std::size_t given_at_once = 16;
  /// The same of one that leaves.
  std::size_t given_at_once_leaving = 64;
  /// Called when the first range begins to be served here (true), and when none is any more.
  std::function<void(bool)> on_serving{};
  /// Called with what a renewal found, whenever members or owners are others than before.
  std::function<void(const store::membership&)> on_membership{};
  /// Called with the ranges that are served here, when they are others than before: before slots
  /// are given up, and when those that were taken can take calls.
  std::function<void(const store::range_set&)> on_held{};
  /// Called when ranges were given to others: who tells them has them look at once.
  std::function<void()> on_given{};
  /// Called when this server became a member under another incarnation.
  std::function<void(store::incarnation_id)> on_joined{};
};

/// Spawns the actor that makes this server a member, raises its number every sixth of the lease,
/// takes the ranges that are its own, and gives everything up when it can no longer know that
/// nobody else has them (invariant 3). Of members with a link address each owns the ranges that it
/// wins; what another one wins is given to it. One without stands by, and says so in the log, until
/// all of them are free. A member whose number stood still for its lease is ended by whoever sees
/// it first.
keeper_actor spawn_keeper(caf::actor_system& system, actors::services& shared,
                          keeper_options options);

} // namespace reprise::cluster
