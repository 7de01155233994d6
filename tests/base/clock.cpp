#include "base/clock.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>

namespace reprise {
namespace {

using namespace std::chrono_literals;

/// Clocks that only the test moves.
class turned_clocks final : public raw_clocks {
public:
  duration wall() const override {
    return boot_ + offset;
  }

  duration boot() const override {
    return boot_;
  }

  void pass(duration d) {
    boot_ += d;
  }

  /// Of wall time to boot time.
  duration offset = 20'000 * 24h;

private:
  duration boot_ = 5h;
};

struct clock_fixture {
  turned_clocks raw;
  system_clock time{raw};

  /// What the clock went on by while so much boot time passed, read every so often.
  duration gone_while(duration all, duration step) {
    auto from = time.now();
    for (duration passed{0}; passed < all; passed += step) {
      auto before = time.now();
      raw.pass(step);
      CHECK(time.now() >= before);
    }
    return time.now() - from;
  }
};

TEST_CASE_FIXTURE(clock_fixture, "a clock that nobody sets is the machine's") {
  CHECK(time.now().time_since_epoch() == raw.wall());
  CHECK(gone_while(1h, 1min) == 1h);
  CHECK(time.now().time_since_epoch() == raw.wall());
  CHECK(time.ahead() == 0s);
}

TEST_CASE_FIXTURE(clock_fixture, "a wall clock that is set forward is followed at once") {
  auto before = time.now();
  raw.offset += 24h;
  CHECK(time.now() - before == 24h);
  CHECK(time.ahead() == 0s);
}

TEST_CASE_FIXTURE(clock_fixture, "after a step back time goes on with boot time") {
  raw.offset -= 24h;
  for (auto [wait, step] : {std::pair<duration, duration>{100us, 1us}, {1s, 1ms}, {60s, 7ms}}) {
    CAPTURE(wait.count());
    auto gone = gone_while(wait, step);
    CHECK(gone <= wait);
    CHECK(gone >= wait * 99 / 100);
  }
  CHECK(time.ahead() > 24h - 1min);
}

TEST_CASE_FIXTURE(clock_fixture, "a wait of half an hour is less than a second late after a step") {
  raw.offset -= 24h;
  auto due = time.now() + 30min;
  raw.pass(30min + 1s);
  CHECK(time.now() >= due);
}

TEST_CASE_FIXTURE(clock_fixture, "a clock that is ahead meets the machine's, and then follows it") {
  raw.offset -= 10s;
  (void)time.now();
  raw.pass(10s * (system_clock::slew - 1));
  CHECK(time.ahead() > 0s);
  raw.pass(10s);
  CHECK(time.ahead() == 0s);
  CHECK(gone_while(1h, 1s) == 1h);
  CHECK(time.now().time_since_epoch() == raw.wall());
}

TEST_CASE_FIXTURE(clock_fixture, "a step back that is taken back leaves nothing") {
  raw.offset -= 1h;
  CHECK(gone_while(1min, 1s) > 59s);
  raw.offset += 1h;
  CHECK(time.ahead() == 0s);
  CHECK(time.now().time_since_epoch() == raw.wall());
}

TEST_CASE_FIXTURE(clock_fixture, "steps to and fro never turn the time back") {
  constexpr std::array<duration, 7> steps{-24h, 3s, -1ns, 24h, -1h, 1h, -24h};
  auto last = time.now();
  for (int i = 0; i < 700; ++i) {
    raw.offset += steps[static_cast<std::size_t>(i) % steps.size()];
    raw.pass(i % 3 == 0 ? 0ns : 10ms);
    auto now = time.now();
    CHECK(now >= last);
    CHECK(now.time_since_epoch() >= raw.wall());
    last = now;
  }
}

TEST_CASE_FIXTURE(clock_fixture, "a suspend counts") {
  auto before = time.now();
  raw.pass(8h);
  CHECK(time.now() - before == 8h);
}

TEST_CASE("threads that read the machine's clock see no time go back") {
  system_clock time;
  std::array<std::thread, 3> readers;
  std::atomic<std::int64_t> latest{0};
  std::atomic<int> backward{0};
  for (auto& r : readers)
    r = std::thread{[&] {
      for (int i = 0; i < 20'000; ++i) {
        auto seen = latest.load();
        auto now = time.now().time_since_epoch().count();
        if (now < seen)
          ++backward;
        while (seen < now && !latest.compare_exchange_weak(seen, now)) {
        }
      }
    }};
  for (auto& r : readers)
    r.join();
  CHECK(backward == 0);
}

} // namespace
} // namespace reprise
