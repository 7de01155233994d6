#pragma once

#include <cstdint>

namespace reprise::crash {

/// What the command line asks of every test here.
struct test_options {
  /// --kills N: how often each test does its harm.
  int kills = 25;
  /// --seed N: the schedule of the harm and the plans of the orders; else a random one.
  std::uint64_t seed = 0;
};

/// Filled in by main before any test runs.
inline test_options asked_for;

} // namespace reprise::crash
