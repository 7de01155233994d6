#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace reprise::frontend {

/// Workers that said a moment ago that they end, by namespace and instance key: a poll of theirs
/// that is still on its way must not take a task. Bounded: the oldest gives way. Thread-safe; while
/// there is none, looking is one read.
class leaving_workers {
public:
  struct bounds {
    duration kept = std::chrono::seconds{30};
    std::size_t workers_max = 10'000;
  };

  explicit leaving_workers(bounds b) : bounds_(b) {
  }

  void add(const std::string& namespace_id, const std::string& instance_key, time_point now) {
    std::lock_guard guard{mutex_};
    std::erase_if(left_, [&](const auto& w) { return w.second + bounds_.kept <= now; });
    if (left_.size() >= bounds_.workers_max)
      left_.erase(std::min_element(left_.begin(), left_.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      }));
    left_[{namespace_id, instance_key}] = now;
    size_.store(left_.size(), std::memory_order_release);
  }

  bool contains(const std::string& namespace_id, const std::string& instance_key,
                time_point now) const {
    if (size_.load(std::memory_order_acquire) == 0 || instance_key.empty())
      return false;
    std::lock_guard guard{mutex_};
    auto found = left_.find({namespace_id, instance_key});
    return found != left_.end() && now < found->second + bounds_.kept;
  }

private:
  const bounds bounds_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, time_point> left_;
  std::atomic<std::size_t> size_{0};
};

} // namespace reprise::frontend
