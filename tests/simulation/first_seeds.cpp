#include "tests/simulation/seeds.hpp"

TEST_CASE("no rule is broken, whatever happens: seeds 1 to 110") {
  reprise::simulation::live_all(1, 110);
}
