#include "base/clock.hpp"

#include <atomic>
#include <ctime>

namespace reprise {

namespace {

std::int64_t read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

} // namespace

time_point system_clock::now() const {
  // Histories must not run backwards when the machine's wall clock is set back.
  static std::atomic<std::int64_t> latest{0};
  auto read = read_clock(CLOCK_REALTIME);
  auto seen = latest.load(std::memory_order_relaxed);
  while (seen < read && !latest.compare_exchange_weak(seen, read, std::memory_order_relaxed)) {
  }
  return time_point{duration{seen < read ? read : seen}};
}

std::chrono::nanoseconds system_clock::boot_time() const {
  return std::chrono::nanoseconds{read_clock(CLOCK_BOOTTIME)};
}

} // namespace reprise
