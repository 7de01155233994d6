#include "actors/queue/rate_limit.hpp"

#include "actors/queue/recent_pollers.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;
using actors::rate_limit;
using actors::rate_meter;
using actors::recent_pollers;

namespace {

constexpr time_point start{1'700'000'000s};

/// How many are let through until `end` when asked every millisecond.
int taken(rate_limit& limit, time_point from, time_point end) {
  auto n = 0;
  for (auto now = from; now < end; now += 1ms)
    while (limit.allows(now) && n < 100'000) {
      limit.take();
      ++n;
    }
  return n;
}

cluster::Poll poll(const std::string& identity, double rate = 0) {
  cluster::Poll p;
  p.set_identity(identity);
  p.set_max_tasks_per_second(rate);
  return p;
}

} // namespace

TEST_CASE("without a rate all is allowed") {
  rate_limit limit;
  CHECK_FALSE(limit.per_second());
  limit.set(std::nullopt, start);
  for (int i = 0; i < 1000; ++i) {
    CHECK(limit.allows(start));
    limit.take();
  }
}

TEST_CASE("at a rate of 0 nothing is allowed, until another one is set") {
  rate_limit limit;
  limit.set(0, start);
  CHECK_FALSE(limit.allows(start));
  CHECK_FALSE(limit.allows(start + 24h));
  CHECK(limit.next(start) > start);
  limit.set(2, start + 24h);
  CHECK(taken(limit, start + 24h, start + 24h + 1001ms) == 2);
  limit.set(std::nullopt, start + 25h);
  CHECK(limit.allows(start + 25h));
}

TEST_CASE("a rate lets a second's worth through at once, then as time passes") {
  rate_limit limit;
  limit.set(10, start);
  CHECK(taken(limit, start, start + 1ms) == 10);
  CHECK_FALSE(limit.allows(start));
  CHECK(taken(limit, start + 1ms, start + 5s) == 50 - 1); // the last is due at the very end
  // Rest does not pile up.
  CHECK(taken(limit, start + 1h, start + 1h + 1ms) == 10);
}

TEST_CASE("rates below one a second let one through at a time") {
  rate_limit limit;
  limit.set(0.1, start);
  CHECK(taken(limit, start, start + 1ms) == 1);
  auto next = limit.next(start);
  CHECK(next > start + 9'999ms);
  CHECK(next < start + 10'001ms);
  CHECK_FALSE(limit.allows(start + 9s));
  CHECK(limit.allows(next));
}

TEST_CASE("the moment that next() names is not too early") {
  for (double rate : {0.3, 1.0, 7.0, 333.0, 99'999.0}) {
    rate_limit limit;
    limit.set(rate, start);
    auto now = start;
    while (limit.allows(now))
      limit.take();
    for (int i = 0; i < 100; ++i) {
      now = limit.next(now);
      REQUIRE(limit.allows(now));
      limit.take();
    }
  }
}

TEST_CASE("what was taken in vain can be given back, but not saved up") {
  rate_limit limit;
  limit.set(2, start);
  limit.take();
  limit.take();
  CHECK_FALSE(limit.allows(start));
  for (int i = 0; i < 10; ++i)
    limit.give_back();
  CHECK(taken(limit, start, start + 1ms) == 2);
}

TEST_CASE("a new rate counts from now on, the same one changes nothing") {
  rate_limit limit;
  limit.set(100, start);
  CHECK(taken(limit, start, start + 1ms) == 100);
  limit.set(100, start);
  CHECK_FALSE(limit.allows(start));
  limit.set(1, start);
  CHECK_FALSE(limit.allows(start));
  CHECK(limit.allows(start + 1s));
  limit.set(1000, start + 1s);
  CHECK(limit.per_second() == 1000);
  CHECK(taken(limit, start + 1s, start + 2s) > 990);
}

TEST_CASE("a clock that goes back neither fills nor empties the bucket") {
  rate_limit limit;
  limit.set(1, start);
  limit.take();
  CHECK_FALSE(limit.allows(start - 1h));
  CHECK_FALSE(limit.allows(start + 500ms));
  CHECK(limit.allows(start + 1s));
}

TEST_CASE("a meter shows the mean of the last half minute") {
  rate_meter meter;
  CHECK(meter.per_second(start) == 0);
  for (int s = 0; s < 60; ++s)
    for (int i = 0; i < 7; ++i)
      meter.add(start + std::chrono::seconds{s});
  CHECK(meter.per_second(start + 59s) == doctest::Approx(7));
  CHECK(meter.per_second(start + 74s) == doctest::Approx(3.5));
  CHECK(meter.per_second(start + 10min) == 0);
}

TEST_CASE("pollers are listed newest first, for some minutes, one line an identity") {
  recent_pollers seen;
  seen.add(poll("a"), start);
  seen.add(poll("b", 12.5), start + 1s);
  seen.add(poll("a"), start + 2s);
  auto list = seen.list(start + 3s);
  REQUIRE(list.size() == 2);
  CHECK(list[0].identity() == "a");
  CHECK(list[0].rate_per_second() == 100'000);
  CHECK(list[0].last_access_time().seconds() == 1'700'000'002);
  CHECK(list[1].identity() == "b");
  CHECK(list[1].rate_per_second() == 12.5);
  auto later = seen.list(start + recent_pollers::kept + 1500ms);
  REQUIRE(later.size() == 1);
  CHECK(later[0].identity() == "a");
}

TEST_CASE("more pollers than are kept push out the oldest") {
  recent_pollers seen;
  constexpr int extra = 10;
  constexpr auto most = static_cast<int>(actors::queue_bounds{}.recent_pollers_max);
  for (int i = 0; i < most + extra; ++i)
    seen.add(poll("p" + std::to_string(i)), start + std::chrono::milliseconds{i});
  auto list = seen.list(start + 10s);
  REQUIRE(list.size() == most);
  CHECK(list[0].identity() == "p" + std::to_string(most + extra - 1));
  CHECK(list[most - 1].identity() == "p" + std::to_string(extra));
}
