#pragma once

#include "base/result.hpp"

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace reprise::link {

/// Monotonic; a simulation makes its own.
using time_point = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

/// A life of a process: random, never used again.
using incarnation = std::uint64_t;

/// Envelopes of one lane keep their order and wait for each other; those of two do not.
enum class lane : std::uint8_t {
  /// What others wait for: calls, answers, news of the cluster.
  control,
  /// What may be large and may wait: pages of history, copies.
  bulk,
};

constexpr std::size_t lanes = 2;

constexpr std::size_t index(lane l) noexcept {
  return static_cast<std::size_t>(l);
}

/// The versions of the protocol that this program speaks.
constexpr std::uint32_t version_min = 1;
constexpr std::uint32_t version_max = 1;

/// Where a process is reached.
struct endpoint {
  /// An address, or a name that is looked up for each connection.
  std::string host{};
  std::uint16_t port = 0;

  auto operator<=>(const endpoint&) const = default;
};

/// "host:port", of an address of version 6 "[host]:port".
std::string to_string(const endpoint& at);
/// Refused (invalid_argument) when the text is not that.
result<endpoint> parse_endpoint(const std::string& text);
/// The same of where to listen: port 0 is any that is free.
result<endpoint> parse_listening(const std::string& text);

/// What one lane to or from one peer may hold. An envelope counts as its size and a little more
/// (frame.hpp); a single one always fits.
struct lane_settings {
  /// Given to send(), not yet to the socket.
  std::size_t send_bytes_max = 0;
  /// Received, and not yet let go of by the application; then the other side waits for credit.
  std::size_t window_bytes = 0;
};

/// Bounds and times of a link; docs/BOUNDS.md says who meets each.
struct settings {
  std::array<lane_settings, lanes> lane{
    lane_settings{.send_bytes_max = 4U << 20, .window_bytes = 4U << 20},
    lane_settings{.send_bytes_max = 16U << 20, .window_bytes = 16U << 20}};
  /// One envelope, sent or received.
  std::size_t envelope_bytes_max = 16U << 20;
  /// Answers of the link's own (to kinds that it does not know) that wait to leave, of each lane of
  /// a peer: whoever asks for more and does not take them is broken off with.
  std::size_t own_answers_max = 1024;
  /// Given to the system at once: what a heartbeat may have to wait for.
  std::size_t write_bytes = 128U << 10;
  /// Connections, peers and strangers; more are hung up on.
  std::size_t connections_max = 1024;
  /// Of these, strangers that called and have not said yet who they are.
  std::size_t strangers_max = 128;
  /// Something is said at least so often.
  milliseconds heartbeat{250};
  /// A peer that says nothing for so long is down. Well below the lease.
  milliseconds silence{1000};
  /// Until a connection stands, and until both know each other.
  milliseconds connect{2000};
  milliseconds handshake{2000};
  /// How long one who was told why it is refused may take to hear it.
  milliseconds farewell{1000};
  /// Between tries to connect; doubled each time, up to the second.
  milliseconds retry_first{100};
  milliseconds retry_max{3000};
  /// The same line does not come into the log again for so long.
  milliseconds say_again{60'000};

  /// How often the time has to be looked at.
  milliseconds tick() const noexcept {
    return heartbeat / 4;
  }
};

/// Refused (invalid_argument) when a link could not work so.
result<void> check(const settings& s);

} // namespace reprise::link
