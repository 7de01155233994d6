#include "tests/simulation/seeds.hpp"

TEST_CASE("no rule is broken, whatever happens: seeds 111 to 220") {
  reprise::simulation::live_all(111, 220);
}
