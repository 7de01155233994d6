#pragma once

#include "base/metrics.hpp"
#include "cli/local_server.hpp"
#include "tests/simulation/model/disk.hpp"
#include "tests/simulation/model/losses.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace reprise::simulation {

/// How a process orders what is ready to run.
enum class order : std::uint8_t {
  /// Any job with equal chance.
  any,
  /// The oldest first, now and then another.
  nearly_fifo,
  /// The newest first, now and then another.
  nearly_lifo,
  /// Actors have random ranks, which change now and then: some starve while others run.
  ranked,
};

struct process_options {
  int number = 0;
  order how = order::any;
  std::size_t memory_budget_bytes = 96U << 20;
  actors::node_bounds capacity{};
  duration lease_length{};
  std::uint64_t seed = 0;
};

/// One server process: an actor system of its own on a scheduler that runs one job at a time, when
/// it is told to, and the whole server in it. Frozen, it does nothing, as after SIGSTOP. Destroyed,
/// it is as after SIGKILL: whatever it still had in mind is gone.
class process {
public:
  /// Fate decides over its store calls; jobs of this process may run meanwhile.
  process(universe& all, disk& d, const process_options& options, loss_plan& plan,
          process_store::fate decide);
  ~process();

  process(const process&) = delete;
  process& operator=(const process&) = delete;

  /// Told when the server cannot go on.
  std::function<void()> on_failed{};

  bool frozen = false;
  /// The store is away for this one.
  bool cut_off = false;
  bool draining = false;

  int number() const noexcept {
    return options_.number;
  }

  bool has_jobs() const {
    return !frozen && coordinator_.has_job();
  }

  /// Runs one job; not when it has none.
  void run_job();
  /// Nothing: it waits for messages only.
  std::optional<time_point> next_timeout();
  /// Brings its clock to the world's.
  void catch_up();

  /// Nothing of it reaches the disk or a client any more; destroy it soon.
  void kill() noexcept {
    db_.close();
  }

  bool killed() const noexcept {
    return db_.closed();
  }

  cli::local_server& server() noexcept {
    return *server_;
  }

  void drain();

private:
  struct config : caf::actor_system_config {
    config();
  };

  std::size_t choose();

  universe& all_;
  process_options options_;
  process_store db_;
  metrics measured_;
  config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& coordinator_;
  losses losses_;
  time_point clock_begins_;
  std::unique_ptr<cli::local_server> server_;
  std::uint64_t ranks_ = 0;
};

} // namespace reprise::simulation
