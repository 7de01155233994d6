#include "actors/node/alarms.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace reprise;
using namespace reprise::actors;
using namespace std::chrono_literals;

namespace {

/// The scheduler's clock: keeps every message until its time.
struct clock_of_messages {
  time_point now{1'700'000'000s};
  alarms a{};
  std::multimap<time_point, std::uint64_t> messages{};

  void set(time_point at) {
    if (auto alarm = a.set(at, now))
      messages.emplace(now + alarm->wait, alarm->ticket);
  }

  /// Goes to the next message, or until `end`. True when one came.
  bool go(time_point end) {
    if (messages.empty() || messages.begin()->first > end) {
      now = end;
      return false;
    }
    now = messages.begin()->first;
    a.rang(messages.begin()->second);
    messages.erase(messages.begin());
    return true;
  }
};

} // namespace

TEST_CASE("an alarm is not set twice for what an earlier one sees to") {
  clock_of_messages c;
  c.set(c.now + 10s);
  c.set(c.now + 10s);
  c.set(c.now + 20s);
  CHECK(c.messages.size() == 1);
  c.set(c.now + 5s);
  CHECK(c.messages.size() == 2);
  CHECK(c.go(c.now + 5s));
  c.set(c.now + 100s);
  CHECK(c.messages.size() == 1);
}

TEST_CASE("whatever is asked for, it is met, by few messages") {
  std::mt19937_64 random{7};
  clock_of_messages c;
  std::size_t most = 0;
  for (int round = 0; round < 3000; ++round) {
    auto exponent = static_cast<int>(random() % 40);
    auto wanted = c.now + duration{static_cast<std::int64_t>(random() >> (63 - exponent))};
    c.set(wanted);
    most = std::max(most, c.messages.size());
    // Now and then it is met, else another wish comes first.
    if (random() % 3 != 0)
      continue;
    while (c.now < wanted) {
      c.set(wanted);
      most = std::max(most, c.messages.size());
      REQUIRE(c.go(wanted + 1ms));
    }
    CHECK(c.now <= wanted + 1ms);
  }
  CHECK(most <= 24);
}

TEST_CASE("a far moment is looked at again in between") {
  clock_of_messages c;
  c.set(c.now + 24h);
  CHECK(c.messages.begin()->first == c.now + alarms::longest);
}

TEST_CASE("an alarm from before the clock was set forward is relied on no more") {
  clock_of_messages c;
  c.set(c.now + 60s);
  c.now += 1h;
  c.set(c.now + 5s);
  CHECK(c.messages.size() == 2);
}
