#include "base/cron.hpp"

#include <doctest/doctest.h>

namespace reprise {

using namespace std::chrono_literals;
using std::chrono::sys_days;

namespace {

time_point at(int year, unsigned month, unsigned day, std::chrono::nanoseconds of_day = 0ns) {
  return sys_days{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day}}
         + of_day;
}

time_point next(const char* expression, time_point after) {
  auto schedule = parse_cron(expression);
  REQUIRE(schedule);
  auto found = next_time(*schedule, after);
  REQUIRE(found);
  return *found;
}

} // namespace

TEST_CASE("expressions of the public API are understood") {
  for (const auto* good : {"* * * * *",
                           "*/5 0-12 1,15 JAN-MAR MON",
                           "@hourly",
                           "@every 90s",
                           "CRON_TZ=Europe/Berlin 0 12 * * *",
                           "TZ=UTC 0 0 29 2 *",
                           "0 0 * * SUN",
                           "@annually",
                           "@every -1h",
                           "*/5 1 * * MON-FRI",
                           "@daily",
                           "@every 1h30m",
                           "1,,2 * * * *",
                           "*-5 * * * *",
                           "+5 * * * *",
                           "0/99999999 * * * *",
                           "  0\t0 * * *  ",
                           "TZ=Europe/Berlin  @daily",
                           "@every 1.5\u00b5s",
                           "@every .5h"})
    CHECK_MESSAGE(parse_cron(good), good);
  for (const auto* bad : {"",
                          "x",
                          " ",
                          "* * * *",
                          "* * * * * *",
                          "60 * * * *",
                          "* 24 * * *",
                          "* * 0 * *",
                          "* * * 13 *",
                          "* * * * 8",
                          "@every",
                          "@every x",
                          "@sometimes",
                          "CRON_TZ=Nowhere/Land * * * * *",
                          "5-1 * * * *",
                          "*/0 * * * *",
                          "TZ=../etc/passwd * * * * *",
                          "CRON_TZ=UTC",
                          "99999999999 * * * *",
                          "1-2-3 * * * *",
                          "5- * * * *",
                          "5/10/2 * * * *",
                          "0 0 * * 0-7",
                          "@every  5s",
                          "@every 1h ",
                          "@daily ",
                          "@every 2562048h",
                          "CRON_TZ=europe/berlin 0 0 * * *",
                          "CRON_TZ=Foo=Bar 0 0 * * *",
                          " CRON_TZ=UTC 0 0 * * *",
                          "@every 1",
                          "-1 * * * *"})
    CHECK_FALSE_MESSAGE(parse_cron(bad), bad);
}

TEST_CASE("what is no schedule is told from what is never due") {
  auto now = at(2024, 1, 1);
  CHECK(cron_problem("0 0 29 2 *", now).empty());
  CHECK(cron_problem("every day", now) == "invalid CronSchedule.");
  for (const auto* never : {"0 0 30 2 *", ", * * * *", "* , * * *", "* * * , *", ", , , , ,"})
    CHECK_MESSAGE(cron_problem(never, now)
                    == "invalid CronSchedule, no time can be found to satisfy the schedule",
                  never);
}

TEST_CASE("the next time is the first that fits") {
  CHECK(next("*/15 * * * *", at(2024, 1, 1, 7min)) == at(2024, 1, 1, 15min));
  CHECK(next("*/15 * * * *", at(2024, 1, 1, 15min)) == at(2024, 1, 1, 30min));
  CHECK(next("0 0 29 2 *", at(2023, 1, 1)) == at(2024, 2, 29));
  CHECK(next("0 9 * * MON-FRI", at(2024, 1, 5, 10h)) == at(2024, 1, 8, 9h));
  CHECK(next("@monthly", at(2024, 1, 31)) == at(2024, 2, 1));
  CHECK(next("@every 90s", at(2024, 1, 1, 500ms)) == at(2024, 1, 1, 90s));
  SUBCASE("a day fits by either of its two fields when both are restricted") {
    CHECK(next("0 0 13 * FRI", at(2024, 1, 1)) == at(2024, 1, 5));
  }
  SUBCASE("no day fits") {
    auto never = parse_cron("0 0 30 2 *");
    REQUIRE(never);
    CHECK_FALSE(next_time(*never, at(2024, 1, 1)));
  }
}

TEST_CASE("zones are followed through the changes of their clocks") {
  CHECK(next("CRON_TZ=Europe/Berlin 0 12 * * *", at(2024, 1, 1)) == at(2024, 1, 1, 11h));
  CHECK(next("CRON_TZ=Europe/Berlin 0 12 * * *", at(2024, 7, 1)) == at(2024, 7, 1, 10h));
  // 02:30 does not come on 31 March 2024.
  CHECK(next("CRON_TZ=Europe/Berlin 30 2 * * *", at(2024, 3, 30, 12h)) == at(2024, 4, 1, 30min));
  // 02:30 comes twice on 27 October 2024.
  CHECK(next("CRON_TZ=Europe/Berlin 30 2 * * *", at(2024, 10, 26, 12h)) == at(2024, 10, 27, 30min));
  CHECK(next("CRON_TZ=Europe/Berlin 30 2 * * *", at(2024, 10, 27, 30min))
        == at(2024, 10, 27, 90min));
}

TEST_CASE("a minute that clocks skip is met behind the gap when its hour is not skipped whole") {
  // Chatham goes from 02:45 to 03:45: hour 2 fits, and minute 45 comes at 03:45.
  constexpr auto* every_year = "CRON_TZ=Pacific/Chatham 45 2 26 9 *";
  CHECK(next(every_year, at(2026, 9, 1)) == at(2026, 9, 25, 14h));
  CHECK(next(every_year, at(2027, 1, 1)) == at(2027, 9, 25, 14h));
  constexpr auto* every_day = "CRON_TZ=Pacific/Chatham 45 2 * * *";
  CHECK(next(every_day, at(2027, 9, 25, 12h)) == at(2027, 9, 25, 14h));
  CHECK(next(every_day, at(2027, 9, 25, 14h)) == at(2027, 9, 26, 13h));
}

TEST_CASE("a schedule without a place is in UTC") {
  for (const auto* expression :
       {"0 12 * * *", "CRON_TZ=Local 0 12 * * *", "CRON_TZ= 0 12 * * *", "TZ=Local 0 12 * * *"})
    CHECK_MESSAGE(next(expression, at(2024, 7, 1)) == at(2024, 7, 1, 12h), expression);
}

TEST_CASE("clocks change in years behind the end of every list, too") {
  CHECK(next("CRON_TZ=Europe/Berlin 0 12 * * *", at(2051, 1, 10)) == at(2051, 1, 10, 11h));
  CHECK(next("CRON_TZ=Europe/Berlin 0 12 * * *", at(2051, 7, 10)) == at(2051, 7, 10, 10h));
}

TEST_CASE("the back-off of a cron run is in whole seconds, from when the last one was due") {
  auto every = *parse_cron("@every 10s");
  auto base = at(2024, 1, 1);
  CHECK(cron_backoff(every, base, base) == 10s);
  CHECK(cron_backoff(every, base, base + 2500ms) == 8s);
  CHECK(cron_backoff(every, base, base + 25s) == 5s);
  auto hourly = *parse_cron("@hourly");
  CHECK(cron_backoff(hourly, base, base + 10s) == 3590s);
  // A run that ended before it was due has not had its time.
  CHECK(cron_backoff(hourly, base + 1h, base + 10s) == 3590s);
  CHECK(cron_backoff(every, base + 40s, base + 10s) == 30s);
  // Beyond what a clock can show.
  auto never = *parse_cron("@every 2000000h");
  CHECK(next_time(never, time_point::max() - 1h) == time_point::max());
}

} // namespace reprise
