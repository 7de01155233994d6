#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"

#include <google/protobuf/message_lite.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace grpc {
class Channel;
class ClientContext;
} // namespace grpc

namespace reprise::crash {

/// How the load reaches the server, wherever that is now. Thread-safe.
class transport {
public:
  virtual ~transport() = default;

  /// One call of the workflow service by its name, or of any other by its path. Blocks until it is
  /// answered or `patience` is over. Never throws: a server that is gone is an error (unavailable)
  /// like any other.
  virtual result<std::string>
  call(const std::string& method, const std::string& request, duration patience) = 0;
};

/// The same with messages.
template <class Response>
result<Response> ask(transport& to, const std::string& method,
                     const google::protobuf::MessageLite& request,
                     duration patience = std::chrono::seconds{10}) {
  auto bytes = to.call(method, request.SerializeAsString(), patience);
  if (!bytes)
    return bytes.error();
  Response response;
  if (!response.ParseFromString(*bytes))
    return make_error(errc::data_loss, "the answer to " + method + " cannot be parsed");
  return response;
}

/// Whether a failed call may have happened all the same: the server died, or nobody knows.
inline bool may_have_happened(const error& e) {
  return e.code == errc::unavailable || e.code == errc::deadline_exceeded
         || e.code == errc::cancelled;
}

/// Over gRPC, to a port that changes: every life of a server has one of its own.
class grpc_transport final : public transport {
public:
  /// New calls go to this port of 127.0.0.1; those under way are given up.
  void aim_at(int port);

  result<std::string> call(const std::string& method, const std::string& request,
                           duration patience) override;

private:
  std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;
  std::set<grpc::ClientContext*> under_way_;
};

} // namespace reprise::crash
