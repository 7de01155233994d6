#include "base/clock_rule.hpp"

#include <chrono>
#include <limits>

namespace reprise {

namespace {

constexpr std::int32_t hour = 3600;
constexpr std::int64_t day_seconds = 24LL * hour;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Days since 1970 of the first of January.
std::int64_t first_day(int year) {
  using namespace std::chrono;
  return sys_days{std::chrono::year{year} / January / 1}.time_since_epoch().count();
}

} // namespace

/// Takes the text apart from left to right.
class clock_rule::reader {
public:
  explicit reader(std::string_view text) : rest_(text) {
  }

  bool at_end() const {
    return rest_.empty();
  }

  bool next_is(char c) const {
    return !rest_.empty() && rest_.front() == c;
  }

  bool take(char c) {
    if (!next_is(c))
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// The abbreviation of a zone, which nobody needs here.
  bool skip_name() {
    std::size_t length = 0;
    if (next_is('<')) {
      auto end = rest_.find('>');
      if (end == std::string_view::npos)
        return false;
      length = end + 1;
    } else {
      while (length < rest_.size() && is_letter(rest_[length]))
        ++length;
    }
    constexpr std::size_t length_min = 3;
    if (length < length_min)
      return false;
    rest_.remove_prefix(length);
    return true;
  }

  std::optional<int> number(int low, int high) {
    int out = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && is_digit(rest_[digits]) && out <= high; ++digits)
      out = out * 10 + (rest_[digits] - '0');
    rest_.remove_prefix(digits);
    if (digits == 0 || out < low || out > high)
      return std::nullopt;
    return out;
  }

  /// [+-]hh[:mm[:ss]], in seconds.
  std::optional<std::int32_t> time(int hours_max) {
    auto sign = take('-') ? -1 : 1;
    if (sign == 1)
      take('+');
    auto hours = number(0, hours_max);
    if (!hours)
      return std::nullopt;
    auto out = *hours * hour;
    for (auto unit : {60, 1}) {
      if (!take(':'))
        break;
      auto part = number(0, 59);
      if (!part)
        return std::nullopt;
      out += *part * unit;
    }
    return sign * out;
  }

private:
  std::string_view rest_;
};

std::optional<clock_rule::yearly> clock_rule::read_yearly(reader& in) {
  yearly out;
  std::optional<int> day;
  if (in.take('M')) {
    out.form = yearly::kind::weekday_of_month;
    auto month = in.number(1, 12);
    auto week = in.take('.') ? in.number(1, 5) : std::nullopt;
    if (!month || !week || !in.take('.'))
      return std::nullopt;
    out.month = *month;
    out.week = *week;
    day = in.number(0, 6);
  } else if (in.take('J')) {
    out.form = yearly::kind::day_without_leap;
    day = in.number(1, 365);
  } else {
    day = in.number(0, 365);
  }
  if (!day)
    return std::nullopt;
  out.day = *day;
  if (!in.take('/'))
    return out;
  constexpr int hours_of_a_week = 167;
  auto seconds = in.time(hours_of_a_week);
  if (!seconds)
    return std::nullopt;
  out.seconds = *seconds;
  return out;
}

bool clock_rule::read_changes(reader& in, clock_rule& out) {
  if (in.at_end()) {
    // Without dates, those of the United States.
    out.begin_ = {.form = yearly::kind::weekday_of_month, .month = 3, .week = 2};
    out.end_ = {.form = yearly::kind::weekday_of_month, .month = 11, .week = 1};
    return true;
  }
  if (!in.take(','))
    return false;
  auto begin = read_yearly(in);
  auto end = begin && in.take(',') ? read_yearly(in) : std::nullopt;
  if (!end || !in.at_end())
    return false;
  out.begin_ = *begin;
  out.end_ = *end;
  return true;
}

std::optional<clock_rule> clock_rule::parse(std::string_view text) {
  constexpr int hours_max = 24;
  clock_rule out;
  reader in{text};
  // West of Greenwich counts as positive there.
  auto west = in.skip_name() ? in.time(hours_max) : std::nullopt;
  if (!west)
    return std::nullopt;
  out.standard_ = -*west;
  if (in.at_end())
    return out;
  out.has_summer_ = true;
  out.summer_ = out.standard_ + hour;
  if (!in.skip_name())
    return std::nullopt;
  if (!in.at_end() && !in.next_is(',')) {
    auto summer = in.time(hours_max);
    if (!summer)
      return std::nullopt;
    out.summer_ = -*summer;
  }
  return read_changes(in, out) ? std::optional{out} : std::nullopt;
}

std::int64_t clock_rule::yearly::in_year(int year) const {
  using namespace std::chrono;
  constexpr int february_28 = 59;
  std::int64_t days = first_day(year);
  switch (form) {
    case kind::day_without_leap:
      days += day - 1 + (std::chrono::year{year}.is_leap() && day > february_28 ? 1 : 0);
      break;
    case kind::day:
      days += day;
      break;
    case kind::weekday_of_month: {
      auto in_month = std::chrono::year{year} / std::chrono::month{static_cast<unsigned>(month)};
      constexpr int last = 5;
      std::chrono::weekday on{static_cast<unsigned>(day)};
      auto date = week == last ? sys_days{in_month / on[std::chrono::last]}
                               : sys_days{in_month / on[static_cast<unsigned>(week)]};
      days = date.time_since_epoch().count();
      break;
    }
  }
  return days * day_seconds + seconds;
}

std::int32_t clock_rule::offset_at(std::int64_t at) const {
  if (!has_summer_)
    return standard_;
  using namespace std::chrono;
  year_month_day date{floor<days>(sys_seconds{seconds{at}})};
  auto now = standard_;
  auto since = std::numeric_limits<std::int64_t>::min();
  // A change may belong to the year before or behind. In order, so that of two at one moment, as
  // where summer never ends, the later one holds.
  for (auto year : {int{date.year()} - 1, int{date.year()}, int{date.year()} + 1}) {
    auto consider = [&](std::int64_t moment, std::int32_t offset) {
      if (moment <= at && moment >= since) {
        since = moment;
        now = offset;
      }
    };
    consider(begin_.in_year(year) - standard_, summer_);
    consider(end_.in_year(year) - summer_, standard_);
  }
  return now;
}

} // namespace reprise
