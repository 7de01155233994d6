#pragma once

#include "base/clock.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace reprise::actors {

/// The delayed messages by which an actor wakes itself. A delayed message stays in the scheduler's
/// clock until its time, whatever became of its reason. So one is sent only when none that is under
/// way comes early enough, and never more than a few are: an actor may be woken too early, never
/// too late by more than a millisecond. A plain value.
class alarms {
public:
  /// Far moments are looked at again in between: a wall clock may be set forward.
  static constexpr duration longest = std::chrono::minutes{10};
  /// So many are sent for the very moment; further ones at most half as far ahead as the soonest.
  static constexpr std::size_t exact_max = 3;

  struct alarm {
    std::uint64_t ticket = 0;
    duration wait{};
  };

  /// The message to send, so that the actor wakes at `at`; nothing: one under way does.
  std::optional<alarm> set(time_point at, time_point now);
  /// The message with this ticket came.
  void rang(std::uint64_t ticket);

  /// The wall clock moved: when those under way come is not known any more. They come all the same.
  void forget() {
    waiting_.clear();
  }

  /// Messages under way.
  std::size_t size() const noexcept {
    return waiting_.size();
  }

private:
  struct waiting {
    time_point rings{};
    std::uint64_t ticket = 0;
  };

  std::uint64_t last_ticket_ = 0;
  /// The soonest last.
  std::vector<waiting> waiting_;
};

} // namespace reprise::actors
