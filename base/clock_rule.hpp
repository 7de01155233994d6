#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace reprise {

/// The rule by which a zone's clocks change every year, for ever: the POSIX TZ string at the end
/// of a zone file ("CET-1CEST,M3.5.0,M10.5.0/3"), with the wider hours of RFC 8536. A value.
class clock_rule {
public:
  /// Nothing when the text is no such rule.
  static std::optional<clock_rule> parse(std::string_view text);

  /// Seconds that local clocks show beyond UTC at this moment (seconds since 1970).
  std::int32_t offset_at(std::int64_t at) const;

private:
  /// A moment of each year, by its local clock.
  struct yearly {
    enum class kind : std::uint8_t {
      /// 1 to 365: 29 February is never counted.
      day_without_leap,
      /// 0 to 365: 29 February is counted.
      day,
      /// The nth weekday of a month; the fifth is the last.
      weekday_of_month,
    };
    kind form = kind::day;
    int day = 0;
    int month = 0;
    int week = 0;
    std::int32_t seconds = 2 * 3600;

    std::int64_t in_year(int year) const;
  };

  class reader;
  static std::optional<yearly> read_yearly(reader& in);
  static bool read_changes(reader& in, clock_rule& out);

  std::int32_t standard_ = 0;
  std::int32_t summer_ = 0;
  bool has_summer_ = false;
  yearly begin_{};
  yearly end_{};
};

} // namespace reprise
