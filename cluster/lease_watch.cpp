#include "cluster/lease_watch.hpp"

#include <algorithm>

namespace reprise::cluster {

void lease_watch::see(const store::membership& seen, store::incarnation_id self, moment asked,
                      moment answered) {
  std::erase_if(leases_, [&](const auto& known) { return seen.find(known.first) == nullptr; });
  for (const auto& m : seen.members) {
    if (m.who.incarnation == self)
      continue;
    auto [known, is_new] = leases_.try_emplace(m.who.incarnation);
    auto& lease = known->second;
    if (is_new || lease.renewals != m.renewals)
      lease = {.renewals = m.renewals, .dies_at = answered + m.who.lease_length};
    lease.is_dead = asked >= lease.dies_at;
  }
}

std::vector<store::still_number> lease_watch::dead() const {
  std::vector<store::still_number> out;
  for (const auto& [who, lease] : leases_)
    if (lease.is_dead)
      out.push_back({.incarnation = who, .renewals = lease.renewals});
  return out;
}

bool lease_watch::is_dead(store::incarnation_id who) const {
  auto found = leases_.find(who);
  return found != leases_.end() && found->second.is_dead;
}

std::optional<lease_watch::moment> lease_watch::next_death() const {
  std::optional<moment> out;
  for (const auto& [who, lease] : leases_)
    if (!lease.is_dead && (!out || lease.dies_at < *out))
      out = lease.dies_at;
  return out;
}

} // namespace reprise::cluster
