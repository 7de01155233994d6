#pragma once

#include "cluster/worker_pool.hpp"
#include "frontend/service.hpp"

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/async_unary_call.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace reprise::frontend {

/// The gRPC status of a refusal: its code, text (cut to what a client takes) and detail.
grpc::Status to_status(const error& why);

/// The methods of one service of the API, as the transport knows them: raw bytes in and out, so
/// that no message is parsed or serialised twice and no generated stub is needed.
class raw_service final : public grpc::Service {
public:
  explicit raw_service(std::vector<const method*> methods);

  const std::vector<const method*>& methods() const noexcept {
    return methods_;
  }

  /// Asks the transport for the next call of method `index`.
  void request(int index, grpc::ServerContext& context, grpc::ByteBuffer& bytes,
               grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>& answer,
               grpc::ServerCompletionQueue& queue, void* tag) {
    RequestAsyncUnary(index, &context, &bytes, &answer, &queue, &queue, tag);
  }

private:
  std::vector<const method*> methods_;
};

class grpc_call;
class unknown_call;

/// Reads calls from connections, has them served, and writes the answers, those included that other
/// threads give: all on the one thread that waits here, so that a connection never waits for a lock
/// that another thread holds, and many answers cost one wake-up.
class grpc_loop final : public cluster::event_source {
public:
  grpc_loop(service& front, std::unique_ptr<grpc::ServerCompletionQueue> queue);
  ~grpc_loop() override;

  grpc_loop(const grpc_loop&) = delete;
  grpc_loop& operator=(const grpc_loop&) = delete;

  /// After the server was started and before somebody waits here: takes the calls of these
  /// services, which outlive the loop, and refuses all others.
  void accept_all(const std::vector<std::unique_ptr<raw_service>>& services,
                  grpc::AsyncGenericService& unknown);
  void wait(std::optional<time_point> until) override;
  void wake() override;
  /// After the server was shut down: waits, while somebody still waits here, for the last call to
  /// end.
  void wait_until_idle();

private:
  friend class grpc_call;
  friend class unknown_call;

  void accept(raw_service& of, int index);
  void accept(grpc::AsyncGenericService& unknown);
  void begun();
  /// From any thread: have this call's answer written.
  void post(grpc_call& answered);
  void write_answers();
  void write_answers_of_others();
  void ended();

  service& front_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::atomic<std::thread::id> thread_id_{};
  /// Answered on the thread that waits here; nobody else's.
  std::vector<grpc_call*> answered_here_;
  /// Taken by that thread; kept for its memory.
  std::vector<grpc_call*> writing_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<grpc_call*> answered_;
  bool woken_ = false;
  std::size_t calls_ = 0;
  grpc::Alarm alarm_;
};

} // namespace reprise::frontend
