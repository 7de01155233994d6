// Two actors write to one value, which no message hands from one to the other. Correct by luck: the
// second begins when the first has long ended. The thread sanitizer has to report it, or else what
// it is told of CAF (tests/support/caf_happens_before.cpp) hides races.
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <memory>
#include <thread>

namespace {

struct shared {
  int written = 0;
  /// Relaxed: tells the time, and nothing of what was written.
  std::atomic<int> times{0};
};

caf::behavior writing(caf::event_based_actor*, const std::shared_ptr<shared>& to) {
  return {[to](int) {
    ++to->written;
    to->times.fetch_add(1, std::memory_order_relaxed);
  }};
}

} // namespace

int main() {
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto value = std::make_shared<shared>();
  // Both are there before either writes: whoever lets go of the value hands it on.
  caf::actor both[] = {system.spawn<caf::detached>(writing, value),
                       system.spawn<caf::detached>(writing, value)};
  for (int i = 0; i < 2; ++i) {
    caf::anon_send(both[i], 1);
    while (value->times.load(std::memory_order_relaxed) <= i)
      std::this_thread::yield();
  }
  for (auto& a : both)
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
}
