#include "base/time_zone.hpp"

#include "base/built_in_zones.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace reprise {

using namespace std::chrono_literals;
using std::chrono::sys_days;

namespace {

constexpr std::array zones{
  "Africa/Cairo",     "Africa/Casablanca", "America/New_York", "America/Nuuk",   "America/Santiago",
  "Antarctica/Troll", "Asia/Gaza",         "Asia/Kolkata",     "Asia/Tehran",    "Australia/Sydney",
  "Europe/Berlin",    "Europe/Dublin",     "Pacific/Chatham",  "Pacific/Easter", "UTC",
};

time_point at(int year, unsigned month, unsigned day, std::chrono::nanoseconds of_day = 0ns) {
  return sys_days{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day}}
         + of_day;
}

std::string file_of(const std::string& name) {
  std::ifstream in{"/usr/share/zoneinfo/" + name, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// A file without a single change but its rule, as slim files may be.
std::string file_with_rule(const std::string& rule) {
  auto number = [](std::uint32_t n) {
    return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16),
                       static_cast<char>(n >> 8), static_cast<char>(n)};
  };
  std::string head = "TZif2" + std::string(15, '\0');
  for (auto count : {0U, 0U, 0U, 0U, 1U, 1U})
    head += number(count);
  std::string block = number(0) + std::string(2, '\0') + std::string(1, '\0');
  return head + block + head + block + "\n" + rule + "\n";
}

std::chrono::minutes offset(const std::string& rule, time_point t) {
  auto zone = time_zone::of_file(file_with_rule(rule));
  REQUIRE(zone);
  return std::chrono::duration_cast<std::chrono::minutes>(zone->offset_at(t));
}

} // namespace

TEST_CASE("the data set inside the program agrees with the machine's, in every hour to 2037") {
  for (const std::string name : zones) {
    CAPTURE(name);
    auto bytes = built_in_zone(name);
    REQUIRE(bytes);
    auto slim = time_zone::of_file(*bytes);
    REQUIRE(slim);
    auto fat = time_zone::of_file(file_of(name));
    if (!fat) {
      MESSAGE("no time zones on this machine");
      return;
    }
    int different = 0;
    for (auto t = at(2000, 1, 1); t < at(2037, 12, 31); t += 1h)
      different += slim->offset_at(t) != fat->offset_at(t) ? 1 : 0;
    CHECK(different == 0);
  }
}

TEST_CASE("a machine without zone files has the zones of the program") {
  const char* before = std::getenv("TZDIR");
  std::string kept = before != nullptr ? before : "";
  setenv("TZDIR", "/nonexistent", 1);
  // One that no other test has asked for: zones are read once.
  auto zone = time_zone::find("Australia/Lord_Howe");
  CHECK_FALSE(time_zone::find("Nowhere/Land"));
  CHECK_FALSE(time_zone::find("Australia"));
  if (before != nullptr)
    setenv("TZDIR", kept.c_str(), 1);
  else
    unsetenv("TZDIR");
  REQUIRE(zone);
  CHECK(zone->offset_at(at(2026, 1, 1)) == 11h);
  CHECK(zone->offset_at(at(2026, 7, 1)) == 10h + 30min);
  CHECK(zone->offset_at(at(2099, 1, 1)) == 11h);
}

TEST_CASE("the rule at the end of a file is read in each of its forms") {
  CHECK(offset("<+0330>-3:30", at(2040, 6, 1)) == 210min);
  CHECK(offset("EST5EDT", at(2040, 1, 1)) == -300min);
  CHECK(offset("EST5EDT", at(2040, 7, 1)) == -240min);
  CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", at(2040, 3, 25, 59min)) == 60min);
  CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", at(2040, 3, 25, 1h)) == 120min);
  CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", at(2040, 10, 28, 1h)) == 60min);
  // South of the equator summer spans the new year; a summer offset of its own.
  CHECK(offset("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", at(2041, 1, 1)) == 660min);
  CHECK(offset("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", at(2041, 6, 1)) == 630min);
  // Times before midnight and behind the day's end.
  CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", at(2040, 3, 25, 59min)) == -120min);
  CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", at(2040, 3, 25, 1h)) == -60min);
  CHECK(offset("IST-2IDT,M3.4.4/26,M10.5.0", at(2040, 3, 22, 23h + 59min)) == 120min);
  CHECK(offset("IST-2IDT,M3.4.4/26,M10.5.0", at(2040, 3, 23)) == 180min);
  // Days of the year: with 29 February counted, and without.
  CHECK(offset("AAA0BBB,59/0,J365", at(2040, 2, 29)) == 60min);
  CHECK(offset("AAA0BBB,J60/0,J365", at(2040, 2, 29)) == 0min);
  CHECK(offset("AAA0BBB,J60/0,J365", at(2040, 3, 1)) == 60min);
  // Summer that never ends.
  CHECK(offset("EST5EDT,0/0,J365/25", at(2040, 1, 1, 5h)) == -240min);
  CHECK(offset("EST5EDT,0/0,J365/25", at(2040, 12, 31)) == -240min);
}

TEST_CASE("a rule that cannot be read leaves the last offset") {
  for (const auto* rule :
       {"", "X5", "EST", "EST25", "EST5EDT,M13.1.0,M1.1.0", "EST5EDT,M3.2.0",
        "EST5EDT,M3.6.0,M1.1.0", "EST5EDT,M3.2.7,M1.1.0", "EST5EDT,J0,J1", "EST5EDT,366,1",
        "EST5EDT,M3.2.0/168,M1.1.0", "<EST5", "EST5:60", "EST5EDT,M3.2.0,M11.1.0,"})
    CHECK_MESSAGE(offset(rule, at(2040, 7, 1)) == 0min, rule);
}

TEST_CASE("what is no zone file is refused") {
  auto whole = file_with_rule("EST5");
  CHECK(time_zone::of_file(whole));
  for (std::size_t size = 0; size + 6 < whole.size(); ++size)
    CHECK_FALSE(time_zone::of_file(whole.substr(0, size)));
  CHECK_FALSE(time_zone::of_file("TZif" + std::string(200, '\0')));
}

TEST_CASE("a local time is found by the offset that comes first in the reckoning") {
  auto berlin = time_zone::find("Europe/Berlin");
  REQUIRE(berlin);
  CHECK(berlin->moment_of(at(2024, 7, 1, 12h)) == at(2024, 7, 1, 10h));
  // Skipped in spring: as if clocks had not been set yet, so they show 03:30.
  CHECK(berlin->moment_of(at(2024, 3, 31, 2h + 30min)) == at(2024, 3, 31, 90min));
  // Twice in autumn: the second.
  CHECK(berlin->moment_of(at(2024, 10, 27, 2h + 30min)) == at(2024, 10, 27, 90min));
}

} // namespace reprise
