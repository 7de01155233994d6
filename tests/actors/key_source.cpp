#include "actors/storage/key_source.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;

TEST_CASE("keys grow with time, and never fall, whatever the clock does") {
  actors::key_source keys;
  time_point now{1'700'000'000s};
  auto last = keys.next(now, 7);
  for (auto step : {0ms, 0ms, 1ms, -5000ms, 0ms, 6000ms}) {
    now += step;
    auto key = keys.next(now, 7);
    CHECK(key > last);
    last = key;
  }
  // Rows cluster by age, not by slot: a later key of the first slot stands behind all.
  auto of_last_slot = keys.next(now, 4095);
  CHECK(keys.next(now + 1ms, 0) > of_last_slot);
}
