#include "base/clock.hpp"

#include <algorithm>
#include <ctime>

namespace reprise {

namespace {

duration read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return std::chrono::seconds{t.tv_sec} + duration{t.tv_nsec};
}

class clocks_of_this_machine final : public raw_clocks {
public:
  duration wall() const override {
    return read_clock(CLOCK_REALTIME);
  }

  duration boot() const override {
    return read_clock(CLOCK_BOOTTIME);
  }
};

} // namespace

const raw_clocks& machine_clocks() {
  static const clocks_of_this_machine clocks;
  return clocks;
}

system_clock::system_clock(const raw_clocks& raw)
  : raw_(raw), offset_(raw.wall() - raw.boot()), slewed_at_(raw.boot()) {
}

duration system_clock::offset(duration machine, duration boot) const {
  if (machine >= offset_) {
    offset_ = machine;
    slewed_at_ = boot;
  } else if (auto step = (boot - slewed_at_) / slew; step > duration{0}) {
    offset_ -= std::min(step, offset_ - machine);
    slewed_at_ = boot;
  }
  return offset_;
}

time_point system_clock::now() const {
  std::lock_guard lock{mutex_};
  // In this order: who is held up in between takes the machine's clock for a little slow, and
  // loses next to nothing; the other way round would be a leap forward.
  auto wall = raw_.wall();
  auto boot = raw_.boot();
  return time_point{boot + offset(wall - boot, boot)};
}

std::chrono::nanoseconds system_clock::boot_time() const {
  return raw_.boot();
}

duration system_clock::ahead() const {
  std::lock_guard lock{mutex_};
  auto wall = raw_.wall();
  auto boot = raw_.boot();
  return offset(wall - boot, boot) - (wall - boot);
}

} // namespace reprise
