#include "cluster/clock_watch.hpp"

#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <string>

namespace reprise::cluster {

namespace {

class clock_watch final : public watch_actor::base {
public:
  clock_watch(caf::actor_config& config, actors::services& shared, actors::queue_directory& queues,
              gauge& ahead, clock_watch_options options)
    : watch_actor::base(config),
      shared_(shared),
      queues_(queues),
      ahead_(ahead),
      options_(options),
      apart_(apart()),
      period_began_(shared.time.boot_time()) {
  }

  behavior_type make_behavior() override {
    delayed_send(this, options_.interval, tick_atom_v);
    return {[this](tick_atom) {
      compare();
      shared_.returns->retry();
      delayed_send(this, options_.interval, tick_atom_v);
    }};
  }

private:
  /// Wall time at the zero of the clock that delayed messages wait by.
  time_point apart() const {
    auto waited = std::chrono::duration_cast<duration>(clock().now().time_since_epoch());
    return shared_.time.now() - waited;
  }

  /// What each bound was filled to is shown for a minute or two.
  void show_peaks() {
    constexpr auto period = std::chrono::minutes{1};
    auto now = shared_.time.boot_time();
    if (now - period_began_ < period)
      return;
    period_began_ = now;
    shared_.watch.used.begin_period();
  }

  void compare() {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    ahead_.set(duration_cast<milliseconds>(shared_.time.ahead()).count());
    show_peaks();
    auto apart = this->apart();
    auto moved = apart - std::exchange(apart_, apart);
    if (moved > -options_.tolerance && moved < options_.tolerance)
      return;
    log(log_level::warn,
        "the wall clock moved by " + std::to_string(duration_cast<milliseconds>(moved).count())
          + " ms besides the time that passed: what waits for a deadline looks again");
    for (const auto& slot : shared_.slots)
      send(slot.get(), clock_atom_v);
    send(shared_.timer.get(), clock_atom_v);
    send(shared_.keeper, clock_atom_v);
    queues_.tell_clock_moved();
  }

  actors::services& shared_;
  actors::queue_directory& queues_;
  gauge& ahead_;
  clock_watch_options options_;
  time_point apart_;
  std::chrono::nanoseconds period_began_;
};

} // namespace

watch_actor spawn_clock_watch(caf::actor_system& system, actors::services& shared,
                              actors::queue_directory& queues, metrics& m, clock_watch_options o) {
  auto& ahead = m.gauge("reprise_clock_ahead_milliseconds",
                        "How far the server's time is ahead of the machine's clock, which was set "
                        "back; it is lost slowly.");
  return system.spawn<clock_watch>(shared, queues, ahead, o);
}

} // namespace reprise::cluster
