#pragma once

#include <chrono>
#include <cstdint>

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
};

/// The machine's clocks.
class system_clock final : public clock {
public:
  time_point now() const override;
  std::chrono::nanoseconds boot_time() const override;
};

} // namespace reprise
