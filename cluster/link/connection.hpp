#pragma once

#include "cluster/link/buffers.hpp"
#include "cluster/link/frame.hpp"
#include "cluster/link/handshake.hpp"
#include "cluster/link/meters.hpp"
#include "cluster/link/settings.hpp"
#include "protocol/link.pb.h"

#include <google/protobuf/message_lite.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace reprise::link {

/// One connection's protocol, without the connection: bytes go in and come out. Not thread-safe,
/// but for what is given to its buffers.
///
/// The side that called says hello; the other one looks who it is and says hello, too, or
/// farewell; the first looks likewise and says welcome. From then on both are up: envelopes go in
/// frames of at most 64 KiB, those of the lanes in turns; each lane has its credit at the other
/// side, which gives more as its application lets go of what it received. An envelope may begin
/// while there is any credit, so that one always fits.
class connection {
public:
  enum class state : std::uint8_t {
    /// It does not stand yet.
    connecting,
    /// Nothing is known of the other side yet.
    greeting,
    /// We agreed to who called; it has not yet.
    agreed,
    up,
    /// The other side is being told why it ends.
    ending,
    /// Nothing is to be sent or heard.
    over,
  };

  /// What happens, told from within receive() and the like. It may call back into the connection
  /// only from on_hello(), and only what reads.
  class events {
  public:
    virtual ~events() = default;
    /// Why not to speak with who said that; nothing: we agree.
    virtual std::optional<Farewell> on_hello(connection& c, const Hello& said) = 0;
    virtual void on_up(connection& c) = 0;
    virtual void on_room(connection& c, lane on) = 0;
    virtual void on_envelope(connection& c, lane on, Envelope what, held_room room) = 0;
    /// Once. `was_up`: on_up() came before. `said`: its reason, if the other side ended it.
    virtual void on_end(connection& c, bool was_up, const Farewell& why, bool said) = 0;
  };

  struct terms {
    const identity& mine;
    const settings& with;
    meters& counted;
    events& owner;
  };

  /// `ours`: this side called. What `of` refers to outlives this.
  connection(std::uint64_t id, const terms& of, bool ours, std::string with,
             std::shared_ptr<buffers> through, time_point now);
  ~connection();

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// It stands. `shown`: the other side's certificate, with TLS.
  void open(std::optional<tls::shown_certificate> shown, time_point now);
  void receive(std::string_view bytes, time_point now);
  /// Appends what is to be sent, until `out` has so much, about (a frame more).
  void take_output(std::string& out, std::size_t enough);
  /// What the clock brings: silence, heartbeats, the end of a farewell.
  void look(time_point now);
  /// Says why, and ends.
  void refuse(Farewell why, time_point now);
  /// It does not stand any more.
  void lose(const std::string& why);

  std::uint64_t id() const noexcept {
    return id_;
  }

  state now_is() const noexcept {
    return state_;
  }

  bool is_live() const noexcept {
    return state_ != state::ending && state_ != state::over;
  }

  bool is_ours() const noexcept {
    return is_ours_;
  }

  /// Whose it is as far as can be said before that is known: an address.
  const std::string& with() const noexcept {
    return with_;
  }

  /// Its `life` is 0 until we agreed to it.
  const peer& other() const noexcept {
    return peer_;
  }

  const tls::shown_certificate* shown() const noexcept {
    return shown_ ? &*shown_ : nullptr;
  }

  const std::shared_ptr<buffers>& through() const noexcept {
    return buffers_;
  }

private:
  struct outgoing {
    buffers::entry what{};
    std::size_t at = 0;
    bool is_busy = false;
    /// What the other side takes; below nothing, when the last envelope was larger than the rest.
    std::int64_t credit = 0;
    std::int64_t credit_max = 0;
  };

  struct incoming {
    std::string bytes{};
    std::size_t size = 0;
    bool is_busy = false;
    /// What it was told that it may send.
    std::int64_t credit = 0;
  };

  void take(const frame& f, time_point now);
  void on_hello(const frame& f, time_point now);
  void on_welcome(time_point now);
  void on_farewell(const frame& f);
  void on_data(const frame& f, time_point now);
  void on_credit(const frame& f, time_point now);
  void deliver(lane on, incoming& from, time_point now);
  void go_up(time_point now);
  void say(frame_type type, const google::protobuf::MessageLite& what);
  void break_off(const std::string& why, time_point now);
  void finish(state next, const Farewell& why, bool said);
  void append_credit(std::string& out);
  bool append_piece(std::string& out, std::size_t on);

  const std::uint64_t id_;
  const terms of_;
  const bool is_ours_;
  const std::string with_;
  const std::shared_ptr<buffers> buffers_;
  state state_ = state::connecting;
  std::optional<tls::shown_certificate> shown_;
  peer peer_;
  frame_reader reader_;
  /// Frames of the protocol itself, which go before all others.
  std::string own_;
  std::array<outgoing, lanes> out_;
  std::array<incoming, lanes> in_;
  time_point heard_;
  time_point spoke_;
  /// When what it waits for has to have come, while it is not up.
  time_point until_;
  bool has_spoken_ = false;
  bool heartbeat_due_ = false;
};

} // namespace reprise::link
