#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace reprise::bench {

/// Unary gRPC calls of raw bytes on some connections of their own, as cheap as they can be had: one
/// thread makes the calls and handles the answers, between them there is only a completion queue.
class caller {
public:
  /// `bytes` live until it returns.
  using handler = std::function<void(const grpc::Status&, std::string_view bytes)>;

  caller(const std::string& target, std::size_t connections);
  ~caller();
  caller(const caller&) = delete;
  caller& operator=(const caller&) = delete;

  /// `path`: "/package.Service/Method". The handler runs inside of run_one().
  void call(const std::string& path, const std::string& request, std::chrono::seconds timeout,
            handler done);

  /// Handles one answer; false when none came until `deadline`.
  bool run_one(std::chrono::system_clock::time_point deadline);

  /// Makes one call and handles answers until its own has come.
  grpc::Status call_and_wait(const std::string& path, const std::string& request,
                             std::string& response);

  std::size_t under_way() const noexcept {
    return pending_.size();
  }

private:
  struct pending;

  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_{};
  grpc::CompletionQueue answered_{};
  std::size_t next_ = 0;
  std::unordered_set<pending*> pending_{};
};

/// "/temporal.api.workflowservice.v1.WorkflowService/" before a method's name.
std::string workflow_method(const std::string& name);

/// Waits until a server listens there; fails the program when none does.
void wait_for_server(const std::string& target);

} // namespace reprise::bench
