#pragma once

#include "base/clock.hpp"
#include "base/time_zone.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace reprise {

/// A cron expression of the public API: five fields (minute, hour, day of month, month, day of
/// week), or a shorthand (@daily, @every 90s), with an optional time zone in front (CRON_TZ= or
/// TZ=; UTC without). Sets are bits: bit n means that n is in the set. A value.
struct cron_schedule {
  std::uint64_t minutes = 0;
  std::uint64_t hours = 0;
  std::uint64_t days = 0;
  std::uint64_t months = 0;
  std::uint64_t weekdays = 0;
  /// The field was left open (*): the other one of the two decides alone. When both are
  /// restricted, a day fits by either.
  bool any_day = false;
  bool any_weekday = false;
  /// @every: steps of this length. 0: the fields count.
  duration every{0};
  std::shared_ptr<const time_zone> zone{};
};

/// Nothing when the expression is not understood.
std::optional<cron_schedule> parse_cron(std::string_view expression);

/// What the API says of an expression that no workflow can follow; empty when one can.
std::string cron_problem(std::string_view expression, time_point now);

/// The first time after `after` that fits; nothing when none does within five years.
std::optional<time_point> next_time(const cron_schedule& schedule, time_point after);

/// How long after `now` the next run begins, in whole seconds, rounded up. `base` is when the last
/// run was due: steps of @every count from there, and one that is still to come is the next.
std::optional<duration> cron_backoff(const cron_schedule& schedule, time_point base,
                                     time_point now);

} // namespace reprise
