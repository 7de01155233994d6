#pragma once

#include "tests/cli/raw_client.hpp"

#include <doctest/doctest.h>
#include <grpcpp/completion_queue.h>

#include <chrono>
#include <memory>
#include <string>

namespace reprise::testing {

/// A client that watches the health of a service.
class health_watch {
public:
  explicit health_watch(raw_client& client, const std::string& service = {}) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds{60});
    stream_ = client.stub().PrepareCall(&context_, "/grpc.health.v1.Health/Watch", &queue_);
    stream_->StartCall(nullptr);
    wait();
    std::string request;
    if (!service.empty())
      request = std::string{"\x0a"} + static_cast<char>(service.size()) + service;
    grpc::Slice slice{request};
    stream_->WriteLast(grpc::ByteBuffer{&slice, 1}, {}, nullptr);
    wait();
  }

  ~health_watch() {
    context_.TryCancel();
    if (!ended_)
      end();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  health_watch(const health_watch&) = delete;
  health_watch& operator=(const health_watch&) = delete;

  /// The status that is told next (ServingStatus); -1: the watch has ended.
  int next() {
    grpc::ByteBuffer received;
    stream_->Read(&received, nullptr);
    if (!wait())
      return -1;
    auto bytes = raw_client::text_of(received);
    return bytes.size() == 2 && bytes[0] == '\x08' ? bytes[1] : -2;
  }

  grpc::Status end() {
    ended_ = true;
    grpc::Status status;
    stream_->Finish(&status, nullptr);
    wait();
    return status;
  }

private:
  bool wait() {
    void* tag = nullptr;
    bool ok = false;
    REQUIRE(queue_.Next(&tag, &ok));
    return ok;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  bool ended_ = false;
};

} // namespace reprise::testing
