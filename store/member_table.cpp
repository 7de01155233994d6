#include "store/member_table.hpp"

#include <algorithm>

namespace reprise::store {

namespace {

error not_a_member() {
  return make_error(errc::failed_precondition, "This server is no member any more.");
}

} // namespace

member_row* member_table::find(incarnation_id who) noexcept {
  auto found = std::ranges::find_if(seen_.members,
                                    [who](const auto& m) { return m.who.incarnation == who; });
  return found == seen_.members.end() ? nullptr : &*found;
}

/// Answers what it had.
range_set member_table::end(incarnation_id who) {
  range_set freed;
  if (std::erase_if(seen_.members, [who](const auto& m) { return m.who.incarnation == who; }) == 0)
    return freed;
  for (std::size_t r = 0; r < range_count; ++r)
    if (seen_.owners[r] == who) {
      seen_.owners[r] = 0;
      freed.set(r);
    }
  return freed;
}

result<member_table::change> member_table::join(const member& self, incarnation_id before) {
  if (self.incarnation <= 0 || find(self.incarnation) != nullptr)
    return make_error(errc::failed_precondition, "This incarnation was used before.");
  change out{.freed = end(before)};
  seen_.members.push_back({.who = self});
  return out;
}

result<membership> member_table::renew(incarnation_id self, bool is_draining) {
  auto* own = find(self);
  if (own == nullptr)
    return not_a_member();
  ++own->renewals;
  own->is_draining = is_draining;
  return seen_;
}

result<member_table::change> member_table::take(const take_over& what) {
  if (find(what.self) == nullptr)
    return not_a_member();
  change out;
  for (const auto& dead : what.dead)
    if (const auto* m = find(dead.incarnation); m != nullptr && m->renewals == dead.renewals)
      out.freed |= end(dead.incarnation);
  out.taken = ranges_to_take(seen_, what.self, what.held);
  out.freed &= ~out.taken;
  for (std::size_t r = 0; r < range_count; ++r)
    if (out.taken[r])
      seen_.owners[r] = what.self;
  return out;
}

result<member_table::change> member_table::give(incarnation_id self, range_id range,
                                                incarnation_id to) {
  if (find(self) == nullptr || seen_.owners[range] != self)
    return make_error(errc::failed_precondition, "The range is not this server's.");
  seen_.owners[range] = to;
  change out;
  out.freed.set(range);
  return out;
}

member_table::change member_table::leave(incarnation_id self) {
  return {.freed = end(self)};
}

} // namespace reprise::store
