#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace reprise::frontend {

/// When connections are looked after, and when they end.
struct connection_times {
  /// After so much silence a client is asked whether it is still there, and has the second time to
  /// answer.
  duration silence = std::chrono::seconds{60};
  duration ping_patience = std::chrono::seconds{10};
  /// Connections without a call end after the first time, all others after the second or up to a
  /// tenth of it earlier, each at another moment, so that clients look again for all servers that
  /// there are.
  duration idle = std::chrono::seconds{120};
  duration age = std::chrono::seconds{300};
  /// What calls then still have. Never less than the longest poll needs, so that none is cut.
  duration last_calls = std::chrono::seconds{70};
  /// Until a client of TLS has shown who it is.
  duration handshake = std::chrono::seconds{10};
};

/// How much clients may ask of the transport. What each bound refused and how full it is, the
/// metrics of transport_meters say.
struct transport_limits {
  /// Clients at the same time; more are hung up on. 0: as many as there may be files, less what the
  /// store needs.
  std::size_t connections_max = 0;
  /// Calls of one connection at the same time: it is told so, and breaks the protocol with more. A
  /// call costs about 1 KiB; clients with many long polls need many.
  std::uint32_t streams_max = 65'536;
  /// One request, unpacked: RESOURCE_EXHAUSTED.
  std::size_t request_bytes_max = 4U << 20;
  /// What all headers of a call may take: RESOURCE_EXHAUSTED. Clients are told so; those with large
  /// tokens stay far below.
  std::size_t header_bytes_max = 32U << 10;
  /// The same as they are sent, packed. Beyond it the call is reset, and its connection ends after
  /// the other calls on it: the library closes one whose headers unpack to 64 KiB, which takes at
  /// least 40 KiB.
  std::size_t header_block_bytes_max = 40U << 10;
  /// Requests that are still being received, of all clients of a loop: RESOURCE_EXHAUSTED.
  std::size_t held_bytes_max = 256U << 20;
  /// Answers that one client does not read. Beyond it its calls are RESOURCE_EXHAUSTED, and nothing
  /// more is read from it while the system takes nothing more for it.
  std::size_t queued_bytes_max = 64U << 20;
  /// Calls that a client may give up: at once, and for each second. Workers that stop give up all
  /// their polls; a client that opens calls only to reset them is hung up on.
  std::uint64_t reset_burst = 20'000;
  std::uint64_t reset_rate = 2'000;
  /// What TLS itself has to say to a client that does not read: the connection ends.
  std::size_t tls_output_bytes_max = 64U << 10;
  /// Watches of the server's health, of all clients: RESOURCE_EXHAUSTED.
  std::size_t watches_max = 256;
};

/// What the bounds refused, and how full they are. Shared by all loops.
struct transport_meters {
  explicit transport_meters(metrics& m);

  counter& refused_connections;
  counter& refused_requests;
  counter& refused_headers;
  counter& refused_held;
  counter& refused_queued;
  counter& refused_watches;
  counter& failed_tls;
  gauge& connections;
  gauge& held_bytes;
  gauge& queued_bytes;
};

} // namespace reprise::frontend
