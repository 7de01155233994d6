#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace reprise {

/// Wall time in nanoseconds since the Unix epoch. What the API's timestamps carry; what deadlines
/// that must survive a crash are written in.
using time_point = std::chrono::sys_time<std::chrono::nanoseconds>;
using duration = std::chrono::nanoseconds;

/// The time as the server sees it. Passed in everywhere (invariant 12), so that a simulation can
/// turn it. Implementations are thread-safe.
class clock {
public:
  virtual ~clock() = default;
  /// Wall time; never goes back within one process.
  virtual time_point now() const = 0;
  /// Time for leases: counts through suspends of the machine. Its zero means nothing.
  virtual std::chrono::nanoseconds boot_time() const = 0;

  /// How far now() is ahead of the machine's wall clock, because that was set back.
  virtual duration ahead() const {
    return duration{0};
  }
};

/// A machine's clocks as they are. Thread-safe.
class raw_clocks {
public:
  virtual ~raw_clocks() = default;
  /// Since the Unix epoch. Anybody may set it, at any moment and to any time.
  virtual duration wall() const = 0;
  /// Goes on evenly, through suspends of the machine, too.
  virtual duration boot() const = 0;
};

/// Those of the machine that this process runs on.
const raw_clocks& machine_clocks();

/// A clock that can be relied on, over a machine's clocks. When the wall clock is set forward, it
/// follows. When that is set back, it goes on with boot time, and a little slower, until both meet:
/// so no history runs back, and what is waited for comes in its time.
class system_clock final : public clock {
public:
  /// It loses one part in so many while it is ahead. The same as kernels use to steer a clock: a
  /// wait of half an hour ends less than a second late, and an hour takes twelve weeks to lose.
  static constexpr std::int64_t slew = 2000;

  /// `raw` outlives this.
  explicit system_clock(const raw_clocks& raw = machine_clocks());

  time_point now() const override;
  std::chrono::nanoseconds boot_time() const override;
  duration ahead() const override;

private:
  /// What wall time is ahead of boot time, as told, at a moment of boot time. Under the lock.
  duration offset(duration machine, duration boot) const;

  const raw_clocks& raw_;
  mutable std::mutex mutex_;
  mutable duration offset_;
  /// Boot time up to which `offset_` was slewed.
  mutable duration slewed_at_;
};

} // namespace reprise
