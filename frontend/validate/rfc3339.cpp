#include "frontend/validate/search_attributes.hpp"

#include <chrono>

namespace reprise::frontend {

namespace {

/// Reads `count` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count)
    return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, count)) {
    if (c < '0' || c > '9')
      return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c))
    return false;
  text.remove_prefix(1);
  return true;
}

/// "Z" or "+hh:mm", in seconds east of Greenwich.
std::optional<int> take_zone(std::string_view& text) {
  if (take(text, 'Z'))
    return 0;
  int sign = text.starts_with('-') ? -1 : 1;
  if (!take(text, '+') && !take(text, '-'))
    return std::nullopt;
  auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':'))
    return std::nullopt;
  auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59)
    return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

/// What follows the second's point, in nanoseconds; digits behind the ninth are dropped.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  std::int64_t nanos = 0;
  std::int64_t unit = 100'000'000;
  if (!take(text, '.') && !take(text, ','))
    return 0;
  std::size_t digits = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    nanos += (text[0] - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
    ++digits;
  }
  return digits > 0 ? std::optional{nanos} : std::nullopt;
}

} // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  auto year = take_digits(text, 4);
  if (!year || !take(text, '-'))
    return std::nullopt;
  auto month = take_digits(text, 2);
  if (!month || !take(text, '-'))
    return std::nullopt;
  auto day = take_digits(text, 2);
  if (!day || !take(text, 'T'))
    return std::nullopt;
  auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':'))
    return std::nullopt;
  auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ':'))
    return std::nullopt;
  auto second = take_digits(text, 2);
  if (!second || *second > 59)
    return std::nullopt;
  auto nanos = take_fraction(text);
  auto zone = nanos ? take_zone(text) : std::nullopt;
  if (!zone || !text.empty())
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{*year},
                                   std::chrono::month{static_cast<unsigned>(*month)},
                                   std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok())
    return std::nullopt;
  auto seconds = std::int64_t{std::chrono::sys_days{date}.time_since_epoch().count()} * 86'400
                 + *hour * 3600 + *minute * 60 + *second - *zone;
  // Beyond what nanoseconds in 64 bits can say (1677 to 2262): the nearest that they can.
  constexpr std::int64_t bound = 9'223'372'035;
  if (seconds > bound || seconds < -bound)
    return seconds > 0 ? bound * 1'000'000'000 : -bound * 1'000'000'000;
  return seconds * 1'000'000'000 + *nanos;
}

} // namespace reprise::frontend
