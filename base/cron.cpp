#include "base/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

namespace reprise {

namespace {

using namespace std::chrono_literals;

struct field {
  unsigned low;
  unsigned high;
  std::vector<std::string_view> names{};
};

const std::array<field, 5>& fields() {
  static const std::array<field, 5> all{
    field{0, 59}, field{0, 23}, field{1, 31},
    field{
      1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
    field{0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}};
  return all;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned out = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty() || out > 1'000'000)
    return std::nullopt;
  return out;
}

std::optional<unsigned> value(std::string_view text, const field& f) {
  auto name = lower(text);
  for (std::size_t i = 0; i < f.names.size(); ++i)
    if (f.names[i] == name)
      return f.low + static_cast<unsigned>(i);
  return number(text);
}

/// One part of a list: *, a, a-b, each with an optional /step. `open` when it is a plain *.
std::optional<std::uint64_t> parse_range(std::string_view text, const field& f, bool& open) {
  unsigned step = 1;
  auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    auto n = number(text.substr(slash + 1));
    if (!n || *n == 0)
      return std::nullopt;
    step = *n;
    text = text.substr(0, slash);
  }
  unsigned low = f.low;
  unsigned high = f.high;
  if (text == "*" || text == "?") {
    open = open || step == 1;
  } else {
    auto dash = text.find('-');
    auto first = value(text.substr(0, dash), f);
    if (!first)
      return std::nullopt;
    low = *first;
    high = slash != std::string_view::npos ? f.high : low;
    if (dash != std::string_view::npos) {
      auto last = value(text.substr(dash + 1), f);
      if (!last)
        return std::nullopt;
      high = *last;
    }
  }
  if (low < f.low || high > f.high || low > high)
    return std::nullopt;
  std::uint64_t bits = 0;
  for (auto i = low; i <= high; i += step)
    bits |= 1ULL << i;
  return bits;
}

std::optional<std::uint64_t> parse_field(std::string_view text, const field& f, bool& open) {
  std::uint64_t bits = 0;
  open = false;
  while (true) {
    auto comma = text.find(',');
    auto part = parse_range(text.substr(0, comma), f, open);
    if (!part)
      return std::nullopt;
    bits |= *part;
    if (comma == std::string_view::npos)
      return bits;
    text = text.substr(comma + 1);
  }
}

/// "1h30m", "1.5s", "-2ms": numbers with units, as Go writes durations.
std::optional<duration> parse_duration(std::string_view text) {
  static const std::array<std::pair<std::string_view, double>, 7> units{
    {{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}}};
  double sign = 1;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (text == "0")
    return duration{0};
  if (text.empty())
    return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    auto digits = text.find_first_not_of("0123456789.");
    double amount = 0;
    if (digits == std::string_view::npos || digits == 0)
      return std::nullopt;
    auto [end, ec] = std::from_chars(text.data(), text.data() + digits, amount);
    if (ec != std::errc{} || end != text.data() + digits)
      return std::nullopt;
    text.remove_prefix(digits);
    auto name = text.substr(0, text.find_first_of("0123456789."));
    auto unit = std::find_if(units.begin(), units.end(), [&](auto& u) { return u.first == name; });
    if (unit == units.end())
      return std::nullopt;
    text.remove_prefix(name.size());
    sum += amount * unit->second;
  }
  if (sum > 9e18)
    return std::nullopt;
  return duration{static_cast<std::int64_t>(sign * sum)};
}

std::string_view trim(std::string_view text) {
  auto first = text.find_first_not_of(" \t\n\r\v\f");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\n\r\v\f") - first + 1);
}

std::optional<cron_schedule> parse_descriptor(std::string_view text, cron_schedule out) {
  constexpr std::string_view every = "@every ";
  if (text.starts_with(every)) {
    auto step = parse_duration(trim(text.substr(every.size())));
    if (!step)
      return std::nullopt;
    out.every = std::max<duration>(std::chrono::floor<std::chrono::seconds>(*step), 1s);
    return out;
  }
  static const std::array<std::pair<std::string_view, std::string_view>, 7> short_forms{
    {{"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"},
     {"@monthly", "0 0 1 * *"},
     {"@weekly", "0 0 * * 0"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@hourly", "0 * * * *"}}};
  for (const auto& [name, fields_of] : short_forms) {
    if (text != name)
      continue;
    auto parsed = parse_cron(fields_of);
    if (parsed)
      parsed->zone = out.zone;
    return parsed;
  }
  return std::nullopt;
}

bool day_fits(const cron_schedule& s, std::chrono::sys_days day) {
  std::chrono::year_month_day date{day};
  std::chrono::weekday weekday{day};
  if ((s.months >> static_cast<unsigned>(date.month()) & 1) == 0)
    return false;
  bool by_day = (s.days >> static_cast<unsigned>(date.day()) & 1) != 0;
  bool by_weekday = (s.weekdays >> weekday.c_encoding() & 1) != 0;
  return s.any_day || s.any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/// The first moment of a local day that fits and lies after `after`.
std::optional<time_point> first_of_day(const cron_schedule& s, std::chrono::sys_days day,
                                       time_point after) {
  std::optional<time_point> best;
  for (int hour = 0; hour < 24; ++hour) {
    if ((s.hours >> hour & 1) == 0)
      continue;
    for (int minute = 0; minute < 60; ++minute) {
      if ((s.minutes >> minute & 1) == 0)
        continue;
      for (auto moment :
           s.zone->moments_of(day + std::chrono::hours{hour} + std::chrono::minutes{minute}))
        if (moment > after && (!best || moment < *best))
          best = moment;
    }
    // Hours that come twice overlap by one; beyond that nothing later can be earlier.
    if (best && hour < 23 && *best + 2h < day + std::chrono::hours{hour} - s.zone->offset_at(*best))
      break;
  }
  return best;
}

} // namespace

std::optional<cron_schedule> parse_cron(std::string_view expression) {
  cron_schedule out;
  std::string_view zone_name = "UTC";
  for (std::string_view prefix : {"CRON_TZ=", "TZ="}) {
    if (!expression.starts_with(prefix))
      continue;
    auto space = expression.find(' ');
    if (space == std::string_view::npos)
      return std::nullopt;
    zone_name = expression.substr(prefix.size(), space - prefix.size());
    expression = expression.substr(space + 1);
    break;
  }
  out.zone = time_zone::find(zone_name);
  if (out.zone == nullptr)
    return std::nullopt;
  expression = trim(expression);
  if (expression.starts_with('@'))
    return parse_descriptor(expression, std::move(out));
  std::array<std::uint64_t, 5> sets{};
  std::array<bool, 5> open{};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    auto space = expression.find_first_of(" \t");
    auto last = i + 1 == sets.size();
    if (last != (space == std::string_view::npos))
      return std::nullopt;
    bool is_open = false;
    auto set = parse_field(expression.substr(0, space), fields()[i], is_open);
    if (!set)
      return std::nullopt;
    sets[i] = *set;
    open[i] = is_open;
    if (!last)
      expression = trim(expression.substr(space + 1));
  }
  out.minutes = sets[0];
  out.hours = sets[1];
  out.days = sets[2];
  out.months = sets[3];
  out.weekdays = sets[4];
  out.any_day = open[2];
  out.any_weekday = open[4];
  return out;
}

std::string cron_problem(std::string_view expression, time_point now) {
  auto schedule = parse_cron(expression);
  if (!schedule)
    return "invalid CronSchedule.";
  if (!next_time(*schedule, now))
    return "invalid CronSchedule, no time can be found to satisfy the schedule";
  return {};
}

std::optional<time_point> next_time(const cron_schedule& schedule, time_point after) {
  auto whole = std::chrono::floor<std::chrono::seconds>(after);
  if (schedule.every.count() > 0)
    return whole + schedule.every;
  constexpr int days_max = 5 * 366;
  auto local = after + schedule.zone->offset_at(after);
  // A day early: where clocks go back over midnight, yesterday's local times are still to come.
  auto day = std::chrono::floor<std::chrono::days>(local) - std::chrono::days{1};
  for (int i = 0; i < days_max; ++i, day += std::chrono::days{1})
    if (day_fits(schedule, day))
      if (auto found = first_of_day(schedule, day, after))
        return found;
  return std::nullopt;
}

std::optional<duration> cron_backoff(const cron_schedule& schedule, time_point base,
                                     time_point now) {
  std::optional<time_point> next;
  if (schedule.every.count() > 0) {
    next = next_time(schedule, base);
    if (*next < now) {
      auto steps = (now - *next + schedule.every - duration{1}) / schedule.every;
      *next += steps * schedule.every;
    }
  } else {
    next = next_time(schedule, std::max(base, now - duration{1}));
  }
  if (!next)
    return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(*next - now);
}

} // namespace reprise
