#include "tests/simulation/model/world.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace reprise::simulation {

// What clients were told meanwhile may be gone with what the store lost. Everything else holds:
// nothing of another time is written, nothing stands that could go on, every workflow finishes.
TEST_CASE("lives on a store that loses the last commits that it answered") {
  constexpr std::uint64_t lives = 30;
  std::map<std::string, int> happened;
  for (std::uint64_t seed = 1; seed <= lives; ++seed) {
    auto r = live({.seed = seed, .forgetful = true});
    INFO("seed " << seed << ", forgetful");
    REQUIRE(r.failure == "");
    for (const auto& [what, times] : r.happened)
      happened[what] += times;
  }
  CHECK(happened["forgotten commit"] > 0);
  CHECK(happened["losses found by a write"] > 0);
}

} // namespace reprise::simulation
