#include "frontend/waiting_calls.hpp"

#include "frontend/call.hpp"

#include <map>

namespace reprise::frontend {

waiting_calls::part& waiting_calls::part_of(const call& c) {
  // Calls lie some hundred bytes apart at least.
  auto place = reinterpret_cast<std::uintptr_t>(&c) / sizeof(call);
  return parts_[place % parts_.size()];
}

bool waiting_calls::add(const std::shared_ptr<call>& c) {
  auto& part = part_of(*c);
  std::lock_guard guard{part.mutex};
  // Seen here, or else end_all() sees the call.
  if (ended_.load(std::memory_order_acquire))
    return false;
  auto number = last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
  part.calls.try_emplace(c.get(), waiter{number, c});
  return true;
}

void waiting_calls::remove(const call& c) {
  auto& part = part_of(c);
  std::lock_guard guard{part.mutex};
  part.calls.erase(&c);
}

void waiting_calls::end_all() {
  ended_.store(true, std::memory_order_release);
  std::map<std::uint64_t, std::shared_ptr<call>> waiting;
  for (auto& part : parts_) {
    std::lock_guard guard{part.mutex};
    for (const auto& [key, w] : part.calls)
      if (auto c = w.who.lock())
        waiting.emplace(w.number, std::move(c));
  }
  // Outside the locks: each answer takes itself off the list.
  for (const auto& [number, c] : waiting)
    c->end_wait();
}

} // namespace reprise::frontend
