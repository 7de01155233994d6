#pragma once

#include "store/types.hpp"

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace reprise::store {

/// One life of a server on a store: random, positive, and never used again. Who lost its right to
/// write goes on under the next one. 0: nobody.
using incarnation_id = std::int64_t;

using range_set = std::bitset<range_count>;

/// What a server tells all others that share its store.
struct member {
  incarnation_id incarnation = 0;
  /// The process, as its links name it: the same in all of its incarnations.
  std::uint64_t life = 0;
  /// For people.
  std::string name{};
  /// Where its link listens; empty: it shares no ranges, and takes all of them or none.
  std::string link_address{};
  std::string program_version{};
  /// So long after its last renewal it may be taken for dead.
  duration lease_length{};

  friend bool operator==(const member&, const member&) = default;
};

/// A member as it stands in the store.
struct member_row {
  member who{};
  /// Grows with each renewal. That it stands still is all that others ever know of a dead one.
  std::uint64_t renewals = 0;
  /// It is about to leave, or must not take any range.
  bool is_draining = false;
};

/// What a renewal reads.
struct membership {
  /// In the order in which they joined.
  std::vector<member_row> members{};
  /// Of each range; 0, or somebody who is no member: it is free.
  std::vector<incarnation_id> owners = std::vector<incarnation_id>(range_count);
  /// Changes with every change of a namespace, its search attributes included.
  std::uint64_t registry_version = 0;
  /// By the wall clock of the database, while it was read; nothing: it is this process's own.
  std::optional<time_point> read_at{};

  /// Null: no member.
  const member_row* find(incarnation_id who) const noexcept;
};

/// A member that is taken for dead since its number stood still here.
struct still_number {
  incarnation_id incarnation = 0;
  std::uint64_t renewals = 0;
};

/// Asks for ranges: those that are free, and those of the dead.
struct take_over {
  incarnation_id self = 0;
  /// They are ended, if their numbers are these even now.
  std::vector<still_number> dead{};
  /// What is served already, or being given away, and stays as it is.
  range_set held{};
};

struct taken_ranges {
  range_set ranges{};
  /// By slot, higher than any before; 0 where the range was not taken.
  std::vector<epoch_number> epochs = std::vector<epoch_number>(slot_count);
  /// No run has a key above it: what is started from now on needs a higher one.
  std::int64_t key_floor = 0;
};

/// A new one, by the kernel's random source.
incarnation_id new_incarnation();

/// Who of those that share is to own the range, by rendezvous hashing: each range has its own order
/// of them, so when one comes or goes only its ranges move. 0: nobody shares.
incarnation_id winner_of(range_id range, std::span<const member_row> members) noexcept;

/// What `self` may take beside what it holds: its own, and free ones. While anybody shares these go
/// to their winners; else to whoever comes first, and only all together.
range_set ranges_to_take(const membership& seen, incarnation_id self, const range_set& held);

} // namespace reprise::store
