#pragma once

#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/sync_stream.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace reprise::frontend {

/// The standard service grpc.health.v1.Health. Our own, since the library's brings threads that
/// poll the API's connections beside our loops. Thread-safe.
class health_service final : public grpc::Service {
public:
  /// Clients that may watch at the same time; each costs a thread.
  static constexpr int watchers_max = 32;

  /// `names`: the services that it knows besides "" (the whole server).
  explicit health_service(const std::vector<std::string>& names);

  void set_serving(bool serving);
  /// Ends the watches, and lets none begin.
  void stop();

private:
  grpc::Status check(const grpc::ByteBuffer& request, grpc::ByteBuffer& response);
  grpc::Status watch(const grpc::ServerContext& context, const grpc::ByteBuffer& request,
                     grpc::ServerWriter<grpc::ByteBuffer>& out);
  int status_of(const std::string& name) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> names_;
  bool serving_ = false;
  bool stopped_ = false;
  int watchers_ = 0;
};

} // namespace reprise::frontend
