#pragma once

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
  /// From now on none may wait; those that do are answered.
  void end_all();

private:
  std::mutex mutex_;
  bool ended_ = false;
  std::unordered_map<const call*, std::weak_ptr<call>> calls_;
};

} // namespace reprise::frontend
