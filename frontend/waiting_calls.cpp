#include "frontend/waiting_calls.hpp"

#include "frontend/call.hpp"

#include <map>

namespace reprise::frontend {

bool waiting_calls::add(const std::shared_ptr<call>& c) {
  std::lock_guard guard{mutex_};
  if (!ended_)
    calls_.try_emplace(c.get(), waiter{++last_number_, c});
  return !ended_;
}

void waiting_calls::remove(const call& c) {
  std::lock_guard guard{mutex_};
  calls_.erase(&c);
}

void waiting_calls::end_all() {
  std::map<std::uint64_t, std::shared_ptr<call>> waiting;
  {
    std::lock_guard guard{mutex_};
    ended_ = true;
    for (const auto& [key, w] : calls_)
      if (auto c = w.who.lock())
        waiting.emplace(w.number, std::move(c));
  }
  // Outside the lock: each answer takes itself off the list.
  for (const auto& [number, c] : waiting)
    c->end_wait();
}

} // namespace reprise::frontend
