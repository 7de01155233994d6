#include "cluster/link/broker_carrier.hpp"

#include "base/log.hpp"
#include "base/tls/session.hpp"
#include "cluster/link/hub.hpp"
#include "cluster/link/sockets.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <unistd.h>

#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A thin shell: what CAF's brokers bring goes through TLS into the hub, and what the hub orders is
// done to sockets. Facts of CAF 0.17 that it is shaped by:
// - A broker's handlers run on the one thread of CAF's I/O, straight from where a socket was read:
//   nothing is queued between the two, and a slow handler makes that socket wait.
// - CAF keeps what is written to a socket in a vector without bound. So it is given no more than
//   write_bytes, and more when data_transferred_msg says that these left.
// - Its connect blocks; a socket that is being connected can be given to it, though.
// - A connection that is closed stays in its loop until what was written has left. To a peer that
//   reads nothing that is never, and then the actor system never ends. So sockets are cut first.
// - A door that is closed in the turn of the loop in which it was opened is never let go of.
// - The mailbox of a broker that ended stays open, and holds what comes.

namespace reprise::link {

namespace {

using pulse_atom = caf::atom_constant<caf::atom("linkpulse")>;
using wake_atom = caf::atom_constant<caf::atom("linkwake")>;

/// What is read at once of a socket; and how often before others have their turn.
constexpr std::size_t read_bytes = 64U << 10;
constexpr std::size_t reads_in_turn = 4;

/// From any thread to the broker; to nobody when that is gone.
class bell {
public:
  void set(caf::actor to) {
    std::lock_guard lock{mutex_};
    to_ = std::move(to);
  }

  void ring(hub::id connection) {
    std::lock_guard lock{mutex_};
    if (to_)
      caf::anon_send(to_, wake_atom::value, connection);
  }

private:
  std::mutex mutex_;
  caf::actor to_;
};

/// Names are looked up on threads of their own: that may take as long as it likes.
class found_names {
public:
  struct found {
    hub::id connection = 0;
    std::string host{};
    std::vector<socket_address> at{};
  };

  void put(found what) {
    std::lock_guard lock{mutex_};
    all_.push_back(std::move(what));
  }

  std::vector<found> take() {
    std::lock_guard lock{mutex_};
    return std::exchange(all_, {});
  }

private:
  std::mutex mutex_;
  std::vector<found> all_;
};

class shell {
public:
  /// `door`: the socket that others connect to, if they can.
  shell(caf::io::broker* self, hub& over, const broker_options& options,
        std::shared_ptr<bell> rings, int door)
    : self_(self),
      hub_(over),
      served_with_(options.served_with),
      called_with_(options.called_with),
      bell_(std::move(rings)) {
    if (door >= 0)
      self_->add_doorman(door);
  }

  ~shell() {
    end();
  }

  shell(const shell&) = delete;
  shell& operator=(const shell&) = delete;

  caf::behavior make_behavior();
  void end();

private:
  using handle = caf::io::connection_handle;

  struct wire {
    handle at{};
    /// CAF has so much of ours that the system did not take.
    std::size_t unsent = 0;
    std::shared_ptr<SSL_CTX> context{};
    std::optional<tls::session> secured{};
    bool is_open = false;
  };

  static time_point now() {
    return std::chrono::steady_clock::now();
  }

  static int socket_of(handle at) {
    return static_cast<int>(at.id());
  }

  void on_accepted(handle at);
  void on_bytes(const caf::io::new_data_msg& m);
  void on_sent(const caf::io::data_transferred_msg& m);
  void on_closed(handle at);
  void on_wake(hub::id connection);
  void pulse_later();
  void on_pulse();
  void add(hub::id connection, handle at, const std::shared_ptr<tls::certificates>& with,
           const std::string* host);
  void call(const hub::call& to);
  void call(hub::id connection, const std::vector<socket_address>& at);
  void on_found(const found_names::found& what);
  void look_up_elsewhere(const hub::call& to);
  void receive(hub::id connection, wire& w, std::string_view bytes);
  void flush(hub::id connection);
  void hand_over(wire& w);
  void drop(hub::id connection);
  void settle();
  /// One connection's failure (no memory, mostly) ends that connection, and never the broker.
  template <class Work>
  void guard(hub::id connection, Work&& work);

  caf::io::broker* self_;
  hub& hub_;
  const std::shared_ptr<tls::certificates> served_with_;
  const std::shared_ptr<tls::certificates> called_with_;
  const std::shared_ptr<bell> bell_;
  const std::shared_ptr<found_names> names_ = std::make_shared<found_names>();
  std::map<hub::id, wire> wires_;
  std::map<handle, hub::id> ids_;
  /// Hosts of those calls whose names are being looked up, or that are under way.
  std::map<hub::id, std::string> hosts_;
  /// One look-up of a name at a time; what came too late for its call is for the next.
  std::set<std::string> looking_up_;
  std::map<std::string, std::vector<socket_address>> found_late_;
  std::string plain_;
  std::string sealed_;
};

template <class Work>
void shell::guard(hub::id connection, Work&& work) {
  try {
    work();
  } catch (...) {
    log_thrown(log_level::error, "link: a connection ends");
    hub_.lose(connection, "it could not be dealt with", now());
  }
}

/// From nobody: what a broker sent itself would keep it alive in its own mailbox.
void shell::pulse_later() {
  caf::delayed_anon_send(caf::actor_cast<caf::actor>(self_), hub_.with().tick(), pulse_atom::value);
}

caf::behavior shell::make_behavior() {
  pulse_later();
  return {
    [this](const caf::io::new_connection_msg& m) { guard(0, [&] { on_accepted(m.handle); }); },
    [this](const caf::io::new_data_msg& m) { guard(0, [&] { on_bytes(m); }); },
    [this](const caf::io::data_transferred_msg& m) { guard(0, [&] { on_sent(m); }); },
    [this](const caf::io::connection_closed_msg& m) { guard(0, [&] { on_closed(m.handle); }); },
    [](const caf::io::connection_passivated_msg&) {},
    [](const caf::io::acceptor_passivated_msg&) {},
    [](const caf::io::acceptor_closed_msg&) {
      log(log_level::error, "link: nobody can connect any more");
    },
    [this](wake_atom, hub::id connection) { guard(0, [&] { on_wake(connection); }); },
    [this](pulse_atom) { guard(0, [&] { on_pulse(); }); },
  };
}

// -- what comes ----------------------------------------------------------------------------------

void shell::on_accepted(handle at) {
  auto number = hub_.accept(self_->remote_addr(at), now());
  if (!number) {
    cut(socket_of(at), true);
    self_->close(at);
    return;
  }
  take_little(socket_of(at), hub_.with().write_bytes);
  guard(*number, [&] { add(*number, at, served_with_, nullptr); });
  settle();
}

/// `host`: who was called; null: we were.
void shell::add(hub::id connection, handle at, const std::shared_ptr<tls::certificates>& with,
                const std::string* host) {
  auto& w = wires_[connection];
  w.at = at;
  ids_[at] = connection;
  self_->configure_read(at, caf::io::receive_policy::at_most(read_bytes));
  self_->ack_writes(at, true);
  if (!with) {
    w.is_open = true;
    hub_.open(connection, std::nullopt, now());
    return;
  }
  w.context = with->current(now());
  w.secured.emplace(host == nullptr ? tls::session::accepted(w.context.get())
                                    : tls::session::connecting(w.context.get(), *host));
  sealed_.clear();
  hand_over(w);
}

void shell::on_bytes(const caf::io::new_data_msg& m) {
  auto found = ids_.find(m.handle);
  if (found == ids_.end())
    return;
  auto connection = found->second;
  guard(connection,
        [&] { receive(connection, wires_.at(connection), {m.buf.data(), m.buf.size()}); });
  settle();
}

void shell::receive(hub::id connection, wire& w, std::string_view bytes) {
  if (!w.secured)
    return hub_.receive(connection, bytes, now());
  plain_.clear();
  sealed_.clear();
  auto is_well = w.secured->receive(bytes, plain_);
  hand_over(w);
  if (w.secured->is_open() && !w.is_open) {
    w.is_open = true;
    hub_.open(connection, w.secured->peer(), now());
  }
  if (!plain_.empty())
    hub_.receive(connection, plain_, now());
  if (is_well)
    return;
  if (!w.is_open)
    hub_.warn_once(
      "link: TLS with " + self_->remote_addr(w.at) + " failed: " + w.secured->failure(), now());
  hub_.lose(connection, "its TLS ended: " + w.secured->failure(), now());
}

void shell::on_sent(const caf::io::data_transferred_msg& m) {
  auto found = ids_.find(m.handle);
  if (found == ids_.end())
    return;
  auto connection = found->second;
  wires_.at(connection).unsent = m.remaining;
  guard(connection, [&] { flush(connection); });
  settle();
}

void shell::on_closed(handle at) {
  auto found = ids_.find(at);
  if (found == ids_.end())
    return;
  auto connection = found->second;
  auto was_open = wires_.at(connection).is_open;
  ids_.erase(found);
  wires_.erase(connection);
  hub_.lose(connection, was_open ? "the connection was lost" : "it cannot be reached", now());
  settle();
}

void shell::on_wake(hub::id connection) {
  if (connection == 0) {
    for (const auto& found : names_->take())
      guard(found.connection, [&] { on_found(found); });
    hub_.look(now());
  } else {
    guard(connection, [&] { flush(connection); });
  }
  settle();
}

void shell::on_pulse() {
  pulse_later();
  hub_.look(now());
  settle();
}

// -- what goes -----------------------------------------------------------------------------------

void shell::call(const hub::call& to) {
  hosts_[to.connection] = to.to.host;
  if (auto at = look_up(to.to, false); !at.empty())
    return call(to.connection, at);
  look_up_elsewhere(to);
}

void shell::look_up_elsewhere(const hub::call& to) {
  if (auto late = found_late_.extract(to.to.host); !late.empty())
    return call(to.connection, late.mapped());
  // Who is looked up still is called the next time.
  if (!looking_up_.insert(to.to.host).second)
    return;
  self_->system().spawn<caf::detached>(
    [to, names = names_, rings = bell_](caf::event_based_actor*) {
      names->put({.connection = to.connection, .host = to.to.host, .at = look_up(to.to, true)});
      rings->ring(0);
    });
}

void shell::on_found(const found_names::found& what) {
  looking_up_.erase(what.host);
  if (hosts_.contains(what.connection))
    call(what.connection, what.at);
  else if (!what.at.empty())
    found_late_[what.host] = what.at;
}

/// One place of a name; another one the next time.
void shell::call(hub::id connection, const std::vector<socket_address>& at) {
  auto host = hosts_.find(connection);
  if (at.empty())
    return hub_.lose(connection, "there is no such name", now());
  auto begun = begin_connect(at[connection % at.size()], hub_.with().write_bytes);
  if (!begun)
    return hub_.lose(connection, begun.error().message, now());
  add(connection, self_->add_scribe(*begun), called_with_, &host->second);
}

void shell::flush(hub::id connection) {
  auto found = wires_.find(connection);
  if (found == wires_.end())
    return;
  auto& w = found->second;
  auto enough = hub_.with().write_bytes;
  if (!w.is_open || w.unsent >= enough)
    return;
  plain_.clear();
  sealed_.clear();
  hub_.take_output(connection, plain_, enough - w.unsent);
  if (w.secured && !plain_.empty()) {
    if (!w.secured->send(plain_, sealed_))
      return hub_.lose(connection, "its TLS ended: " + w.secured->failure(), now());
  } else {
    sealed_.swap(plain_);
  }
  hand_over(w);
}

/// To CAF: what is sealed, and what TLS itself has to say. That has a bound of its own, which
/// whoever makes it speak and does not read must meet.
void shell::hand_over(wire& w) {
  if (w.secured && w.unsent < hub_.with().write_bytes)
    w.secured->take_output(sealed_);
  if (sealed_.empty())
    return;
  auto& buffer = self_->wr_buf(w.at);
  buffer.insert(buffer.end(), sealed_.begin(), sealed_.end());
  w.unsent += sealed_.size();
  sealed_.clear();
  self_->flush(w.at);
}

void shell::drop(hub::id connection) {
  hosts_.erase(connection);
  auto found = wires_.find(connection);
  if (found == wires_.end())
    return;
  auto at = found->second.at;
  // What one who does not read was to be sent is dropped; a last word on its way is not.
  auto at_once = found->second.unsent != 0;
  wires_.erase(found);
  ids_.erase(at);
  cut(socket_of(at), at_once);
  self_->close(at);
}

void shell::settle() {
  for (auto work = hub_.take_orders();
       !work.calls.empty() || !work.flushes.empty() || !work.ends.empty();
       work = hub_.take_orders()) {
    for (const auto& to : work.calls)
      guard(to.connection, [&] { call(to); });
    for (auto connection : work.flushes)
      guard(connection, [&] { flush(connection); });
    for (auto connection : work.ends)
      drop(connection);
  }
}

void shell::end() {
  if (self_ == nullptr)
    return;
  hub_.lose_all(now());
  settle();
  self_ = nullptr;
}

bool is_any(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

caf::behavior run(caf::io::broker* self, hub* over, const broker_options& options, int socket,
                  const std::shared_ptr<bell>& rings,
                  const std::shared_ptr<std::promise<void>>& begun) {
  auto made = std::make_shared<shell>(self, *over, options, rings, socket);
  self->set_exit_handler([self, made](const caf::exit_msg& m) {
    made->end();
    self->quit(m.reason);
  });
  self->set_exception_handler([made](std::exception_ptr&) {
    made->end();
    return caf::make_error(caf::sec::runtime_error);
  });
  // In the loop's next turn: it has the socket then.
  self->parent().run_later([begun] { begun->set_value(); });
  return made->make_behavior();
}

} // namespace

struct broker_carrier::parts {
  caf::actor_system& system;
  std::shared_ptr<bell> rings = std::make_shared<bell>();
  hub over;
  caf::actor broker{};
};

void prepare(caf::actor_system_config& config) {
  config.load<caf::io::middleman>();
  config.set("middleman.max-consecutive-reads", reads_in_turn);
  // For CAF's own remote actors, which are not used.
  config.set("middleman.attach-utility-actors", true);
  config.set("middleman.workers", std::size_t{0});
}

result<std::unique_ptr<broker_carrier>>
broker_carrier::begin(caf::actor_system& system, broker_options options, receiver& to, metrics& m) {
  if (auto fits = check(options.with); !fits)
    return std::move(fits).error();
  if ((options.called_with == nullptr) != (options.served_with == nullptr))
    return make_error(errc::invalid_argument,
                      "the link needs certificates for those whom it calls and for those who call, "
                      "or none");
  std::pair<int, std::uint16_t> listening{-1, 0};
  if (options.listen) {
    auto begun = begin_listen(*options.listen);
    if (!begun)
      return std::move(begun).error();
    listening = *begun;
    if (options.mine.address.empty() && is_any(options.listen->host)) {
      ::close(listening.first);
      return make_error(errc::invalid_argument, "the link listens on every address ("
                                                  + options.listen->host
                                                  + "): say by which others reach this process");
    }
    if (options.mine.address.empty())
      options.mine.address = to_string({.host = options.listen->host, .port = listening.second});
  }
  auto rings = std::make_shared<bell>();
  std::unique_ptr<parts> made{
    new parts{.system = system,
              .rings = rings,
              .over = {options.mine, options.with, to, m,
                       [rings](hub::id connection) { rings->ring(connection); }}}};
  auto begun = std::make_shared<std::promise<void>>();
  made->broker = system.middleman().spawn_broker(run, &made->over, options, listening.first, rings,
                                                 begun);
  rings->set(made->broker);
  begun->get_future().wait();
  return std::unique_ptr<broker_carrier>{new broker_carrier{std::move(made), listening.second}};
}

broker_carrier::broker_carrier(std::unique_ptr<parts> of, std::uint16_t port)
  : parts_(std::move(of)), port_(port) {
}

broker_carrier::~broker_carrier() {
  parts_->rings->set(nullptr);
  caf::scoped_actor self{parts_->system};
  caf::anon_send_exit(parts_->broker, caf::exit_reason::user_shutdown);
  self->wait_for(parts_->broker);
}

sent broker_carrier::send(incarnation to, lane on, const Envelope& what) {
  return parts_->over.send(to, on, what);
}

void broker_carrier::reach(const endpoint& where) {
  parts_->over.reach(where);
}

void broker_carrier::give_up(const endpoint& where) {
  parts_->over.give_up(where);
}

std::size_t broker_carrier::held(incarnation to, lane on) const {
  return parts_->over.held(to, on);
}

} // namespace reprise::link
