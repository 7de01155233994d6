#pragma once

#include "base/clock.hpp"
#include "base/clock_rule.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// A time zone of the system's database (/usr/share/zoneinfo, or $TZDIR) or, where that lacks it,
/// of the data set inside the program; read once per name and kept for the life of the process.
/// Immutable, so any thread may use it.
class time_zone {
public:
  /// "Europe/Berlin", "UTC", ...; nothing when the name is unknown or the file is broken.
  static std::shared_ptr<const time_zone> find(std::string_view name);

  /// From the bytes of a zone's file; nothing when they are none.
  static std::shared_ptr<const time_zone> of_file(std::string_view bytes);

  /// What local clocks show beyond UTC at this moment.
  duration offset_at(time_point t) const;

  /// A moment at which local clocks show `local` (a time point read as if it were UTC). Of two that
  /// do in autumn, and for a time that is skipped in spring, whichever offset is found first
  /// counts, as Go's time.Date has it: with schedules, that decides.
  time_point moment_of(time_point local) const;

private:
  struct change {
    std::int64_t at = 0;
    std::int32_t offset = 0;
  };

  static std::shared_ptr<const time_zone> read(const std::string& name);

  std::int32_t first_offset_ = 0;
  std::vector<change> changes_;
  /// Holds behind the last change.
  std::optional<clock_rule> ever_after_{};
};

} // namespace reprise
