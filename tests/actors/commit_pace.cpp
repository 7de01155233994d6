#include "actors/commit_pace.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <queue>
#include <random>
#include <vector>

using namespace reprise;
using namespace std::chrono_literals;

namespace {

using pace = actors::commit_pace;
using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr auto longest = 7ms;
/// What a commit takes.
constexpr auto flush = 400us;

/// What came of a load.
struct course {
  /// From a caller's append to its commit's end, on average.
  microseconds waited{};
  double members = 0;
  double per_second = 0;
};

/// A writer with a pace, in a time of its own. Each load is looked at when it has gone on for some
/// seconds.
class world {
public:
  explicit world(pace::clock::duration most = longest) : pace_(most) {
  }

  /// Each append comes when its caller has thought about the commit of the one before, for so long
  /// on average.
  course closed(std::size_t callers, microseconds thinks) {
    for (std::size_t i = 0; i < callers; ++i)
      appends_.push(now_ + some(thinks));
    return run(3s, [&](std::size_t members) {
      for (; members > 0; --members)
        appends_.push(now_ + some(thinks));
    });
  }

  /// Appends come whatever happens, so far apart on average.
  course open(microseconds apart, std::chrono::seconds before = 3s) {
    auto next = now_;
    auto refill = [&](std::size_t) {
      for (; next < now_ + 100ms; next += some(apart))
        appends_.push(next);
    };
    refill(0);
    return run(before, refill);
  }

  /// A caller who is alone, and silent now and then.
  course bursts(std::size_t appends, microseconds thinks, microseconds silence) {
    appends_.push(now_);
    std::size_t made = 0;
    return run(
      3s, [&](std::size_t) { appends_.push(now_ + (++made % appends == 0 ? silence : thinks)); });
  }

private:
  microseconds some(microseconds average) {
    std::exponential_distribution<double> times{1.0};
    return microseconds{1}
           + microseconds{static_cast<int>(static_cast<double>(average.count()) * times(random_))};
  }

  course run(std::chrono::seconds before, const std::function<void(std::size_t)>& committed) {
    auto from = now_ + before;
    auto end = from + 3s;
    std::size_t commits = 0, count = 0;
    pace::clock::duration waited{};
    while (now_ < end) {
      now_ = std::max({now_, appends_.top(), pace_.next()});
      auto due = now_;
      now_ += flush;
      std::size_t members = 0;
      for (; !appends_.empty() && appends_.top() <= due; appends_.pop(), ++members)
        if (due >= from)
          waited += now_ - appends_.top();
      pace_.begins(due, members);
      committed(members);
      if (due < from)
        continue;
      ++commits;
      count += members;
    }
    appends_ = {};
    return {.waited = duration_cast<microseconds>(waited / count),
            .members = static_cast<double>(count) / static_cast<double>(commits),
            .per_second = static_cast<double>(count) / 3};
  }

  std::priority_queue<pace::clock::time_point, std::vector<pace::clock::time_point>, std::greater<>>
    appends_{};
  pace::clock::time_point now_{1h};
  pace pace_;
  // NOLINTNEXTLINE(bugprone-random-generator-seed): the same load at every run
  std::mt19937 random_{7};
};

/// Without any pause.
world natural() {
  return world{0ms};
}

} // namespace

TEST_CASE("a caller who is alone hardly ever waits for company") {
  CHECK(world{}.closed(1, 300us).waited < flush * 102 / 100);
  CHECK(world{}.closed(1, 100ms).waited == flush);
  // Whatever the silence between: nothing of it makes a new trial worth while.
  CHECK(world{}.bursts(200, 300us, 150ms).waited < flush * 102 / 100);
  CHECK(world{}.bursts(2000, 300us, 150ms).waited < flush * 105 / 100);
}

TEST_CASE("few callers who wait for their answers lose little by the pause") {
  for (auto thinks : {200us, 2000us})
    for (std::size_t callers : {2, 4, 8, 12}) {
      CAPTURE(callers);
      CAPTURE(thinks.count());
      auto without = natural().closed(callers, thinks);
      auto with = world{}.closed(callers, thinks);
      CHECK(with.per_second > without.per_second * 0.8);
    }
}

TEST_CASE("many callers wait until a good group is there, within bounds") {
  // 3000 appends a second: a good group would take longer than anybody is kept waiting for.
  auto slow = world{}.open(333us);
  CHECK(slow.members > 8);
  CHECK(slow.waited < longest);
  // Groups of one as a rule, at first.
  CHECK(world{}.open(600us).members > 5);
  auto fast = world{}.open(100us);
  CHECK(fast.members > 13);
  CHECK(fast.waited < 2500us);
}

TEST_CASE("a slow stream has nothing to share") {
  CHECK(world{}.open(5ms).waited < flush * 3 / 2);
}

TEST_CASE("a group that is large already has nothing to gain from a pause") {
  CHECK(world{}.closed(500, 200us).waited < 2 * flush);
}

TEST_CASE("what was learnt of one load does not slow down the next, or rush it") {
  for (auto apart : {333us, 600us}) {
    CAPTURE(apart.count());
    auto usual = world{}.open(apart).members;
    world w;
    w.closed(4, 200us);
    CHECK(w.open(apart, 2s).members > usual * 0.6);
    CHECK(w.closed(4, 200us).waited < 1ms);
    CHECK(w.open(apart, 2s).members > usual * 0.6);
    CHECK(w.closed(1, 200us).waited < flush * 102 / 100);
  }
}
