#pragma once

#include "base/error.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// What gRPC says on top of HTTP/2, as its protocol document defines it
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Pure; no connection is seen
// here.

namespace reprise::frontend {

/// The value of a grpc-timeout header ("100m"): at most eight digits and a unit. Nothing when it
/// cannot be read.
std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text);

/// A text as a grpc-message header has it.
std::string percent_encode(std::string_view text);

/// Bytes as a header whose name ends with -bin has them: no padding.
std::string base64_encode(std::string_view bytes);

/// How a call failed, as its trailers say it.
struct failure_trailers {
  std::string status{};
  std::string message{};
  /// A google.rpc.Status in base64; empty: the failure has no detail.
  std::string details{};
};

/// The trailers of a refusal, its text and detail cut to what clients take.
failure_trailers to_trailers(const error& why);

/// Why a call is refused that has no request, half of one, or more than one.
error not_one_request();

/// What goes before each message: whether it is compressed (never), and its length.
std::string message_head(std::size_t size);

/// Cuts the messages out of the bytes of a call's request, and unpacks those that are compressed.
class message_reader {
public:
  /// No message may be longer than `most` bytes.
  explicit message_reader(std::size_t most) : most_(most) {
  }

  /// Only one message may come: bytes behind it are refused.
  void expect_one() noexcept {
    is_one_ = true;
  }

  /// How messages are packed that are: the value of grpc-encoding.
  void set_encoding(std::string_view name);

  /// Takes more bytes. RESOURCE_EXHAUSTED as soon as a message says that it is too long, INTERNAL
  /// as soon as there are more bytes than the only message announced.
  result<void> feed(std::string_view bytes);

  /// The next message, when it is there as a whole; valid until the reader is used again.
  result<std::optional<std::string_view>> next();

  /// Lets go what next() gave out, where more messages may come later.
  void forget_given();

  /// Bytes that are held.
  std::size_t size() const noexcept {
    return bytes_.size();
  }

  /// Whether all that came was given out.
  bool empty() const noexcept {
    return begin_ == bytes_.size();
  }

private:
  std::size_t announced() const noexcept;

  std::size_t most_;
  bool is_one_ = false;
  std::string bytes_;
  /// Where the next message begins.
  std::size_t begin_ = 0;
  std::string unpacked_;
  std::string encoding_;
};

} // namespace reprise::frontend
