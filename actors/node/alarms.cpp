#include "actors/node/alarms.hpp"

#include <algorithm>

namespace reprise::actors {

std::optional<alarms::alarm> alarms::set(time_point at, time_point now) {
  constexpr duration near_enough = std::chrono::milliseconds{1};
  // One that should be here already waits for a clock that was set: it says nothing about when.
  constexpr duration overdue = std::chrono::seconds{1};
  std::erase_if(waiting_, [&](const waiting& w) { return w.rings + overdue < now; });
  auto wait = std::clamp(at - now, duration{0}, longest);
  if (!waiting_.empty()) {
    auto soonest = waiting_.back().rings;
    if (soonest <= now + wait)
      return std::nullopt;
    if (waiting_.size() >= exact_max) {
      if (soonest - now <= near_enough)
        return std::nullopt;
      wait = std::min(wait, (soonest - now) / 2);
    }
  }
  waiting_.push_back({.rings = now + wait, .ticket = ++last_ticket_});
  return alarm{.ticket = last_ticket_, .wait = wait};
}

void alarms::rang(std::uint64_t ticket) {
  std::erase_if(waiting_, [ticket](const waiting& w) { return w.ticket == ticket; });
}

} // namespace reprise::actors
