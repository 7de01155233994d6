#pragma once

#include "store/membership.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <vector>

namespace reprise::cluster {

/// Tells who is dead of those that share a store: a member whose number stood still for as long as
/// its lease lasts, on this machine's clock that counts through suspends. The member itself counts
/// from before it asked for its last renewal, and stops a tenth earlier; here it counts from when
/// the number was known here, to when the look that found it unchanged was asked for. So whatever
/// the network and both processes do in between, it has stopped before it is dead here. Pure: no
/// clock of its own.
class lease_watch {
public:
  using moment = std::chrono::nanoseconds;

  /// What a renewal of `self` read, which was asked for and answered at those moments.
  void see(const store::membership& seen, store::incarnation_id self, moment asked,
           moment answered);

  /// As of the last look.
  std::vector<store::still_number> dead() const;
  bool is_dead(store::incarnation_id who) const;

  /// A look that is asked for from then on may find one more dead.
  std::optional<moment> next_death() const;

private:
  struct lease {
    std::uint64_t renewals = 0;
    moment dies_at{};
    bool is_dead = false;
  };

  std::map<store::incarnation_id, lease> leases_;
};

} // namespace reprise::cluster
