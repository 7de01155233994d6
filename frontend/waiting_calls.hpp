#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace reprise::frontend {

class call;

/// The calls that wait for something to happen (polls, history's long polls, queries), so that a
/// server that shuts down can answer them. Thread-safe, in parts that do not wait for each other.
class waiting_calls {
public:
  /// False when the server drains: the call is not to wait.
  bool add(const std::shared_ptr<call>& c);
  void remove(const call& c);
  /// From now on none may wait; those that do are answered, who came first first.
  void end_all();

private:
  struct waiter {
    std::uint64_t number = 0;
    std::weak_ptr<call> who{};
  };

  struct alignas(64) part {
    std::mutex mutex{};
    std::unordered_map<const call*, waiter> calls{};
  };

  part& part_of(const call& c);

  std::array<part, 64> parts_;
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> last_number_{0};
};

} // namespace reprise::frontend
