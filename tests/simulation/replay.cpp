#include "tests/simulation/model/world.hpp"

#include <doctest/doctest.h>

using namespace reprise::simulation;

TEST_CASE("a seed lives the same life twice, step by step") {
  for (std::uint64_t seed : {3, 4, 5, 6, 7}) {
    auto first = live({.seed = seed, .keep_trace = true});
    auto second = live({.seed = seed, .keep_trace = true});
    INFO("seed " << seed);
    auto n = std::min(first.lines.size(), second.lines.size());
    for (std::size_t i = 0; i < n; ++i)
      REQUIRE(first.lines[i] == second.lines[i]);
    CHECK(first.hash == second.hash);
    CHECK(first.steps == second.steps);
  }
}

TEST_CASE("other seeds live other lives, and fate spares none of them") {
  std::map<std::string, int> happened;
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1000; seed < 1028; ++seed) {
    auto r = live({.seed = seed});
    hashes.insert(r.hash);
    for (const auto& [what, times] : r.happened)
      happened[what] += times;
  }
  CHECK(hashes.size() == 28);
  for (const char* what : {"kills", "freezes", "drains", "clocks set back", "clocks set forward",
                           "queue deaths", "throws", "failed read", "refused write",
                           "lost answer of a write", "late commit", "checks of live state",
                           "snapshots", "facts deleted behind a snapshot", "loads from a snapshot",
                           "loads of rows behind a snapshot", "early starts", "lost starts"}) {
    INFO(what);
    CHECK(happened[what] > 0);
  }
}
