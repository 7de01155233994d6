#include "tests/simulation/seeds.hpp"

// Seeds that broke a rule once. What they found: executions that wrote with the epoch of a later
// ownership of their slot, on a state from before it.
TEST_CASE("no rule is broken again by seeds that broke one") {
  for (std::uint64_t seed : {3091, 4629})
    reprise::simulation::live_all(seed, seed);
}
