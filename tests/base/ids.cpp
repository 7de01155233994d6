#include "base/ids.hpp"

#include <doctest/doctest.h>

using namespace reprise;
using namespace std::chrono_literals;

TEST_CASE("a random id says of what version it is") {
  seeded_ids ids{1};
  auto last = ids.uuid4();
  for (int i = 0; i < 1000; ++i) {
    auto id = ids.uuid4();
    CHECK(is_uuid(id));
    CHECK(id[14] == '4');
    CHECK(std::string_view{"89ab"}.find(id[19]) != std::string_view::npos);
    CHECK(id != last);
    last = std::move(id);
  }
}

TEST_CASE("ids of later times sort behind those of earlier ones") {
  seeded_ids ids{1};
  time_point now{1'700'000'000s};
  auto last = ids.uuid7(now);
  for (int i = 0; i < 1000; ++i) {
    now += 1ms;
    auto id = ids.uuid7(now);
    CHECK(is_uuid(id));
    CHECK(id[14] == '7');
    CHECK(last < id);
    last = std::move(id);
  }
}
