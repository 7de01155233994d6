#include "actors/commit_pace.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;

namespace {

/// The pause behind the last of many commits of so many members each, begun so far apart.
std::chrono::microseconds pause_after(std::size_t members, std::chrono::microseconds apart) {
  actors::commit_pace pace{2ms, 4ms};
  actors::commit_pace::clock::time_point now{1h};
  for (int i = 0; i < 100; ++i, now += apart)
    pace.begins(now, members);
  return std::chrono::duration_cast<std::chrono::microseconds>(pace.next() - (now - apart));
}

} // namespace

TEST_CASE("a caller who is alone never waits for company") {
  CHECK(pause_after(1, 300us) == 0us);
  CHECK(pause_after(1, 100ms) == 0us);
}

TEST_CASE("few callers side by side share a commit every two milliseconds") {
  CHECK(pause_after(2, 2ms) == 2ms);
  CHECK(pause_after(3, 500us) == 2ms);
}

TEST_CASE("many callers wait until a good group is there, within bounds") {
  // 3000 appends a second: a good group would take longer than anybody is kept waiting for.
  CHECK(pause_after(6, 2ms) == 4ms);
  CHECK(pause_after(12, 4ms) == 4ms);
  // 5000 a second.
  auto pause = pause_after(15, 3ms);
  CHECK(pause > 3ms);
  CHECK(pause < 3500us);
  // 10,000 a second, as far apart as before or not.
  CHECK(pause_after(20, 2ms) == 2ms);
  CHECK(pause_after(40, 4ms) == 2ms);
}

TEST_CASE("a group that is large already has nothing to gain from a pause") {
  CHECK(pause_after(64, 1ms) == 0us);
  CHECK(pause_after(500, 10ms) == 0us);
}

TEST_CASE("the first commit after a silence is not taken for a slow load") {
  actors::commit_pace pace{2ms, 4ms};
  actors::commit_pace::clock::time_point now{1h};
  for (int i = 0; i < 100; ++i, now += 2ms)
    pace.begins(now, 30);
  now += 1h;
  pace.begins(now, 30);
  CHECK(pace.next() - now < 3ms);
}
