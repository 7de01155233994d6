#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <mutex>

namespace reprise::store::mysql {

/// How often a server that cannot be reached is tried: one attempt at a time, and a pause behind
/// each that grows until one succeeds. All sessions of a store ask the same gate, so that a server
/// which comes back under load is not met by thousands of connections a second. Thread-safe.
class reconnect_gate {
public:
  using moment = std::chrono::steady_clock::time_point;

  reconnect_gate(duration first, duration last) : first_(first), last_(last), pause_(first) {
  }

  /// True: connect, and say what became of it. False: not yet; as if it had failed again.
  bool may_try(moment now) {
    std::lock_guard guard{mutex_};
    if (!is_away_)
      return true;
    if (is_tried_ || now < next_)
      return false;
    is_tried_ = true;
    return true;
  }

  void succeeded() {
    std::lock_guard guard{mutex_};
    is_away_ = is_tried_ = false;
    pause_ = first_;
  }

  void failed(moment now) {
    std::lock_guard guard{mutex_};
    // Those that began together count once.
    if (is_away_ && !is_tried_)
      return;
    if (is_away_)
      pause_ = std::min(pause_ * 2, last_);
    is_away_ = true;
    is_tried_ = false;
    next_ = now + std::chrono::duration_cast<moment::duration>(pause_);
  }

private:
  const duration first_;
  const duration last_;
  std::mutex mutex_;
  bool is_away_ = false;
  /// Somebody knocks right now.
  bool is_tried_ = false;
  duration pause_;
  moment next_{};
};

} // namespace reprise::store::mysql
