#pragma once

#include <functional>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace reprise::actors {

/// Whoever wants to hear of something that happens seldom. Thread-safe.
template <class... What>
class listener {
public:
  /// Null: nobody. Returns when nobody is being told any more.
  void set(std::function<void(What...)> hear) {
    std::unique_lock lock{mutex_};
    hear_ = std::move(hear);
  }

  void tell(What... what) const {
    std::shared_lock lock{mutex_};
    if (hear_)
      hear_(what...);
  }

private:
  mutable std::shared_mutex mutex_;
  std::function<void(What...)> hear_;
};

} // namespace reprise::actors
