#pragma once

#include "cluster/link/buffers.hpp"
#include "cluster/link/handshake.hpp"
#include "cluster/link/settings.hpp"
#include "protocol/link.pb.h"

#include <cstdint>
#include <string>

namespace reprise::link {

/// An envelope that came.
struct received {
  incarnation from = 0;
  lane on = lane::control;
  Envelope what{};
  /// Kept as long as the envelope is in use, or waits to be: beyond its window the peer then waits.
  held_room room{};
};

/// Who hears of a link. Called on the link's own thread, one call at a time, for all peers: it must
/// not block, and may call the carrier. Of one peer: up, then what comes from it, then down.
/// Nothing is to be thrown: an envelope whose receiver throws ends its connection, other news are
/// lost then.
///
/// An incarnation is what a process says of itself: whoever trusts one looks at the name and the
/// role that came with on_up, which certificates vouch for.
class receiver {
public:
  virtual ~receiver() = default;

  /// Any thread. Envelopes of kinds that it does not know are answered UNSUPPORTED.
  virtual bool knows(std::uint32_t kind) const = 0;
  virtual void on_up(const peer& who) = 0;
  /// What was sent to it and not answered has arrived or not: nobody knows.
  virtual void on_down(const peer& who, const std::string& why) = 0;
  /// A send() on this lane was `full`, and would not be now.
  virtual void on_room(incarnation who, lane on) = 0;
  virtual void on_envelope(received what) = 0;
};

/// Carries envelopes between this process and its peers. All calls: any thread, and none blocks.
class carrier {
public:
  virtual ~carrier() = default;

  /// Whoever wants an answer takes note of that before: `down` may be told while this runs.
  virtual sent send(incarnation to, lane on, const Envelope& what) = 0;
  /// Connects, and again whenever the connection is lost, or was refused.
  virtual void reach(const endpoint& where) = 0;
  /// Tries no more. What is connected stays so.
  virtual void give_up(const endpoint& where) = 0;
};

} // namespace reprise::link
