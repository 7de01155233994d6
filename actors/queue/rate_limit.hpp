#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace reprise::actors {

/// A bucket of tokens that fills with time, a second's worth at most. Without a rate all is
/// allowed; at a rate of 0 nothing is.
class rate_limit {
public:
  void set(std::optional<double> per_second, time_point now) noexcept {
    if (per_second == rate_)
      return;
    fill(now);
    if (per_second)
      tokens_ = rate_ ? std::min(tokens_, burst(*per_second)) : burst(*per_second);
    rate_ = per_second;
    at_ = now;
  }

  /// Nothing: no limit.
  std::optional<double> per_second() const noexcept {
    return rate_;
  }

  bool allows(time_point now) noexcept {
    fill(now);
    return !rate_ || tokens_ >= 1;
  }

  void take() noexcept {
    if (rate_)
      tokens_ -= 1;
  }

  void give_back() noexcept {
    if (rate_)
      tokens_ = std::min(tokens_ + 1, burst(*rate_));
  }

  /// As if nothing had been taken for long: there is nothing to remember of it.
  bool rests(time_point now) noexcept {
    fill(now);
    return !rate_ || tokens_ >= burst(*rate_);
  }

  /// When allows() comes true, or is to be asked again; only while it does not.
  time_point next(time_point now) const noexcept {
    constexpr double longest_s = 60;
    auto rate = rate_.value_or(0);
    auto wait = rate > 0 ? std::min((1 - tokens_) / rate, longest_s) : longest_s;
    // Rounded up: a moment too early would be in vain.
    return now + duration{static_cast<std::int64_t>(wait * 1e9) + 1};
  }

private:
  static double burst(double rate) noexcept {
    return rate > 0 ? std::max(1.0, rate) : 0;
  }

  void fill(time_point now) noexcept {
    if (rate_ && now > at_)
      tokens_ = std::min(burst(*rate_),
                         tokens_ + *rate_ * std::chrono::duration<double>(now - at_).count());
    at_ = std::max(at_, now);
  }

  std::optional<double> rate_;
  double tokens_ = 0;
  time_point at_{};
};

/// Events a second over the last half minute.
class rate_meter {
public:
  void add(time_point now) noexcept {
    auto s = second(now);
    auto& b = buckets_[static_cast<std::size_t>(s) % buckets_.size()];
    if (b.second != s)
      b = {s, 0};
    ++b.count;
  }

  double per_second(time_point now) const noexcept {
    auto s = second(now);
    std::uint64_t sum = 0;
    for (const auto& b : buckets_)
      if (b.count > 0 && s - b.second < static_cast<std::int64_t>(buckets_.size()))
        sum += b.count;
    return static_cast<double>(sum) / static_cast<double>(buckets_.size());
  }

private:
  struct bucket {
    std::int64_t second = 0;
    std::uint64_t count = 0;
  };

  static std::int64_t second(time_point t) noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
  }

  std::array<bucket, 30> buckets_{};
};

} // namespace reprise::actors
