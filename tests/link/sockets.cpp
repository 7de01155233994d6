// Links on real sockets, with and without TLS.
#include "cluster/link/broker_carrier.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/link_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

using namespace reprise;
using namespace reprise::link;
using namespace reprise::testing;

namespace {

struct link_config : caf::actor_system_config {
  link_config() {
    link::prepare(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

/// Times in which a busy machine loses nobody.
settings patient() {
  settings s;
  s.silence = 20s;
  s.connect = 20s;
  s.handshake = 20s;
  s.retry_first = 20ms;
  s.retry_max = 100ms;
  return s;
}

/// One process of a cluster: an actor system of its own.
struct process {
  explicit process(broker_options options) {
    auto begun = broker_carrier::begin(system, std::move(options), events, counted);
    REQUIRE_MESSAGE(begun, (begun ? "" : begun.error().message));
    carrier = std::move(*begun);
  }

  explicit process(const std::string& name, incarnation life, const settings& with = patient(),
                   std::uint16_t port = 0)
    : process({.mine = as(name, life),
               .with = with,
               .listen = endpoint{.host = "127.0.0.1", .port = port}}) {
  }

  static identity as(const std::string& name, incarnation life) {
    auto made = identity_of(name, life);
    made.address.clear();
    return made;
  }

  endpoint at() const {
    return {.host = "127.0.0.1", .port = carrier->port()};
  }

  metrics counted{};
  recorder events{};
  link_config config{};
  caf::actor_system system{config};
  std::unique_ptr<broker_carrier> carrier{};
};

bool are_up(const process& a, incarnation a_life, const process& b, incarnation b_life) {
  return eventually([&] { return a.events.is_up(b_life) && b.events.is_up(a_life); });
}

/// A client made of bytes.
struct raw_peer {
  explicit raw_peer(std::uint16_t port) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    timeval patience{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  ~raw_peer() {
    ::close(socket);
  }

  void say(const std::string& bytes) const {
    REQUIRE(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL)
            == static_cast<ssize_t>(bytes.size()));
  }

  void say(frame_type type, const std::string& content) const {
    std::string bytes;
    append_frame(bytes, {.type = type, .content = content});
    say(bytes);
  }

  /// The next frame; nothing: it was closed.
  std::optional<std::pair<frame_type, std::string>> hear() {
    frame f;
    for (;;) {
      std::string_view rest = buffer;
      frame_reader reader;
      if (reader.next(rest, frame_content_max, f) == frame_reader::found::frame) {
        std::pair out{f.type, std::string{f.content}};
        buffer = std::string{rest};
        return out;
      }
      std::array<char, 4096> bytes;
      auto n = ::recv(socket, bytes.data(), bytes.size(), 0);
      if (n <= 0)
        return std::nullopt;
      buffer.append(bytes.data(), static_cast<std::size_t>(n));
    }
  }

  int socket;
  std::string buffer;
};

} // namespace

TEST_CASE("two processes find each other, speak, and notice the other one's end") {
  process a{"a", 1};
  {
    process b{"b", 2};
    a.carrier->reach(b.at());
    b.carrier->reach(a.at());
    REQUIRE(are_up(a, 1, b, 2));
    CHECK(a.events.ups()[0].address == to_string(b.at()));
    for (std::uint64_t i = 0; i < 100; ++i) {
      while (a.carrier->send(2, lane::bulk, envelope(i, std::string(i * 1000, 'x'))) == sent::full)
        std::this_thread::yield();
      REQUIRE(b.carrier->send(1, lane::control, envelope(i)) == sent::taken);
    }
    CHECK(
      eventually([&] { return a.events.heard_count() == 100 && b.events.heard_count() == 100; }));
    CHECK(std::ranges::is_sorted(a.events.calls(2)));
    CHECK(std::ranges::is_sorted(b.events.calls(1)));
    CHECK(a.events.downs().empty());
  }
  CHECK(eventually([&] { return a.events.downs().size() == 1; }));
  CHECK(a.carrier->send(2, lane::control, envelope(1)) == sent::down);
}

TEST_CASE("a name is looked up, and who does not exist yet is called until it does") {
  process a{"a", 1};
  a.carrier->reach({.host = "no.such.host.invalid", .port = 1});
  std::uint16_t port = 0;
  {
    process placeholder{"c", 3};
    port = placeholder.carrier->port();
  }
  a.carrier->reach({.host = "localhost", .port = port});
  CHECK(eventually(
    [&] { return a.counted.counter("reprise_link_unreachable_total", "").value() > 3; }));
  process b{"b", 2, patient(), port};
  CHECK(are_up(a, 1, b, 2));
}

TEST_CASE("a process that died and began anew at its address is another one") {
  process a{"a", 1};
  std::uint16_t port = 0;
  for (incarnation life = 10; life < 13; ++life) {
    process b{"b", life, patient(), port};
    port = b.carrier->port();
    a.carrier->reach(b.at());
    REQUIRE(are_up(a, 1, b, life));
    REQUIRE(a.carrier->send(life, lane::control, envelope(life)) == sent::taken);
    CHECK(eventually([&] { return b.events.heard_count() == 1; }));
    if (life > 10)
      CHECK(a.carrier->send(life - 1, lane::control, envelope(0)) == sent::down);
  }
  CHECK(eventually([&] { return a.events.downs().size() == 3; }));
}

TEST_CASE("a process of another cluster is refused, and both say so") {
  process a{"a", 1};
  auto other = process::as("b", 2);
  other.cluster_id = "another";
  process b{{.mine = other, .with = patient(), .listen = endpoint{.host = "127.0.0.1"}}};
  b.carrier->reach(a.at());
  CHECK(eventually([&] {
    return refused(a.counted, "other_cluster") > 0
           && b.counted.counter("reprise_link_refused_by_others_total", "").value() > 0;
  }));
  CHECK(a.events.ups().empty());
  CHECK(b.events.ups().empty());
}

TEST_CASE("who reads nothing costs bounded memory, and nobody else anything") {
  auto with = patient();
  auto a = std::make_unique<process>("a", incarnation{1}, with);
  process quick{"quick", 2, with};
  a->carrier->reach(quick.at());
  REQUIRE(are_up(*a, 1, quick, 2));
  raw_peer stopped{a->carrier->port()};
  // It takes any number, as far as it says.
  auto hello = hello_of(identity_of("stopped", 9), with);
  for (int i = 0; i < static_cast<int>(lanes); ++i)
    hello.set_window_bytes(i, 1ULL << 40);
  stopped.say(frame_type::hello, hello.SerializeAsString());
  stopped.say(frame_type::welcome, "");
  REQUIRE(eventually([&] { return a->events.is_up(9); }));

  constexpr std::size_t piece = 1U << 20;
  constexpr std::size_t pieces = 1024;
  auto large = envelope(0, std::string(piece, 'x'));
  std::size_t taken = 0;
  std::size_t most = 0;
  for (std::size_t i = 0; i < pieces; ++i) {
    // So that what the system takes has left.
    REQUIRE(a->carrier->send(2, lane::control, envelope(i)) == sent::taken);
    REQUIRE(eventually([&] { return quick.events.heard_count() == i + 1; }));
    taken += a->carrier->send(9, i % 2 == 0 ? lane::control : lane::bulk, large) == sent::taken;
    most = std::max(most, a->carrier->held(9, lane::control) + a->carrier->held(9, lane::bulk));
  }
  CHECK(most <= with.lane[0].send_bytes_max + with.lane[1].send_bytes_max);
  CHECK(held(a->counted, "to_send")
        <= static_cast<std::int64_t>(with.lane[0].send_bytes_max + with.lane[1].send_bytes_max));
  // The rest of what was taken the system has: its buffers of both sides.
  CHECK(taken * piece < most + (32U << 20));
  CHECK(taken < pieces / 10);
  CHECK(a->events.downs().empty());
  CHECK(quick.events.downs().empty());
  CHECK(eventually([&] { return held(quick.counted, "received") == 0; }));
  // And its end comes, although nothing of that is ever read.
  a.reset();
}

TEST_CASE("who stops is down, although its connection stands") {
  auto with = patient();
  with.heartbeat = 50ms;
  with.silence = 500ms;
  process a{"a", 1, with};
  raw_peer stopped{a.carrier->port()};
  stopped.say(frame_type::hello, hello_of(identity_of("stopped", 9), with).SerializeAsString());
  stopped.say(frame_type::welcome, "");
  REQUIRE(eventually([&] { return a.events.is_up(9); }));
  REQUIRE(eventually([&] { return a.events.downs().size() == 1; }));
  CHECK(a.events.downs()[0].why.find("nothing was heard") != std::string::npos);
  CHECK(a.carrier->send(9, lane::control, envelope(1)) == sent::down);
  // Its words: hello, heartbeats, farewell; then the end.
  std::vector<frame_type> said;
  while (auto f = stopped.hear())
    said.push_back(f->first);
  REQUIRE(said.size() > 2);
  CHECK(said.front() == frame_type::hello);
  CHECK(said[1] == frame_type::heartbeat);
  CHECK(said.back() == frame_type::farewell);
}

TEST_CASE("who speaks something else, or says nothing, is hung up on") {
  auto with = patient();
  with.handshake = 300ms;
  with.farewell = 200ms;
  process a{"a", 1, with};
  raw_peer http{a.carrier->port()};
  http.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  raw_peer silent{a.carrier->port()};
  for (auto* peer : {&http, &silent}) {
    auto why = peer->hear();
    REQUIRE(why);
    CHECK(why->first == frame_type::farewell);
    CHECK_FALSE(peer->hear());
  }
  CHECK(refused(a.counted, "broken") == 1);
  CHECK(refused(a.counted, "silent") == 1);
  // One that goes away in the middle.
  {
    raw_peer half{a.carrier->port()};
    half.say("\x01");
  }
  process b{"b", 2, with};
  b.carrier->reach(a.at());
  CHECK(are_up(a, 1, b, 2));
}

TEST_CASE("a place where nobody can listen is refused with a sentence") {
  process a{"a", 1};
  link_config c;
  caf::actor_system system{c};
  recorder events;
  metrics counted;
  auto begun = [&](broker_options options) {
    options.mine = identity_of("b", 2);
    auto made = broker_carrier::begin(system, std::move(options), events, counted);
    REQUIRE_FALSE(made);
    return made.error().message;
  };
  CHECK(begun({.listen = a.at()}).find("cannot listen on " + to_string(a.at()))
        != std::string::npos);
  CHECK(
    begun({.listen = endpoint{.host = "no.such.host.invalid", .port = 1}}).find("no such address")
    != std::string::npos);
  settings wrong;
  wrong.silence = 1ms;
  CHECK(begun({.with = wrong}).find("silence") != std::string::npos);
  for (const char* everywhere : {"0.0.0.0", "::"}) {
    broker_options nowhere{.mine = identity_of("b", 2), .listen = endpoint{.host = everywhere}};
    nowhere.mine.address.clear();
    auto made = broker_carrier::begin(system, std::move(nowhere), events, counted);
    REQUIRE_FALSE(made);
    CHECK(made.error().message.find("by which others reach") != std::string::npos);
  }
}

// -- with TLS ------------------------------------------------------------------------------------

namespace {

struct certified {
  temporary_folder folder{};
  authority trusted{folder, "trusted"};
  authority other{folder, "other"};

  broker_options options(const identity& as, const key_pair& shown, const authority& trusts) {
    auto served = tls::certificates::load({.certificate = shown.certificate,
                                           .key = shown.key,
                                           .client_authorities = trusts.path(),
                                           .inside = tls::spoken::link});
    auto called = tls::certificates::load_client({.authorities = trusts.path(),
                                                  .certificate = shown.certificate,
                                                  .key = shown.key,
                                                  .inside = tls::spoken::link});
    REQUIRE(served);
    REQUIRE(called);
    return {.mine = as,
            .with = patient(),
            .listen = endpoint{.host = "127.0.0.1"},
            .called_with = *called,
            .served_with = *served};
  }

  broker_options options(const std::string& name, incarnation life, const std::string& unit) {
    return options(process::as(name, life), trusted.sign(name, "IP:127.0.0.1", unit), trusted);
  }
};

} // namespace

TEST_CASE_FIXTURE(certified, "two processes with certificates speak, large and small") {
  process a{options("a", 1, "node")};
  process b{options("b", 2, "node")};
  auto client = process::as("c", 3);
  client.role = CLIENT;
  process c{options(client, trusted.sign("c", "IP:127.0.0.1"), trusted)};
  a.carrier->reach(b.at());
  b.carrier->reach(a.at());
  c.carrier->reach(a.at());
  REQUIRE(are_up(a, 1, b, 2));
  REQUIRE(are_up(a, 1, c, 3));
  for (std::uint64_t i = 0; i < 20; ++i) {
    REQUIRE(a.carrier->send(2, lane::control, envelope(i)) == sent::taken);
    while (a.carrier->send(2, lane::bulk, envelope(100 + i, std::string(1U << 20, 'x')))
           == sent::full)
      std::this_thread::yield();
    REQUIRE(c.carrier->send(1, lane::control, envelope(i)) == sent::taken);
  }
  CHECK(eventually([&] { return b.events.heard_count() == 40 && a.events.heard_count() == 20; }));
}

TEST_CASE_FIXTURE(certified, "a certificate of another authority, role or name is refused") {
  process a{options("a", 1, "node")};
  SUBCASE("of another authority") {
    process b{options(process::as("b", 2), other.sign("b", "IP:127.0.0.1", "node"), trusted)};
    b.carrier->reach(a.at());
    a.carrier->reach(b.at());
    CHECK(eventually([&] {
      return a.counted.counter("reprise_link_unreachable_total", "").value() > 2
             && b.counted.counter("reprise_link_unreachable_total", "").value() > 2;
    }));
    CHECK(a.events.ups().empty());
    CHECK(b.events.ups().empty());
  }
  SUBCASE("of a client that wants to be a node") {
    process b{options("b", 2, "client")};
    b.carrier->reach(a.at());
    CHECK(eventually([&] { return refused(a.counted, "certificate") > 0; }));
    CHECK(a.events.ups().empty());
  }
  SUBCASE("of a node with another name") {
    process b{options(process::as("c", 2), trusted.sign("b", "IP:127.0.0.1", "node"), trusted)};
    a.carrier->reach(b.at());
    CHECK(eventually([&] { return refused(a.counted, "certificate") > 0; }));
    CHECK(b.events.ups().empty());
  }
  SUBCASE("for another address") {
    process b{options(process::as("b", 2), trusted.sign("b", "IP:127.0.0.2", "node"), trusted)};
    a.carrier->reach(b.at());
    CHECK(eventually(
      [&] { return a.counted.counter("reprise_link_unreachable_total", "").value() > 2; }));
    CHECK(a.events.ups().empty());
  }
  SUBCASE("none at all") {
    process b{"b", 2};
    b.carrier->reach(a.at());
    a.carrier->reach(b.at());
    CHECK(eventually([&] {
      return b.counted.counter("reprise_link_unreachable_total", "").value() > 2
             && refused(b.counted, "broken") > 2;
    }));
    CHECK(a.events.ups().empty());
    CHECK(b.events.ups().empty());
  }
}
