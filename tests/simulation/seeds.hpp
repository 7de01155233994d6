#pragma once

#include "tests/simulation/model/world.hpp"

#include <doctest/doctest.h>

#include <string>

namespace reprise::simulation {

/// Every seed of the range; stops at the first that breaks a rule.
inline void live_all(std::uint64_t first, std::uint64_t last) {
  for (auto seed = first; seed <= last; ++seed) {
    auto r = live({.seed = seed});
    INFO("seed " << seed << " failed; " << how_to_replay(seed));
    REQUIRE(r.failure == "");
    CHECK(r.commits > 0);
  }
}

} // namespace reprise::simulation
