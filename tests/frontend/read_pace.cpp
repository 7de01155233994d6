#include "frontend/transport/read_pace.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;

namespace {

/// How long a loop lets requests gather, after many looks so far apart that found so many each.
std::chrono::microseconds pause_after(std::chrono::microseconds apart, std::size_t requests,
                                      std::size_t waiting) {
  frontend::read_pace pace;
  frontend::read_pace::clock::time_point now{1h};
  for (int i = 0; i < 200; ++i, now += apart)
    pace.found(now, requests);
  return std::chrono::duration_cast<std::chrono::microseconds>(pace.next(waiting) - (now - apart));
}

} // namespace

TEST_CASE("requests gather while several calls wait for the store") {
  // 4000 a second.
  CHECK(pause_after(250us, 1, 4) == 1ms);
  CHECK(pause_after(1ms, 4, 50) == 1ms);
  // 8000 a second: six are there sooner.
  CHECK(pause_after(250us, 2, 4) < 800us);
  CHECK(pause_after(250us, 2, 4) > 700us);
}

TEST_CASE("a caller who has nobody to share with is heard at once") {
  CHECK(pause_after(250us, 1, 0) == 0us);
  CHECK(pause_after(250us, 1, 3) == 0us);
}

TEST_CASE("requests that come fast gather by themselves") {
  CHECK(pause_after(500us, 8, 30) == 0us);
}

TEST_CASE("a silence is forgotten within a few looks") {
  frontend::read_pace pace;
  frontend::read_pace::clock::time_point now{1h};
  pace.found(now, 1);
  now += 1h;
  for (int i = 0; i < 50; ++i, now += 500us)
    pace.found(now, 8);
  CHECK(pace.next(30) == now - 500us);
}
