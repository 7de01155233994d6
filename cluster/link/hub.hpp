#pragma once

#include "base/metrics.hpp"
#include "cluster/link/carrier.hpp"
#include "cluster/link/connection.hpp"
#include "cluster/link/meters.hpp"
#include "cluster/link/settings.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::link {

/// All of a link but its sockets: the connections of one process, whom it calls and when again, and
/// which of two connections to one peer stays. Whoever has sockets (a shell) gives it what comes
/// and does what it orders.
///
/// Two processes may call each other at the same moment. What is up stays. While neither
/// connection is, that one stays which the lower incarnation made; both sides know enough to say
/// so of the same one.
class hub final : private connection::events {
public:
  using id = std::uint64_t;

  struct call {
    id connection = 0;
    endpoint to{};
  };

  /// What the shell is to do now.
  struct orders {
    std::vector<call> calls{};
    /// Of these there is something to be sent.
    std::vector<id> flushes{};
    /// These are over: what they have sent may go out, and then they are closed.
    std::vector<id> ends{};
  };

  /// `wake` has the shell flush this connection, or look (0), soon; it is called on any thread.
  /// `to` and `m` outlive this.
  hub(identity mine, const settings& with, receiver& to, metrics& m, std::function<void(id)> wake);

  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  // -- any thread

  sent send(incarnation to, lane on, const Envelope& what);
  void reach(const endpoint& where);
  void give_up(const endpoint& where);
  /// What waits to be sent to a peer.
  std::size_t held(incarnation to, lane on) const;

  // -- the shell's thread; after each, take_orders()

  /// A connection came, from this address. Nothing: there are too many, hang up.
  std::optional<id> accept(const std::string& from, time_point now);
  /// It stands. `shown`: the other side's certificate, with TLS.
  void open(id c, std::optional<tls::shown_certificate> shown, time_point now);
  void receive(id c, std::string_view bytes, time_point now);
  void take_output(id c, std::string& out, std::size_t enough);
  /// It does not stand any more.
  void lose(id c, const std::string& why, time_point now);
  /// All of them, since this process ends the link.
  void lose_all(time_point now);
  /// What the clock brings; at least each tick().
  void look(time_point now);
  orders take_orders();

  const settings& with() const noexcept {
    return with_;
  }

  /// Nothing that came twice lately: for the log.
  void warn_once(const std::string& text, time_point now);

private:
  struct target {
    id connection = 0;
    /// Who is there, as far as is known.
    incarnation who = 0;
    time_point next{};
    milliseconds pause{};
  };

  std::optional<Farewell> on_hello(connection& c, const Hello& said) override;
  void on_up(connection& c) override;
  void on_room(connection& c, lane on) override;
  void on_envelope(connection& c, lane on, Envelope what, held_room room) override;
  void on_end(connection& c, bool was_up, const Farewell& why, bool said) override;

  connection& add(bool ours, const std::string& with);
  connection* find(id c);
  target* target_of(id c);
  bool stays(const connection& known, const connection& c, incarnation other) const;
  std::vector<connection*> others_to(incarnation other, const connection& but);
  void call_due();
  void refuse(connection& c, Farewell why);
  void answer_unsupported(connection& c, lane on, const Envelope& what, held_room room);
  void tell_end(const connection& c, bool was_up, const Farewell& why, bool said);
  bool is_up(incarnation who) const;
  void settle(connection& c);

  const identity mine_;
  const settings with_;
  receiver& to_;
  /// With the buffers, which may be in use for longer than this.
  const std::shared_ptr<meters> counted_;
  const connection::terms terms_;
  const std::function<void(id)> wake_;

  std::map<id, std::unique_ptr<connection>> connections_;
  std::map<endpoint, target> targets_;
  orders orders_;
  id last_ = 0;
  /// That called and are not up.
  std::set<id> strangers_;
  time_point now_{};
  std::map<std::string, time_point> said_;

  mutable std::mutex mutex_;
  // Under the lock.
  std::map<incarnation, std::shared_ptr<buffers>> up_;
  std::set<endpoint> wanted_;
};

} // namespace reprise::link
