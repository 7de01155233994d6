#include "frontend/grpc_server.hpp"

#include "frontend/grpc_health.hpp"
#include "frontend/grpc_loop.hpp"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <absl/synchronization/mutex.h>

#include <map>

namespace reprise::frontend {

namespace {

constexpr int transport_bytes_max = 64 << 20;
constexpr const char* workflow_service = "temporal.api.workflowservice.v1.WorkflowService";
constexpr const char* operator_service = "temporal.api.operatorservice.v1.OperatorService";

void add_keep_alive(grpc::ServerBuilder& builder) {
  constexpr int second = 1000;
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60 * second);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10 * second);
  // Clients may ping every 10 s, also while they have no call.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10 * second);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 120 * second);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 300 * second);
  // Longer than the longest poll, so that none is cut.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 70 * second);
}

class server final : public grpc_server {
public:
  server(service& front, cluster::worker_pool& workers) : front_(front), workers_(workers) {
    std::map<std::string, std::vector<const method*>> by_service;
    for (const auto& m : front.methods())
      by_service[m->path.substr(0, m->path.rfind('/'))].push_back(m.get());
    for (const auto& [name, methods] : by_service)
      services_.push_back(std::make_unique<raw_service>(methods));
  }

  ~server() override {
    stop(std::chrono::milliseconds{0});
  }

  bool listen(const grpc_options& options) {
    // The library's locks look for deadlocks otherwise, which costs more than the locks.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options.ip + ":" + std::to_string(options.port),
                             grpc::InsecureServerCredentials(), &port_);
    // Two processes on one port would each get half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(transport_bytes_max);
    builder.SetMaxSendMessageSize(-1);
    // The library would unpack a request of any size, and measures it only before: we do it.
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    add_keep_alive(builder);
    for (const auto& s : services_)
      builder.RegisterService(s.get());
    builder.RegisterService(&health_);
    builder.RegisterAsyncGenericService(&unknown_);
    for (std::size_t i = 0; i < workers_.num_workers(); ++i)
      loops_.push_back(std::make_unique<grpc_loop>(front_, builder.AddCompletionQueue()));
    running_ = builder.BuildAndStart();
    if (!running_ || port_ == 0)
      return false;
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      loops_[i]->accept_all(services_, unknown_);
      workers_.attach(i, loops_[i].get());
    }
    set_serving(true);
    return true;
  }

  int port() const override {
    return port_;
  }

  void set_serving(bool serving) override {
    health_.set_serving(serving);
  }

  void stop(std::chrono::milliseconds patience) override {
    if (!running_)
      return;
    front_.drain();
    health_.stop();
    running_->Shutdown(std::chrono::system_clock::now() + patience);
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      loops_[i]->wait_until_idle();
      workers_.attach(i, nullptr);
    }
    loops_.clear();
    running_->Wait();
    running_.reset();
  }

private:
  service& front_;
  cluster::worker_pool& workers_;
  std::vector<std::unique_ptr<raw_service>> services_;
  health_service health_{{workflow_service, operator_service}};
  grpc::AsyncGenericService unknown_;
  std::vector<std::unique_ptr<grpc_loop>> loops_;
  std::unique_ptr<grpc::Server> running_;
  int port_ = 0;
};

} // namespace

result<std::unique_ptr<grpc_server>>
grpc_server::start(service& front, cluster::worker_pool& workers, const grpc_options& options) {
  auto made = std::make_unique<server>(front, workers);
  if (!made->listen(options))
    return make_error(errc::unavailable, "cannot listen on " + options.ip + ":"
                                           + std::to_string(options.port)
                                           + "; is another server running there?");
  return std::unique_ptr<grpc_server>{std::move(made)};
}

} // namespace reprise::frontend
