#pragma once

#include "tests/crash/load/server_process.hpp"

#include <string>
#include <vector>

namespace reprise::crash {

struct kill_options {
  /// Names the run in what is printed.
  std::string name{};
  /// Of the server: where its store is.
  std::vector<std::string> flags{};
  std::string log_file{};
  int kills = 25;
  std::uint64_t seed = 0;
  std::size_t in_flight = 300;
  /// How long a server may take until it serves, its predecessor's lease included.
  duration patience = std::chrono::seconds{60};
};

struct kill_report {
  std::size_t orders = 0;
  /// Starts and signals.
  std::uint64_t acknowledged = 0;
  duration took{};
  /// From the launch behind a kill to the next acknowledged start or signal, sorted.
  std::vector<duration> recoveries{};
  std::vector<std::string> violations{};
};

/// Kills the server under load again and again, starts it again on its store, lets all orders come
/// to their end, and checks. Prints progress, and what was measured.
kill_report kill_again_and_again(const kill_options& options);

} // namespace reprise::crash
