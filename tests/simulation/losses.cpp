#include "tests/simulation/model/world.hpp"

#include <doctest/doctest.h>

#include <string>

namespace reprise::simulation {

namespace {

/// What the judge says of a life in which such messages are lost.
std::string said_of(loss what, std::uint64_t seed) {
  auto r = live({.seed = seed, .plant = what});
  return r.failure;
}

bool begins(const std::string& text, const std::string& with) {
  return text.rfind(with, 0) == 0;
}

constexpr std::uint64_t seeds = 5;

} // namespace

TEST_CASE("a lost wake is a timer that stands") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    auto said = said_of(loss::wake, seed);
    CHECK_MESSAGE(begins(said, "a due timer stands"), said);
  }
}

TEST_CASE("a lost offer is a task that stands beside an idle worker") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    auto said = said_of(loss::offer, seed);
    CHECK_MESSAGE(begins(said, "a task stands beside an idle worker"), said);
  }
}

TEST_CASE("a lost hand-out is a task that stands beside an idle worker") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    auto said = said_of(loss::handout, seed);
    CHECK_MESSAGE(begins(said, "a task stands beside an idle worker"), said);
  }
}

} // namespace reprise::simulation
