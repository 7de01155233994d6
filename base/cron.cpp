#include "base/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
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
  if (text.starts_with('+'))
    text.remove_prefix(1);
  std::uint64_t out = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  // Beyond every field; as a step it is as good as any such number.
  constexpr std::uint64_t enough = 1000;
  return static_cast<unsigned>(std::min(out, enough));
}

std::optional<unsigned> value(std::string_view text, const field& f) {
  auto name = lower(text);
  for (std::size_t i = 0; i < f.names.size(); ++i)
    if (f.names[i] == name)
      return f.low + static_cast<unsigned>(i);
  return number(text);
}

/// One part of a list: *, a, a-b, each with an optional /step. `open` when it is a plain *. What
/// stands behind the hyphen of a * is never read.
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
  auto dash = text.find('-');
  if (auto before = text.substr(0, dash); before == "*" || before == "?") {
    if (dash != std::string_view::npos && text.find('-', dash + 1) != std::string_view::npos)
      return std::nullopt;
    open = open || step == 1;
  } else {
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

/// A list; what is empty between its commas is left out.
std::optional<std::uint64_t> parse_field(std::string_view text, const field& f, bool& open) {
  std::uint64_t bits = 0;
  open = false;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    if (comma > 0) {
      auto part = parse_range(text.substr(0, comma), f, open);
      if (!part)
        return std::nullopt;
      bits |= *part;
    }
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return bits;
}

/// "1h30m", "1.5s", "-2ms": numbers with units, as Go writes durations.
std::optional<duration> parse_duration(std::string_view text) {
  static const std::array<std::pair<std::string_view, double>, 8> units{{{"ns", 1},
                                                                         {"us", 1e3},
                                                                         {"\u00b5s", 1e3},
                                                                         {"\u03bcs", 1e3},
                                                                         {"ms", 1e6},
                                                                         {"s", 1e9},
                                                                         {"m", 6e10},
                                                                         {"h", 3.6e12}}};
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

constexpr std::string_view blanks = " \t\n\r\v\f";

std::string_view trim(std::string_view text) {
  auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<cron_schedule> parse_descriptor(std::string_view text, cron_schedule out) {
  constexpr std::string_view every = "@every ";
  if (text.starts_with(every)) {
    auto step = parse_duration(text.substr(every.size()));
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

bool holds(std::uint64_t set, unsigned n) {
  return (set >> n & 1) != 0;
}

/// A moment, and what the clocks of a zone show then.
class wall_clock {
public:
  wall_clock(const time_zone& zone, time_point at) : zone_(zone), at_(at) {
    read();
  }

  time_point at() const {
    return at_;
  }

  std::chrono::year_month_day date() const {
    return std::chrono::year_month_day{day_};
  }

  std::chrono::sys_days day() const {
    return day_;
  }

  unsigned hour() const {
    return static_cast<unsigned>(of_day_ / 1h);
  }

  unsigned minute() const {
    return static_cast<unsigned>(of_day_ % 1h / 1min);
  }

  duration of_minute() const {
    return of_day_ % 1min;
  }

  /// To where clocks show this; where none does, to a time near it.
  void set(std::chrono::sys_days day, duration of_day) {
    at_ = zone_.moment_of(day + of_day);
    read();
  }

  /// To another date, at the time that is shown now.
  void set_day(std::chrono::sys_days day) {
    set(day, of_day_);
  }

  void advance(duration d) {
    at_ += d;
    read();
  }

private:
  void read() {
    auto local = at_ + zone_.offset_at(at_);
    day_ = std::chrono::floor<std::chrono::days>(local);
    of_day_ = local - day_;
  }

  const time_zone& zone_;
  time_point at_;
  std::chrono::sys_days day_{};
  duration of_day_{0};
};

/// Goes to the first moment that fits, field by field from the month down: one that does not fit is
/// raised, with all below it at their first, until it does or the one above it turns over. A time
/// that clocks skip is met where the walk comes out behind the gap: what the API's users see.
class walk {
public:
  walk(const cron_schedule& schedule, time_point first)
    : schedule_(schedule), now_(*schedule.zone, first) {
  }

  std::optional<time_point> run() {
    constexpr int years_max = 5;
    auto last = now_.date().year() + std::chrono::years{years_max};
    while (now_.date().year() <= last)
      if (reach_month() && reach_day() && reach_hour() && reach_minute() && reach_whole_minute())
        return now_.at();
    return std::nullopt;
  }

private:
  /// Each answers false where the field above has turned over.
  bool reach_month();
  bool reach_day();
  bool reach_hour();
  bool reach_minute();
  bool reach_whole_minute();

  bool day_fits() const {
    bool by_day = holds(schedule_.days, static_cast<unsigned>(now_.date().day()));
    bool by_weekday = holds(schedule_.weekdays, std::chrono::weekday{now_.day()}.c_encoding());
    return schedule_.any_day || schedule_.any_weekday ? by_day && by_weekday : by_day || by_weekday;
  }

  /// The first step sets the fields below to their first.
  bool first_step() {
    return !std::exchange(stepped_, true);
  }

  const cron_schedule& schedule_;
  wall_clock now_;
  bool stepped_ = false;
};

bool walk::reach_month() {
  while (!holds(schedule_.months, static_cast<unsigned>(now_.date().month()))) {
    if (first_step())
      now_.set(now_.date().year() / now_.date().month() / 1, duration{0});
    auto next = now_.date().year() / now_.date().month() + std::chrono::months{1};
    now_.set_day(std::chrono::sys_days{next / 1} + (now_.date().day() - std::chrono::day{1}));
    if (now_.date().month() == std::chrono::January)
      return false;
  }
  return true;
}

bool walk::reach_day() {
  while (!day_fits()) {
    if (first_step())
      now_.set(now_.day(), duration{0});
    now_.set_day(now_.day() + std::chrono::days{1});
    // Midnight may have been skipped, or come a second time the day before.
    constexpr unsigned noon = 12;
    if (now_.hour() > noon)
      now_.advance((24 - static_cast<int>(now_.hour())) * 1h);
    else if (now_.hour() != 0)
      now_.advance(-static_cast<int>(now_.hour()) * 1h);
    if (now_.date().day() == std::chrono::day{1})
      return false;
  }
  return true;
}

bool walk::reach_hour() {
  while (!holds(schedule_.hours, now_.hour())) {
    if (first_step())
      now_.set(now_.day(), now_.hour() * 1h);
    now_.advance(1h);
    if (now_.hour() == 0)
      return false;
  }
  return true;
}

bool walk::reach_minute() {
  while (!holds(schedule_.minutes, now_.minute())) {
    stepped_ = true;
    now_.advance(1min - now_.of_minute());
    if (now_.minute() == 0)
      return false;
  }
  return true;
}

bool walk::reach_whole_minute() {
  if (now_.of_minute() == 0s)
    return true;
  stepped_ = true;
  now_.advance(1min - now_.of_minute());
  return false;
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
    expression = trim(expression.substr(space + 1));
    // A server has no place of its own.
    if (zone_name.empty() || zone_name == "Local")
      zone_name = "UTC";
    break;
  }
  out.zone = time_zone::find(zone_name);
  if (out.zone == nullptr)
    return std::nullopt;
  if (expression.starts_with('@'))
    return parse_descriptor(expression, std::move(out));
  expression = trim(expression);
  std::array<std::uint64_t, 5> sets{};
  std::array<bool, 5> open{};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    auto space = expression.find_first_of(blanks);
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
    return schedule.every > time_point::max() - whole ? time_point::max() : whole + schedule.every;
  // Where a field has no value at all, years of minutes would be walked for nothing.
  if (schedule.minutes == 0 || schedule.hours == 0 || schedule.months == 0)
    return std::nullopt;
  return walk{schedule, whole + 1s}.run();
}

std::optional<duration> cron_backoff(const cron_schedule& schedule, time_point base,
                                     time_point now) {
  std::optional<time_point> next;
  if (now < base) {
    // It ended before it was due.
    next = base;
  } else if (schedule.every.count() > 0) {
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
