#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace reprise::frontend {

/// When a loop looks at its sockets again. Each look that finds one request costs a wake-up, a read
/// and a write, nearly as much as one that finds several. So while several calls wait for the store
/// anyway, a loop that has nothing else to do lets requests gather for a moment. Where they come so
/// fast that they gather by themselves, or one after the other, it looks at once.
class read_pace {
public:
  using clock = std::chrono::steady_clock;

  /// A look at this moment found so many requests; at least one.
  void found(clock::time_point now, std::size_t requests) {
    auto since = std::min(seconds(now - begun_).count(), longest_memory);
    begun_ = now;
    period_ += (since - period_) * newest_weight;
    requests_ += (static_cast<double>(requests) - requests_) * newest_weight;
  }

  /// When to look again, with so many calls that wait for the store; in the past: at once.
  clock::time_point next(std::size_t waiting) const {
    auto gathers = period_ / requests_ * good;
    if (waiting < several || gathers < worth_a_sleep)
      return begun_;
    return begun_ + std::chrono::duration_cast<clock::duration>(seconds{std::min(gathers, most)});
  }

private:
  using seconds = std::chrono::duration<double>;

  /// Fewer calls may be those of one caller, who has nobody to share with.
  static constexpr std::size_t several = 4;
  /// So many requests are worth a look.
  static constexpr double good = 6;
  static constexpr double newest_weight = 0.1;
  // In seconds from here on.
  static constexpr double most = 1e-3;
  static constexpr double worth_a_sleep = 600e-6;
  static constexpr double longest_memory = 10e-3;

  clock::time_point begun_{};
  /// Seconds between the last looks that found something, and what they found, on average.
  double period_ = 0;
  double requests_ = 1;
};

} // namespace reprise::frontend
