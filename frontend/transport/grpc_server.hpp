#pragma once

#include "base/result.hpp"
#include "cluster/worker_pool.hpp"
#include "frontend/service.hpp"
#include "frontend/transport/connection.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace reprise::frontend {

struct grpc_options {
  std::string ip = "127.0.0.1";
  /// 0: any free one.
  int port = 7233;
  connection_times times{};
  transport_limits limits{};
  /// Null: without TLS.
  std::shared_ptr<tls::certificates> certificates{};
};

/// The gRPC server of the public API: hands bytes to a service and bytes back. Also serves the
/// standard health and reflection services.
class grpc_server {
public:
  /// Listens at once. The connections are served by the threads that run the actors. `front` and
  /// `workers` have to outlive the server. Refused (unavailable) when the port cannot be had.
  static result<std::unique_ptr<grpc_server>> start(service& front, cluster::worker_pool& workers,
                                                    const grpc_options& options);

  virtual ~grpc_server() = default;

  /// The port that it listens on.
  virtual int port() const = 0;
  /// What health checks answer. Any thread.
  virtual void set_serving(bool serving) = 0;
  /// Takes no new calls, lets long polls return, waits until calls have ended or `patience` is
  /// over, then cancels the rest. Blocking; idempotent.
  virtual void stop(std::chrono::milliseconds patience) = 0;
};

} // namespace reprise::frontend
