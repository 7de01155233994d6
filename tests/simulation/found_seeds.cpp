#include "tests/simulation/seeds.hpp"

// Seeds that broke a rule once. What they found: executions that wrote with the epoch of a later
// ownership of their slot, on a state from before it (3091, 4629); a closed run that nobody
// deleted, since the commit of its successor had been lost and had landed (10856); a deadline that
// a timer left in the store while it held later ones (159); a server that had lost its slots and
// still erased rows of tasks which its queues held, too (178); a queue that asked a store that was
// closed to erase rows, without end (910231); a caller who was told how far its update was in a run
// that did not have it, since a deadline of that run was looked at (500).
TEST_CASE("no rule is broken again by seeds that broke one") {
  for (std::uint64_t seed : {159, 178, 500, 3091, 4629, 10856, 910231})
    reprise::simulation::live_all(seed, seed);
}
