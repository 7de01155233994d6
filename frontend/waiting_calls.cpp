#include "frontend/waiting_calls.hpp"

#include "frontend/call.hpp"

#include <vector>

namespace reprise::frontend {

bool waiting_calls::add(const std::shared_ptr<call>& c) {
  std::lock_guard guard{mutex_};
  if (!ended_)
    calls_.emplace(c.get(), c);
  return !ended_;
}

void waiting_calls::remove(const call& c) {
  std::lock_guard guard{mutex_};
  calls_.erase(&c);
}

void waiting_calls::end_all() {
  std::vector<std::shared_ptr<call>> waiting;
  {
    std::lock_guard guard{mutex_};
    ended_ = true;
    for (const auto& [key, weak] : calls_)
      if (auto c = weak.lock())
        waiting.push_back(std::move(c));
  }
  // Outside the lock: each answer takes itself off the list.
  for (const auto& c : waiting)
    c->end_wait();
}

} // namespace reprise::frontend
