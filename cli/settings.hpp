#pragma once

#include "actors/node/bounds.hpp"
#include "base/result.hpp"
#include "engine/machine/context.hpp"
#include "frontend/call/limits.hpp"
#include "frontend/transport/limits.hpp"
#include "store/open.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace reprise::cli {

/// How a server ends that is asked to.
struct ending {
  /// For so long it says that it is not ready, and serves on: time for those who lead clients here
  /// to look.
  duration notice{0};
  /// What calls under way have, then, before they are cut.
  duration last_calls = std::chrono::seconds{3};
};

/// What settings reach.
struct configured_limits {
  engine::limits engine{};
  frontend::front_limits front{};
  /// Of this machine; by names of our own.
  actors::node_bounds capacity{};
  actors::group_limits group{};
  store::scan_bounds scans{};
  frontend::connection_times connections{};
  ending end{};
  /// From which part of a run's updates on workers are advised to continue as new.
  double suggest_continue_part = 0.9;
};

/// Applies "key=value" settings. Refused: not in that form, or a value that does not fit. A key
/// that this server has no use for is added to `ignored`, once.
result<void> apply_dynamic_config(const std::vector<std::string>& settings,
                                  configured_limits& bounds, std::vector<std::string>& ignored);

} // namespace reprise::cli
