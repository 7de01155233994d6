#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

// A wire between a client and a server that a test can cut at the moment it chooses.
namespace reprise::test {

/// Forwards connections on a port of its own to a server on this machine.
class tcp_proxy {
public:
  /// What becomes of a connection whose client sent something.
  enum class verdict : std::uint8_t {
    forward,
    /// The server gets it, the client never hears of it again.
    forward_and_cut,
    /// The server does not get it yet; the client is cut off. deliver_held() sends it later.
    hold_and_cut,
    /// The same, and the client waits until the server ends the connection.
    hold,
  };
  /// Asked for every piece that a client sends, from the proxy's threads.
  using judge = std::function<verdict(std::string_view)>;

  tcp_proxy(std::uint16_t server_port, judge decide)
    : server_port_(server_port), decide_(std::move(decide)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = local(0);
    auto size = socklen_t{sizeof address};
    ok_ = bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0
          && listen(listener_, 64) == 0
          && getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread{[this] { accept_all(); }};
  }

  ~tcp_proxy() {
    stopping_ = true;
    acceptor_.join();
    for (auto& w : wires_)
      w.thread.join();
    close(listener_);
  }

  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;

  bool ok() const {
    return ok_;
  }

  std::uint16_t port() const {
    return port_;
  }

  /// How many connections clients have made so far.
  int accepted() const {
    return accepted_;
  }

  /// While down, connections are cut and new ones end at once, as of a server that is away.
  void set_down(bool down) {
    down_ = down;
  }

  /// Connections that are there go on; new ones end at once.
  void refuse_new(bool refuse) {
    refuses_new_ = refuse;
  }

  /// Whether something is held, or was.
  bool holds() const {
    return holding_;
  }

  /// Sends what was held, on the servers' sides that are still open.
  void deliver_held() {
    deliver_ = true;
  }

  /// Whether a server has closed a connection on which something was held.
  bool held_was_closed() const {
    return held_closed_;
  }

  /// Whether what was held has been sent.
  bool held_was_sent() const {
    return held_sent_;
  }

private:
  struct wire {
    std::thread thread{};
    std::atomic<bool> ended = false;
  };

  static sockaddr_in local(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    return a;
  }

  static bool readable(int fd) {
    pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&p, 1, 20) > 0;
  }

  static bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  void accept_all() {
    while (!stopping_) {
      if (!readable(listener_))
        continue;
      auto client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0)
        continue;
      ++accepted_;
      join_ended();
      auto& w = wires_.emplace_back();
      w.thread = std::thread{[this, client, &w] {
        serve(client);
        w.ended = true;
      }};
    }
  }

  /// A thread keeps its stack until it is joined, and a server whose database is away tries to
  /// reach it some thousand times a second.
  void join_ended() {
    wires_.remove_if([](wire& w) {
      if (!w.ended)
        return false;
      w.thread.join();
      return true;
    });
  }

  void serve(int client) {
    auto server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = local(server_port_);
    if (!down_ && !refuses_new_
        && connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
      pump(client, server);
    close(client);
    close(server);
  }

  void pump(int client, int server) {
    char buffer[65536];
    while (!stopping_ && !down_) {
      pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (poll(both, 2, 20) <= 0)
        continue;
      if (both[1].revents != 0) {
        auto n = recv(server, buffer, sizeof buffer, 0);
        if (n <= 0 || !send_all(client, {buffer, static_cast<std::size_t>(n)}))
          return;
      }
      if (both[0].revents != 0) {
        auto n = recv(client, buffer, sizeof buffer, 0);
        if (n <= 0)
          return;
        std::string_view piece{buffer, static_cast<std::size_t>(n)};
        switch (decide_(piece)) {
          case verdict::forward:
            if (!send_all(server, piece))
              return;
            break;
          case verdict::forward_and_cut:
            send_all(server, piece);
            shutdown(client, SHUT_RDWR);
            // The server's answer shows that it has done it.
            recv(server, buffer, sizeof buffer, 0);
            return;
          case verdict::hold_and_cut:
            shutdown(client, SHUT_RDWR);
            [[fallthrough]];
          case verdict::hold:
            return hold(server, std::string{piece});
        }
      }
    }
  }

  /// Keeps the server's side open, as a network does that has lost a client.
  void hold(int server, const std::string& piece) {
    holding_ = true;
    while (!stopping_ && !deliver_) {
      if (!readable(server))
        continue;
      char byte;
      if (recv(server, &byte, 1, 0) <= 0) {
        held_closed_ = true;
        return;
      }
    }
    if (deliver_ && send_all(server, piece)) {
      char answer[1024];
      recv(server, answer, sizeof answer, 0);
    }
    held_sent_ = true;
  }

  const std::uint16_t server_port_;
  const judge decide_;
  int listener_ = -1;
  bool ok_ = false;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> down_ = false;
  std::atomic<int> accepted_ = 0;
  std::atomic<bool> refuses_new_ = false;
  std::atomic<bool> holding_ = false;
  std::atomic<bool> deliver_ = false;
  std::atomic<bool> held_closed_ = false;
  std::atomic<bool> held_sent_ = false;
  std::thread acceptor_;
  std::list<wire> wires_;
};

} // namespace reprise::test
