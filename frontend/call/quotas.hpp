#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"
#include "frontend/call/limits.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace reprise::frontend {

/// How many calls a namespace has, by its name: a second, and of those that wait at the same time.
/// Thread-safe. Takes no lock where nothing is limited.
class quotas {
public:
  /// Kept by a call as long as it waits; null: it counts nowhere.
  using place = std::shared_ptr<void>;

  struct verdict {
    std::optional<error> refusal{};
    place kept{};
  };

  /// May this call go on? `waits`: for what may be long in coming, should the method be one of
  /// those. `now`: on a clock that is never set.
  verdict admit(const rate_limits& limits, const std::string& namespace_name,
                std::string_view method, bool waits, std::chrono::nanoseconds now);

private:
  /// Tokens that come back with time.
  struct bucket {
    double tokens = 0;
    std::optional<std::chrono::nanoseconds> at{};

    bool take(const rate& most, std::chrono::nanoseconds now);
  };

  using call_count = std::shared_ptr<std::atomic<std::size_t>>;

  struct usage {
    /// By the group of calls that share a rate.
    std::array<bucket, rate_limits::group_count> rates{};
    /// Calls that wait, by method.
    std::map<std::string, call_count, std::less<>> waiting{};
  };

  /// Holds the mutex.
  usage& used_by(const std::string& namespace_name);
  bool takes_token(const rate_limits& limits, const std::string& namespace_name,
                   std::string_view method, std::chrono::nanoseconds now);
  call_count count_of(const std::string& namespace_name, std::string_view method);

  std::mutex mutex_;
  std::map<std::string, usage> used_;
};

} // namespace reprise::frontend
