#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace reprise::actors {

/// When the next group may be committed. A commit costs the same, whatever it carries: a flush, a
/// few pages, wake-ups. So while several callers write at once, it waits for company; what gathers
/// meanwhile shares all that: until a good group is there, within bounds.
///
/// That pays with callers who come anyway. Those who wait for an answer before they call again only
/// come later, each by the whole pause; and a caller who is alone waits for nobody. Seen from here
/// all look alike, until one tries: so the pause is a little shorter for a while, then a little
/// longer, and grows until appends become fewer by it; where it gathers nobody there is none.
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
      return forget();
    is_large_ = members >= enough;
    auto& trial = is_longer_ ? longer_ : shorter_;
    trial.appends += static_cast<double>(members);
    trial.commits += 1;
    trial.took += since;
    if (trial.took < trial_min)
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
  };

  /// What was learnt is of another time.
  void forget() {
    pause_ = rests_ = 0;
    shorter_ = longer_ = {};
    is_longer_ = is_large_ = false;
  }

  void judge() {
    trial both{shorter_.appends + longer_.appends, shorter_.commits + longer_.commits,
               shorter_.took + longer_.took};
    auto company = both.appends / both.commits;
    auto gathers_nobody = pause_ > 0 && company < company_min;
    rests_ = gathers_nobody ? rest : std::max(rests_ - both.took, 0.0);
    if (gathers_nobody || both.rate() * most_ < several || (rests_ > 0 && company < company_min))
      pause_ = 0;
    else
      pause_ = std::min({next_pause(both.rate()), good / both.rate(), most_ / (1 + swing)});
    shorter_ = longer_ = {};
  }

  double next_pause(double rate) {
    if (pause_ == 0) {
      grows_ = grows_at_first;
      return first / rate;
    }
    auto costs = longer_.rate() < shorter_.rate() * loss_max;
    if (costs)
      grows_ = grows_later;
    return std::max(pause_ * (costs ? shrinks : grows_), worth_a_sleep);
  }

  /// With fewer within the longest pause there is nothing to share.
  static constexpr double several = 4;
  /// Of so many members a group is worth its commit.
  static constexpr double good = 16;
  /// A group of so many has nothing to gain from a pause.
  static constexpr std::size_t enough = 64;
  /// Groups of fewer on average come from one caller after the other.
  static constexpr double company_min = 1.25;
  /// What the first pause is meant to gather.
  static constexpr double first = 2;
  /// How far the two pauses that are tried are from the one between them.
  static constexpr double swing = 0.25;
  /// The longer one costs too much that leaves less than this part of the appends. Callers who wait
  /// for answers leave three fifths; chance seldom takes a fifth.
  static constexpr double loss_max = 0.8;
  static constexpr double shrinks = 0.6;
  /// Until it costs too much for the first time, and from then on.
  static constexpr double grows_at_first = 2;
  static constexpr double grows_later = 1.3;
  // In seconds from here on.
  static constexpr double trial_min = 0.04;
  static constexpr double worth_a_sleep = 100e-6;
  static constexpr double silence = 0.1;
  /// Until the next attempt, where a pause gathered nobody.
  static constexpr double rest = 5;

  double most_;
  clock::time_point begun_{};
  double pause_ = 0;
  double grows_ = grows_at_first;
  double rests_ = 0;
  bool is_large_ = false;
  trial shorter_{};
  trial longer_{};
  /// Which one is tried now.
  bool is_longer_ = false;
};

} // namespace reprise::actors
