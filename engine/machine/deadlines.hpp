#pragma once

#include "engine/machine/transition.hpp"

#include <optional>

namespace reprise::engine {

/// How much of what is due one transition still does: the rest stays due.
class due_budget {
public:
  /// Takes one item; false: it is for the next transition.
  bool take(const transition& t) {
    const auto& bounds = t.ctx().bounds;
    if (taken_ > 0 && (taken_ >= bounds.due_items_max || t.bytes() >= bounds.due_bytes_max))
      return false;
    ++taken_;
    return true;
  }

private:
  std::size_t taken_ = 0;
};

inline void take_earlier(std::optional<time_point>& best, std::optional<time_point> other) {
  if (other && (!best || *other < *best))
    best = other;
}

inline bool has_passed(std::optional<time_point> deadline, time_point now) {
  return deadline && *deadline <= now;
}

} // namespace reprise::engine
