#pragma once

#include "base/result.hpp"
#include "store/membership.hpp"

#include <map>

namespace reprise::store {

/// Members and owners in memory, for stores that only one process can open (and for the simulation,
/// whose processes share one). Values: what is to be done may be tried on a copy. Not thread-safe.
class member_table {
public:
  /// What a call did to ranges: epochs of both kinds are to be raised.
  struct change {
    range_set taken{};
    /// They were somebody's, and are nobody's now, or another one's.
    range_set freed{};
  };

  /// See store. All that fail answer failed_precondition.
  result<change> join(const member& self, incarnation_id before);
  result<membership> renew(incarnation_id self, bool is_draining);
  result<change> take(const take_over& what);
  result<change> give(incarnation_id self, range_id range, incarnation_id to);
  change leave(incarnation_id self);

  void on_registry_changed() noexcept {
    ++seen_.registry_version;
  }

private:
  range_set end(incarnation_id who);
  member_row* find(incarnation_id who) noexcept;

  membership seen_;
};

} // namespace reprise::store
