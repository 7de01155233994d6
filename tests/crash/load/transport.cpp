#include "tests/crash/load/transport.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <condition_variable>

namespace reprise::crash {

namespace {

constexpr const char* service_path = "/temporal.api.workflowservice.v1.WorkflowService/";

/// What a blocked thread waits for.
struct outcome {
  std::mutex mutex{};
  std::condition_variable arrived{};
  bool there = false;
  grpc::Status status{};

  void set(grpc::Status s) {
    std::lock_guard lock{mutex};
    status = std::move(s);
    there = true;
    // Under the lock: behind it the waiting thread may destroy this.
    arrived.notify_one();
  }

  void wait() {
    std::unique_lock lock{mutex};
    arrived.wait(lock, [this] { return there; });
  }
};

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok())
    return out;
  for (const auto& s : slices)
    out.append(reinterpret_cast<const char*>(s.begin()), s.size());
  return out;
}

} // namespace

void grpc_transport::aim_at(int port) {
  grpc::ChannelArguments arguments;
  // A connection of its own: channels to one address would share one, dead or alive.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  auto fresh = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                         grpc::InsecureChannelCredentials(), arguments);
  std::lock_guard lock{mutex_};
  channel_ = std::move(fresh);
  for (auto* context : under_way_)
    context->TryCancel();
}

result<std::string> grpc_transport::call(const std::string& method, const std::string& request,
                                         duration patience) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now()
                       + std::chrono::duration_cast<std::chrono::microseconds>(patience));
  std::shared_ptr<grpc::Channel> channel;
  {
    std::lock_guard lock{mutex_};
    if (!channel_)
      return make_error(errc::unavailable, "no server yet");
    channel = channel_;
    under_way_.insert(&context);
  }
  grpc::GenericStub stub{channel};
  grpc::Slice slice{request};
  grpc::ByteBuffer sent{&slice, 1};
  grpc::ByteBuffer received;
  outcome out;
  stub.UnaryCall(&context, method.starts_with('/') ? method : service_path + method, {}, &sent,
                 &received, [&out](grpc::Status s) { out.set(std::move(s)); });
  out.wait();
  {
    std::lock_guard lock{mutex_};
    under_way_.erase(&context);
  }
  if (!out.status.ok())
    return make_error(static_cast<errc>(out.status.error_code()), out.status.error_message());
  return bytes_of(received);
}

} // namespace reprise::crash
