#pragma once

#include "frontend/call/call.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace reprise::frontend {

class batch_worker;

/// Serves one parsed-from-bytes request: answers or fails the call, now or later.
using handler = std::function<void(const call::ptr&, std::string_view request)>;

/// One RPC of the public API, or of our own for operators.
struct method {
  /// "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution".
  std::string path{};
  /// "StartWorkflowExecution".
  std::string name{};
  /// Empty: not offered by this server.
  handler serve{};
  /// Where its answer may bring tasks, which are given back when the answer cannot be sent.
  cluster::Reply::TaskPlace tasks = cluster::Reply::NOWHERE;
  /// Not of the public API: served to callers on this machine only.
  bool for_operators = false;
  counter* requests = nullptr;
  histogram* latency = nullptr;
};

/// The server's front door without a transport: used by the gRPC layer, by servers inside a test
/// process and by the simulation. Thread-safe.
class service {
public:
  /// `back` and `measured` have to outlive the service and all its calls.
  service(backend& back, server_facts facts, metrics& measured, const front_limits& limits = {});
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// All methods of the public API, offered or not, and our own; fixed after construction.
  const std::vector<std::unique_ptr<method>>& methods() const noexcept {
    return methods_;
  }

  metrics& measured() const noexcept {
    return measured_;
  }

  /// The clock of every deadline.
  const clock& time() const noexcept {
    return parts_.back.time();
  }

  /// For so long a call may wait for what is not there yet.
  duration longest_poll() const noexcept {
    return std::max(parts_.limits.task_poll_max, parts_.limits.history_poll_max);
  }

  /// Null when the API has no such method.
  const method* find(const std::string& path) const;

  /// What calls of a client with these headers have in common; may be kept for later calls.
  caller_ptr caller_of(headers said) const;

  /// Serves one RPC. `done` is called exactly once, perhaps before this returns. `request` need
  /// not outlive this call. The handle's cancel() says that the caller is gone.
  call::ptr serve(const method& what, std::string_view request, caller_ptr by,
                  std::optional<time_point> deadline, response_handler done);

  /// The same by name, for callers that look up nothing; an unknown one answers UNIMPLEMENTED.
  call::ptr serve(const std::string& path, std::string_view request, headers said,
                  std::optional<time_point> deadline, response_handler done);

  /// Of the tasks that this method's answer brings.
  static std::vector<std::string> task_tokens_of(const method& of, std::string_view response);

  /// Nothing was sent of an answer that brings the task of this token, and nothing will be that
  /// anybody hears: the task is for others.
  void give_back(std::string_view task_token);

  /// Lets the calls that wait be answered, and lets none wait from now on.
  void drain();

  /// Called for each failure that a caller is told (for health: UNAVAILABLE). Set before serving.
  void on_failure(std::function<void(const error&)> see) {
    see_failure_ = std::move(see);
  }

private:
  void add_methods(metrics& measured);
  void count_failure(const method& what, const error& why);

  parts parts_;
  metrics& measured_;
  std::function<void(const error&)> see_failure_;
  std::vector<std::unique_ptr<method>> methods_;
  std::unordered_map<std::string, method*> by_path_;
  std::unique_ptr<batch_worker> batches_;
};

} // namespace reprise::frontend
