#include "actors/commit_pace.hpp"

#include <doctest/doctest.h>

#include <queue>
#include <random>

using namespace reprise;
using namespace std::chrono_literals;

namespace {

using pace = actors::commit_pace;
using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr auto longest = 5ms;
/// What a commit takes.
constexpr auto flush = 400us;

/// What came of a load.
struct course {
  /// From a caller's append to its commit's end, on average.
  microseconds waited{};
  double members = 0;
  double per_second = 0;
};

/// A writer with a pace, in a time of its own.
class world {
public:
  /// Each append comes `thinks` after the commit of the caller's one before.
  course closed(std::size_t callers, microseconds thinks) {
    for (std::size_t i = 0; i < callers; ++i)
      appends_.push(now_ + thinks * i / callers);
    return run([&](std::size_t members) {
      for (; members > 0; --members)
        appends_.push(now_ + thinks);
    });
  }

  /// Appends come whatever happens, so far apart on average.
  course open(microseconds apart) {
    std::exponential_distribution<double> gap{1.0 / static_cast<double>(apart.count())};
    auto next = now_;
    auto refill = [&](std::size_t) {
      for (; next < now_ + 100ms; next += microseconds{1 + static_cast<int>(gap(random_))})
        appends_.push(next);
    };
    refill(0);
    return run(refill);
  }

private:
  template <class Committed>
  course run(Committed committed) {
    // The first half is for getting used to the load.
    auto half = now_ + 3s;
    auto end = now_ + 6s;
    course made;
    std::size_t commits = 0, count = 0;
    pace::clock::duration waited{};
    while (now_ < end) {
      now_ = std::max({now_, appends_.top(), pace_.next()});
      auto due = now_;
      auto done = due + flush;
      std::size_t members = 0;
      for (; !appends_.empty() && appends_.top() <= due; appends_.pop(), ++members)
        if (due >= half)
          waited += done - appends_.top();
      pace_.begins(due, members);
      now_ = done;
      committed(members);
      if (due < half)
        continue;
      ++commits;
      count += members;
    }
    made.waited = duration_cast<microseconds>(waited / count);
    made.members = static_cast<double>(count) / static_cast<double>(commits);
    made.per_second = static_cast<double>(count) / 3;
    appends_ = {};
    return made;
  }

  std::priority_queue<pace::clock::time_point, std::vector<pace::clock::time_point>, std::greater<>>
    appends_{};
  pace::clock::time_point now_{1h};
  pace pace_{longest};
  // NOLINTNEXTLINE(bugprone-random-generator-seed): the same load at every run
  std::mt19937 random_{7};
};

} // namespace

TEST_CASE("a caller who is alone hardly ever waits for company") {
  CHECK(world{}.closed(1, 300us).waited < flush * 11 / 10);
  CHECK(world{}.closed(1, 100ms).waited == flush);
}

TEST_CASE("few callers who wait for their answers lose little by the pause") {
  for (std::size_t callers : {2, 4, 8}) {
    CAPTURE(callers);
    // Without any pause: all are in a commit, or think.
    auto natural = static_cast<double>(callers) * 1e6 / (400 + 200);
    auto got = world{}.closed(callers, 200us);
    CHECK(got.per_second > natural * 0.6);
    CHECK(got.waited < 1ms);
  }
}

TEST_CASE("many callers wait until a good group is there, within bounds") {
  // 3000 appends a second: a good group would take longer than anybody is kept waiting for.
  auto slow = world{}.open(333us);
  CHECK(slow.members > 10);
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

TEST_CASE("what was learnt of one load does not slow down the next") {
  world w;
  CHECK(w.open(333us).members > 10);
  CHECK(w.closed(4, 200us).waited < 1ms);
  CHECK(w.open(333us).members > 10);
  CHECK(w.closed(1, 200us).waited < flush * 11 / 10);
}
