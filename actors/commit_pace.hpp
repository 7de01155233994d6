#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace reprise::actors {

/// When the next group may be committed. A commit costs the same, whatever it carries: a flush, a
/// few pages, wake-ups. So while several callers write at once, it waits for company; what gathers
/// meanwhile shares all that. How long follows from how fast appends come: until a good group is
/// there, within bounds. A caller who is alone never waits, and few callers only a little.
class commit_pace {
public:
  using clock = std::chrono::steady_clock;

  /// Between the beginnings of two commits: `least` always, `most` at most.
  commit_pace(clock::duration least, clock::duration most) : least_(least), most_(most) {
  }

  /// A commit of so many transitions begins.
  void begins(clock::time_point now, std::size_t members) {
    auto since = std::clamp<clock::duration>(now - begun_, {}, most_);
    period_ += (seconds(since).count() - period_) * newest_weight;
    members_ += (static_cast<double>(members) - members_) * newest_weight;
    last_members_ = members;
    begun_ = now;
  }

  /// When the next one may begin; in the past: at once.
  clock::time_point next() const {
    if (members_ <= together_min || last_members_ >= enough)
      return begun_;
    if (members_ < several)
      return begun_ + least_;
    auto gathers = std::chrono::duration_cast<clock::duration>(seconds{period_ / members_ * good});
    return begun_ + std::clamp(gathers, least_, most_);
  }

private:
  using seconds = std::chrono::duration<double>;

  /// Groups of fewer than this on average come from callers who wait for each other's steps.
  static constexpr double together_min = 1.5;
  /// From so many on, a caller's wait is mostly for the others, not for the pace.
  static constexpr double several = 4;
  /// Of so many members a group is worth its commit.
  static constexpr double good = 16;
  /// A group of so many has nothing to gain from a pause.
  static constexpr std::size_t enough = 64;
  static constexpr double newest_weight = 0.2;

  clock::duration least_;
  clock::duration most_;
  clock::time_point begun_{};
  /// Seconds between the beginnings of the last commits, and their transitions, on average.
  double period_ = 0;
  double members_ = 1;
  std::size_t last_members_ = 0;
};

} // namespace reprise::actors
