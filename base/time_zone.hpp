#pragma once

#include "base/clock.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// A time zone of the system's database (/usr/share/zoneinfo, or $TZDIR), read once per name and
/// kept for the life of the process. Immutable, so any thread may use it.
class time_zone {
public:
  /// "Europe/Berlin", "UTC", ...; nothing when the name is unknown or the file is broken.
  static std::shared_ptr<const time_zone> find(std::string_view name);

  /// What local clocks show beyond UTC at this moment.
  duration offset_at(time_point t) const;

  /// The moments at which local clocks show `local` (a time point read as if it were UTC): none in
  /// the hour that is skipped in spring, two in the one that comes twice in autumn, in order.
  std::vector<time_point> moments_of(time_point local) const;

private:
  struct change {
    std::int64_t at = 0;
    std::int32_t offset = 0;
  };

  static std::shared_ptr<const time_zone> read(const std::string& name);
  static bool parse(const std::string& bytes, time_zone& out);

  std::int32_t first_offset_ = 0;
  std::vector<change> changes_;
};

} // namespace reprise
