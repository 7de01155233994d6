#include "tests/simulation/seeds.hpp"

TEST_CASE("no rule is broken, whatever happens: seeds 221 to 300") {
  reprise::simulation::live_all(221, 300);
}
