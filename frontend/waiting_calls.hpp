#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace reprise::frontend {

class call;

/// The calls that wait for something to happen (polls, history's long polls, queries), so that a
/// server that shuts down can answer them. Thread-safe.
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

  std::mutex mutex_;
  bool ended_ = false;
  std::uint64_t last_number_ = 0;
  std::unordered_map<const call*, waiter> calls_;
};

} // namespace reprise::frontend
