#pragma once

#include "base/clock.hpp"
#include "protocol/cluster.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace reprise::actors {

/// Where a task's row lies in its queue's backlog: priority and seq.
using backlog_place = std::pair<int, std::int64_t>;

/// A task in a queue's memory; `row` when it was read from the backlog.
struct held_task {
  cluster::Task task{};
  std::optional<backlog_place> row{};
  /// How often it was handed out and could not be decided.
  int tries = 0;
};

/// Tells a task from every other, and from other attempts of the same.
std::string task_identity(const cluster::Task& task);

/// Whether both have the same identity.
bool same_task(const cluster::Task& a, const cluster::Task& b) noexcept;

} // namespace reprise::actors
