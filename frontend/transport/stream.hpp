#pragma once

#include "frontend/service.hpp"
#include "frontend/transport/grpc_wire.hpp"
#include "frontend/transport/limits.hpp"
#include "frontend/transport/side_service.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::frontend {

class connection;

/// Who serves the calls of a path: a method of the API, or else a side service.
struct route {
  const method* api = nullptr;
  side_service* side = nullptr;
};

/// What a call still has to send, in the order in which it goes out.
class outgoing {
public:
  void push(std::string bytes) {
    unsent_ += bytes.size();
    parts_.push_back(std::move(bytes));
  }

  std::size_t size() const noexcept {
    return unsent_;
  }

  /// Messages and heads that are held, those included that are sent but not let go.
  std::size_t parts() const noexcept {
    return parts_.size();
  }

  /// Moves `count` bytes, which are there, to the end of `out`.
  void move_to(std::string& out, std::size_t count);

private:
  std::vector<std::string> parts_;
  std::size_t first_ = 0;
  std::size_t begin_ = 0;
  std::size_t unsent_ = 0;
};

/// One call on its connection: an HTTP/2 stream. Only on the thread of its loop.
class stream final : public exchange {
public:
  stream(connection& on, std::int32_t number, const transport_limits& limits)
    : number(number), request(limits.request_bytes_max), on_(on), limits_(limits) {
  }

  void send(std::string message) override;
  void finish(result<void> how) override;

  /// One header of the request.
  void take_header(std::string_view name, std::string_view value);

  /// All headers of the request were taken.
  void end_headers();

  const std::int32_t number;
  /// Who serves it; null: nobody has such a method, see path.
  const route* to = nullptr;
  std::string path{};
  caller_ptr by{};
  std::optional<std::chrono::nanoseconds> timeout{};
  /// A status other than 200: this is no gRPC call.
  int http_status = 0;
  /// It said of what kind its body is; all gRPC calls do.
  bool has_type = false;
  bool wants_head_only = false;
  /// How long its body will be; whether that is true is seen at its end, if not before.
  bool announces_body = false;
  /// Why the call is refused before it is served.
  std::optional<error> refused{};
  message_reader request;
  /// The caller has sent all.
  bool has_ended = false;
  /// The API serves it: its answer is still to come.
  call::ptr served{};
  /// Of the tasks that the answer brings; empty when it brings none, and from the moment on when
  /// the answer is on its way to the socket.
  std::vector<std::string> task_tokens{};
  outgoing response{};
  bool has_begun_response = false;
  /// All of the response is known: these are its trailers.
  std::optional<failure_trailers> trailers{};

private:
  connection& on_;
  const transport_limits& limits_;
  std::size_t header_bytes_ = 0;
};

} // namespace reprise::frontend
