#include "store/membership.hpp"

#include "base/ids.hpp"

#include <algorithm>

namespace reprise::store {

namespace {

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

bool shares(const member_row& m) noexcept {
  return !m.who.link_address.empty() && !m.is_draining;
}

} // namespace

const member_row* membership::find(incarnation_id who) const noexcept {
  auto found = std::ranges::find_if(members,
                                    [who](const auto& m) { return m.who.incarnation == who; });
  return found == members.end() ? nullptr : &*found;
}

incarnation_id new_incarnation() {
  return static_cast<incarnation_id>(random_seed() >> 1) | 1;
}

incarnation_id winner_of(range_id range, std::span<const member_row> members) noexcept {
  incarnation_id winner = 0;
  std::uint64_t highest = 0;
  for (const auto& m : members) {
    if (!shares(m))
      continue;
    auto score = mixed(static_cast<std::uint64_t>(m.who.incarnation) ^ mixed(range));
    if (winner == 0 || score > highest) {
      winner = m.who.incarnation;
      highest = score;
    }
  }
  return winner;
}

range_set ranges_to_take(const membership& seen, incarnation_id self, const range_set& held) {
  const auto* own = seen.find(self);
  if (own == nullptr || own->is_draining)
    return {};
  auto is_shared = std::ranges::any_of(seen.members, shares);
  range_set out;
  range_set others;
  for (std::size_t r = 0; r < range_count; ++r) {
    auto owner = seen.owners[r];
    if (owner != self && owner != 0 && seen.find(owner) != nullptr)
      others.set(r);
    else if (held[r])
      continue;
    else if (owner == self || !is_shared
             || winner_of(static_cast<range_id>(r), seen.members) == self)
      out.set(r);
  }
  // Who shares nothing stands by until there is nobody left.
  return is_shared || others.none() ? out : range_set{};
}

} // namespace reprise::store
