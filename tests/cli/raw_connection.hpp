#pragma once

// A TCP connection that speaks as much HTTP/2 as it takes to be a bad client.

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace reprise::testing {

class raw_connection {
public:
  explicit raw_connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }

  ~raw_connection() {
    ::close(socket_);
  }

  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  /// Whether the other side still takes it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Waits for something to read; false at the connection's end.
  bool receive_some() {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0)
      return false;
    char buffer[4096];
    return ::recv(socket_, buffer, sizeof buffer, 0) > 0;
  }

  /// Closes by a reset, so that nothing that was sent or is to come gets through.
  void reset() {
    linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  /// The client's first words; `window`: so many bytes of an answer it takes.
  bool greet(std::uint32_t window) {
    constexpr std::uint16_t initial_window_size = 4;
    std::string settings = number(initial_window_size, 2) + number(window, 4);
    return send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") && send(frame(frame_settings, 0, 0, settings));
  }

  /// The head of a unary call on a stream (odd, rising).
  bool begin_call(std::uint32_t stream, std::string_view path) {
    // POST and http, by their places in HTTP/2's table.
    std::string head = "\x83\x86" + header(":path", path) + header(":authority", "localhost")
                       + header("content-type", "application/grpc") + header("te", "trailers");
    return send(frame(frame_headers, end_of_headers, stream, head));
  }

  /// An empty request, which ends the client's half.
  bool end_call(std::uint32_t stream) {
    return send(frame(frame_data, end_of_stream, stream, std::string(5, '\0')));
  }

private:
  static constexpr std::chrono::milliseconds patience{30'000};
  static constexpr std::uint8_t frame_data = 0;
  static constexpr std::uint8_t frame_headers = 1;
  static constexpr std::uint8_t frame_settings = 4;
  static constexpr std::uint8_t end_of_stream = 1;
  static constexpr std::uint8_t end_of_headers = 4;

  static std::string number(std::uint32_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i)
      out.push_back(static_cast<char>(value >> (8 * i)));
    return out;
  }

  static std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                           const std::string& content) {
    return number(static_cast<std::uint32_t>(content.size()), 3) + number(type, 1)
           + number(flags, 1) + number(stream, 4) + content;
  }

  /// A literal that enters no table; short ones only.
  static std::string header(std::string_view name, std::string_view value) {
    REQUIRE(name.size() < 127);
    REQUIRE(value.size() < 127);
    std::string out(1, '\0');
    out.push_back(static_cast<char>(name.size()));
    out += name;
    out.push_back(static_cast<char>(value.size()));
    out += value;
    return out;
  }

  int socket_;
};

} // namespace reprise::testing
