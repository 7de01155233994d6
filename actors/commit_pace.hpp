#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace reprise::actors {

/// When the next group may be committed. A commit costs the same, whatever it carries: a flush, a
/// few pages, wake-ups. So while several callers write at once, it waits for company; what gathers
/// meanwhile shares all that. About as long as it takes a good group to come, within bounds.
///
/// That pays with callers who come anyway. Those who wait for an answer before they call again only
/// come later, each by the whole pause; and a caller who is alone waits for nobody. Seen from here
/// all look alike, until one tries: so the pause is a little shorter for a while, then a little
/// longer, and grows until appends become fewer by that; where it only costs there is none.
class commit_pace {
public:
  using clock = std::chrono::steady_clock;

  /// `most` lies between the beginnings of two commits at most.
  explicit commit_pace(clock::duration most) : most_(seconds(most).count()) {
  }

  /// A commit of so many transitions begins.
  void begins(clock::time_point now, std::size_t members) {
    auto since = seconds(now - begun_).count();
    begun_ = now;
    if (since > silence)
      return forget(since);
    is_large_ = members >= enough;
    auto& trial = is_longer_ ? longer_ : shorter_;
    trial.appends += static_cast<double>(members);
    trial.commits += 1;
    trial.took += since;
    if (trial.took < trial_min && !is_futile(trial))
      return;
    if (is_longer_)
      judge();
    is_longer_ = !is_longer_;
  }

  /// When the next one may begin; in the past: at once.
  clock::time_point next() const {
    auto pause = pause_ * (is_longer_ ? 1 + swing : 1 - swing);
    if (is_large_ || pause < worth_a_sleep)
      return begun_;
    return begun_ + std::chrono::duration_cast<clock::duration>(seconds{pause});
  }

private:
  using seconds = std::chrono::duration<double>;

  /// What came while the pause was the shorter, or the longer one.
  struct trial {
    double appends = 0;
    double commits = 0;
    double took = 0;

    double rate() const {
      return appends / took;
    }

    bool is_alone() const {
      return appends < commits * company_min;
    }
  };

  /// What was learnt is of another time.
  void forget(double since) {
    pause_ = 0;
    rests_ = std::max(rests_ - since, first_look);
    shorter_ = longer_ = {};
    is_longer_ = is_large_ = false;
  }

  void judge() {
    trial both{shorter_.appends + longer_.appends, shorter_.commits + longer_.commits,
               shorter_.took + longer_.took};
    auto costs = pause_ > 0 && longer_.rate() < shorter_.rate() * loss_max;
    auto only_costs = costs && both.is_alone();
    rests_ = only_costs ? rest : std::max(rests_ - both.took, 0.0);
    if (only_costs || both.rate() * most_ < several || (rests_ > 0 && both.is_alone()))
      pause_ = 0;
    else
      pause_ = std::min({next_pause(costs, both.rate()), good / both.rate(), most_ / (1 + swing)});
    shorter_ = longer_ = {};
  }

  double next_pause(bool costs, double rate) {
    is_first_ = pause_ == 0;
    if (is_first_) {
      grows_ = grows_at_first;
      return first / rate;
    }
    if (costs)
      grows_ = grows_later;
    return std::max(pause_ * (costs ? shrinks : grows_), worth_a_sleep);
  }

  /// A pause that was meant to gather two and gathers one: it costs that one the more, the longer
  /// it is tried.
  bool is_futile(const trial& now) const {
    return is_first_ && pause_ > 0 && now.commits >= first_commits && now.is_alone();
  }

  /// With fewer within the longest pause there is nothing to share.
  static constexpr double several = 4;
  /// Of so many members a group is worth its commit.
  static constexpr double good = 20;
  /// A group of so many has nothing to gain from a pause.
  static constexpr std::size_t enough = 64;
  /// Groups of fewer on average come from one caller after the other.
  static constexpr double company_min = 1.25;
  /// What the first pause is meant to gather.
  static constexpr double first = 2;
  /// Enough to see that it gathers nobody.
  static constexpr double first_commits = 8;
  /// How far the two pauses that are tried are from the one between them.
  static constexpr double swing = 0.5;
  /// The longer one costs too much that leaves less than this part of the appends: callers who do
  /// nothing but wait leave a third, chance alone seldom less than this.
  static constexpr double loss_max = 0.8;
  static constexpr double shrinks = 0.6;
  /// Until it costs too much for the first time, and from then on.
  static constexpr double grows_at_first = 2;
  static constexpr double grows_later = 1.3;
  // In seconds from here on.
  static constexpr double trial_min = 0.06;
  static constexpr double worth_a_sleep = 100e-6;
  static constexpr double silence = 0.1;
  /// Without a pause, before the first is tried on somebody who may be alone; and until the next,
  /// where one was in vain.
  static constexpr double first_look = 0.3;
  static constexpr double rest = 5;

  double most_;
  clock::time_point begun_{};
  double pause_ = 0;
  double grows_ = grows_at_first;
  double rests_ = 0;
  /// Whether the pause is the first after none.
  bool is_first_ = false;
  bool is_large_ = false;
  trial shorter_{};
  trial longer_{};
  /// Which one is tried now.
  bool is_longer_ = false;
};

} // namespace reprise::actors
