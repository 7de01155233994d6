#pragma once

// A gRPC client that speaks bytes: what a server says can be looked at as it stands on the wire.

#include <doctest/doctest.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace reprise::testing {

struct raw_answer {
  grpc::Status status{};
  std::string bytes{};
};

/// A call under way; answered or cancelled before it is destroyed.
struct raw_call {
  grpc::ClientContext context{};
  grpc::ByteBuffer sent{};
  grpc::ByteBuffer received{};
  std::promise<grpc::Status> done{};
  std::future<grpc::Status> status = done.get_future();
};

class raw_client {
public:
  /// Told before a call is sent.
  using prepare_context = std::function<void(grpc::ClientContext&)>;

  explicit raw_client(int port, const std::shared_ptr<grpc::ChannelCredentials>& how
                                = grpc::InsecureChannelCredentials()) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), how, arguments);
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
  }

  std::unique_ptr<raw_call> start(const std::string& path, const std::string& request,
                                  std::chrono::milliseconds patience,
                                  const prepare_context& prepare = {}) {
    auto made = std::make_unique<raw_call>();
    made->context.set_deadline(std::chrono::system_clock::now() + patience);
    if (prepare)
      prepare(made->context);
    grpc::Slice slice{request};
    made->sent = grpc::ByteBuffer{&slice, 1};
    stub_->UnaryCall(&made->context, path, {}, &made->sent, &made->received,
                     [c = made.get()](grpc::Status s) { c->done.set_value(std::move(s)); });
    return made;
  }

  raw_answer call(const std::string& path, const std::string& request,
                  std::chrono::milliseconds patience = std::chrono::seconds{30},
                  const prepare_context& prepare = {}) {
    auto made = start(path, request, patience, prepare);
    raw_answer out{.status = made->status.get()};
    out.bytes = text_of(made->received);
    return out;
  }

  raw_answer workflow_call(const std::string& method, const google::protobuf::MessageLite& request,
                           std::chrono::milliseconds patience = std::chrono::seconds{30}) {
    return call("/temporal.api.workflowservice.v1.WorkflowService/" + method,
                request.SerializeAsString(), patience);
  }

  /// What the health service says: "SERVING", "NOT_SERVING", or the failure's text.
  std::string health(const std::string& service) {
    std::string request;
    if (!service.empty())
      request = std::string{"\x0a"} + static_cast<char>(service.size()) + service;
    auto answer = call("/grpc.health.v1.Health/Check", request);
    if (!answer.status.ok())
      return answer.status.error_message();
    if (answer.bytes == "\x08\x01")
      return "SERVING";
    return answer.bytes == "\x08\x02" ? "NOT_SERVING" : "something else";
  }

  /// One question and answer of a stream of both directions.
  std::string ask_stream(const std::string& path, const std::string& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds{30});
    grpc::CompletionQueue queue;
    auto wait = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      REQUIRE(queue.Next(&tag, &ok));
      return ok;
    };
    auto stream = stub_->PrepareCall(&context, path, &queue);
    stream->StartCall(nullptr);
    REQUIRE(wait());
    grpc::Slice slice{request};
    stream->Write(grpc::ByteBuffer{&slice, 1}, nullptr);
    REQUIRE(wait());
    grpc::ByteBuffer received;
    stream->Read(&received, nullptr);
    REQUIRE(wait());
    stream->WritesDone(nullptr);
    wait();
    grpc::Status status;
    stream->Finish(&status, nullptr);
    wait();
    return text_of(received);
  }

  grpc::GenericStub& stub() {
    return *stub_;
  }

  static std::string text_of(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    std::string out;
    if (!buffer.Valid() || !buffer.Dump(&slices).ok())
      return out;
    for (const auto& s : slices)
      out.append(reinterpret_cast<const char*>(s.begin()), s.size());
    return out;
  }

private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

} // namespace reprise::testing
