#pragma once

#include "base/log.hpp"

#include <chrono>
#include <mutex>
#include <string>
#include <utility>

namespace reprise::store {

/// Logs what may happen a thousand times a second while something is broken: at most one line a
/// second, and how many were left out. Thread-safe.
class seldom {
public:
  using moment = std::chrono::steady_clock::time_point;

  void log(log_level level, const std::string& text) {
    auto line = line_at(std::chrono::steady_clock::now(), text);
    if (!line.empty())
      reprise::log(level, line);
  }

  /// What to write at that time; empty: nothing.
  std::string line_at(moment now, const std::string& text) {
    constexpr auto pause = std::chrono::seconds{1};
    std::lock_guard guard{mutex_};
    if (has_spoken_ && now - last_ < pause) {
      ++left_out_;
      return {};
    }
    has_spoken_ = true;
    last_ = now;
    auto before = std::exchange(left_out_, 0U);
    return before == 0 ? text : text + " (and " + std::to_string(before) + " such lines before)";
  }

private:
  std::mutex mutex_;
  bool has_spoken_ = false;
  moment last_{};
  unsigned left_out_ = 0;
};

} // namespace reprise::store
