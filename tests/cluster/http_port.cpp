// The port for those who look after a server, on real sockets.
#include "cluster/http_port.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace reprise;
using namespace reprise::cluster;

namespace {

/// A connection of a client's.
class caller {
public:
  explicit caller(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }

  ~caller() {
    ::close(socket_);
  }

  caller(const caller&) = delete;
  caller& operator=(const caller&) = delete;

  /// All that the server says until it closes.
  std::string ask(const std::string& line, const std::string& headers = "") {
    auto request = line + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
    REQUIRE(::send(socket_, request.data(), request.size(), MSG_NOSIGNAL)
            == static_cast<ssize_t>(request.size()));
    std::string out;
    std::array<char, 4096> some{};
    for (ssize_t n = 0; (n = ::recv(socket_, some.data(), some.size(), 0)) > 0;)
      out.append(some.data(), static_cast<std::size_t>(n));
    return out;
  }

  /// The server has not closed it.
  bool is_open() const {
    char none = 0;
    return ::recv(socket_, &none, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
  }

private:
  int socket_;
};

struct port_fixture {
  std::unique_ptr<http_port> must_start(const http_port_bounds& bounds) const {
    auto made = http_port::start(measured, state, {"127.0.0.1"}, 0, bounds);
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
    return std::move(*made);
  }

  std::string ask(const std::string& line, const std::string& headers = "") const {
    return caller{port->port()}.ask(line, headers);
  }

  metrics measured{};
  probes state{};
  std::unique_ptr<http_port> port = must_start({});
};

std::string body_of(const std::string& said) {
  return said.substr(said.find("\r\n\r\n") + 4);
}

bool begins(const std::string& said, std::string_view status) {
  return said.starts_with(std::string{"HTTP/1.1 "}.append(status) + "\r\n");
}

std::string unpacked(std::string packed) {
  std::string out(1U << 20, '\0');
  z_stream z{};
  REQUIRE(inflateInit2(&z, 15 + 16) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(packed.data());
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

} // namespace

TEST_CASE_FIXTURE(port_fixture, "a probe answers yes, or no with the reason, as things are") {
  CHECK(begins(ask("GET /livez"), "200 OK"));
  CHECK(begins(ask("GET /startupz"), "503 Service Unavailable"));
  CHECK(body_of(ask("GET /startupz")) == "the store is being opened, and its schema migrated\n");
  CHECK(body_of(ask("GET /readyz")) == "the server starts\n");
  state.yes(probes::kind::started);
  CHECK(body_of(ask("GET /startupz")) == "ok\n");
  CHECK(begins(ask("GET /readyz"), "503 Service Unavailable"));
  state.yes(probes::kind::ready);
  CHECK(begins(ask("GET /readyz"), "200 OK"));
  state.no(probes::kind::ready, "the disk is full");
  state.no(probes::kind::alive, "it cannot go on");
  CHECK(body_of(ask("GET /readyz")) == "the disk is full\n");
  CHECK(begins(ask("GET /livez"), "503 Service Unavailable"));
  CHECK(begins(ask("GET /startupz"), "200 OK"));
}

TEST_CASE_FIXTURE(port_fixture, "a page is asked for, not written to") {
  for (const char* page : {"/livez", "/metrics"}) {
    for (const char* method : {"POST ", "PUT ", "DELETE "})
      CHECK(
        begins(ask(std::string{method} + page, "Content-Length: 0\r\n"), "405 Method Not Allowed"));
    auto head = ask(std::string{"HEAD "} + page);
    CHECK(begins(head, "200 OK"));
    CHECK(head.ends_with("\r\n\r\n"));
  }
  for (const char* page : {"/", "/metricsz", "/readyz/../etc/passwd", "/..%2f..%2fetc/passwd"})
    CHECK(ask(std::string{"GET "} + page).starts_with("HTTP/1.1 4"));
}

TEST_CASE_FIXTURE(port_fixture, "metrics come as they are now, packed for whom takes it so") {
  auto& calls = measured.counter("calls_total", "Calls.", {{"kind", "a \"b\"\n"}});
  measured.histogram("seconds", "How long.", {1, 2}).observe(1.5);
  measured.gauge("full", "How full.").set(-3);
  calls.add();
  auto plain = body_of(ask("GET /metrics"));
  CHECK(plain.find("# TYPE calls_total counter\ncalls_total{kind=\"a \\\"b\\\"\\n\"} 1\n")
        != std::string::npos);
  CHECK(plain.find("full -3\n") != std::string::npos);
  CHECK(plain.find("seconds_bucket{le=\"2\"} 1\n") != std::string::npos);
  calls.add();
  auto packed = ask("GET /metrics", "Accept-Encoding: gzip, deflate\r\n");
  CHECK(packed.find("Content-Encoding: gzip\r\n") != std::string::npos);
  auto text = unpacked(body_of(packed));
  CHECK(text.find("calls_total{kind=\"a \\\"b\\\"\\n\"} 2\n") != std::string::npos);
}

TEST_CASE_FIXTURE(port_fixture, "clients that connect and say nothing hold nobody up") {
  constexpr int many = 12;
  port = must_start({.callers_max = many + 1, .silence_max = std::chrono::minutes{5}});
  std::vector<std::unique_ptr<caller>> silent;
  for (int i = 0; i < many; ++i)
    silent.push_back(std::make_unique<caller>(port->port()));
  CHECK(begins(ask("GET /livez"), "200 OK"));
  for (const auto& one : silent)
    CHECK(one->is_open());
}

TEST_CASE_FIXTURE(port_fixture, "whoever says nothing for too long makes room for others") {
  port = must_start({.callers_max = 1, .silence_max = std::chrono::milliseconds{50}});
  caller silent{port->port()};
  CHECK(begins(ask("GET /livez"), "200 OK"));
  CHECK_FALSE(silent.is_open());
}

TEST_CASE_FIXTURE(port_fixture, "a port that is taken is refused with what to do") {
  auto second = http_port::start(measured, state, {"127.0.0.1"}, port->port());
  REQUIRE(!second);
  CHECK(second.error().code == errc::unavailable);
  CHECK(second.error().message.find("choose another --metrics-port") != std::string::npos);
}
