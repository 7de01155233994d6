#pragma once

// CAF's test coordinator as a server's scheduler and clock: one thread, time that only the test
// moves.

#include "base/clock.hpp"
#include "cluster/node.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/detail/test_actor_clock.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <cstddef>
#include <functional>

namespace reprise::testing {

/// The coordinator's virtual time as the machine's clocks, and the server's clock over them.
class coordinator_clock final : public clock, private raw_clocks {
public:
  explicit coordinator_clock(caf::scheduler::test_coordinator& c) : coordinator_(c) {
  }

  time_point now() const override {
    return told_.now();
  }

  std::chrono::nanoseconds boot_time() const override {
    if (at_look)
      at_look();
    return coordinator_.clock().now().time_since_epoch() + offset;
  }

  duration ahead() const override {
    return told_.ahead();
  }

  /// Time that passes while nothing runs, as in a suspended process.
  std::chrono::nanoseconds offset{std::chrono::hours{1}};
  /// By how much somebody has set the wall clock.
  duration set_by{0};
  /// Called at each look at the clock, before it.
  std::function<void()> at_look{};

private:
  duration wall() const override {
    return std::chrono::hours{24 * 20'000} + boot_time() + set_by;
  }

  duration boot() const override {
    return boot_time();
  }

  caf::scheduler::test_coordinator& coordinator_;
  system_clock told_{*this};
};

/// Delayed messages that wait for their time.
inline std::size_t pending_messages(caf::scheduler::test_coordinator& c) {
  /// Opens what CAF's test clock keeps from tests.
  struct schedule_of : caf::detail::test_actor_clock {
    static std::size_t size(caf::detail::test_actor_clock& clock) {
      return (clock.*(&schedule_of::schedule_)).size();
    }
  };

  return schedule_of::size(c.clock());
}

struct testing_config : caf::actor_system_config {
  testing_config() {
    cluster::prepare(*this);
    set("scheduler.policy", caf::atom("testing"));
  }
};

} // namespace reprise::testing
