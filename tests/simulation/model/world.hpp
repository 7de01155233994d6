#pragma once

#include "tests/simulation/model/client.hpp"
#include "tests/simulation/model/lateness.hpp"
#include "tests/simulation/model/worker.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace reprise::simulation {

struct report {
  /// Empty: no rule was broken.
  std::string failure{};
  std::uint64_t hash = 0;
  std::size_t steps = 0;
  std::size_t runs = 0;
  std::size_t commits = 0;
  /// What fate did, and how often.
  std::map<std::string, int> happened{};
  std::vector<std::string> lines{};
};

struct world_options {
  std::uint64_t seed = 0;
  bool print_trace = false;
  bool keep_trace = false;
  /// When all trouble is over, such a message is lost every few seconds, or it is from the
  /// beginning that a rule is not kept: a judge has to see it.
  loss plant = loss::none;
  /// The store loses the last commits that it answered, now and then.
  bool forgetful = false;
};

/// Lives one seed from beginning to end: a time of chaos, a time in which everything works and
/// nothing may be late, a time in which whoever waits is told to go on and every workflow has to
/// finish, then the end of all retentions. Everything that happens follows
/// from the seed alone.
report live(const world_options& options);

/// How to see a seed again.
std::string how_to_replay(std::uint64_t seed);

} // namespace reprise::simulation
