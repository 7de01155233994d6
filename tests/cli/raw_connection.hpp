#pragma once

// A TCP connection that speaks as much HTTP/2 as it takes to be a bad client.

#include "frontend/transport/socket.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

  /// On a socket that is connected.
  explicit raw_connection(reprise::frontend::file_descriptor socket)
    : socket_(::dup(socket.get())) {
    REQUIRE(socket_ >= 0);
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

  /// What is said about a call up to the end of the stream: headers as lines, data as it is, a
  /// reset as "[reset CODE]". Ends early with the connection, or at a ping's answer.
  std::string hear(std::uint32_t stream) {
    std::string out;
    while (true) {
      auto f = next_frame();
      if (!f || f->type == frame_ping)
        return out;
      // The headers of all calls share one table.
      auto content = f->type == frame_headers ? inflate(f->content) : f->content;
      if (f->stream != stream)
        continue;
      if (f->type == frame_reset)
        return out + "[reset " + std::to_string(static_cast<unsigned char>(f->content[3])) + "]";
      out += content;
      if ((f->type == frame_headers || f->type == frame_data) && (f->flags & end_of_stream) != 0)
        return out;
    }
  }

  /// What is said about any call up to the end of one.
  std::string hear_any() {
    std::string out;
    while (auto f = next_frame()) {
      if (f->type == frame_headers)
        out += inflate(f->content);
      if ((f->type == frame_headers || f->type == frame_data) && (f->flags & end_of_stream) != 0)
        break;
    }
    return out;
  }

  /// Whether a ping with these bytes is answered, whatever else is said before.
  bool hears_pong(const std::string& eight_bytes) {
    while (auto f = next_frame())
      if (f->type == frame_ping && f->flags == 1 && f->content == eight_bytes)
        return true;
    return false;
  }

  /// The last call that the other side will serve, as its next GOAWAY says; nothing when it hangs
  /// up without one.
  std::optional<std::uint32_t> hears_goaway() {
    constexpr std::uint8_t frame_goaway = 7;
    while (auto f = next_frame()) {
      // The headers of all calls share one table.
      if (f->type == frame_headers)
        inflate(f->content);
      if (f->type != frame_goaway || f->content.size() < 4)
        continue;
      std::uint32_t last = 0;
      for (std::size_t i = 0; i < 4; ++i)
        last = last << 8 | static_cast<unsigned char>(f->content[i]);
      return last;
    }
    return std::nullopt;
  }

  /// Answers a ping of the other side's that it sent behind its notice.
  bool pong() {
    return send(frame(frame_ping, 1, 0, std::string(8, '\0')));
  }

  /// Whether the other side hangs up, whatever it says before.
  bool is_hung_up_on() {
    while (receive_some()) {
    }
    char byte = 0;
    return ::recv(socket_, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
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

  /// The head of a unary call on a stream (odd, rising); `timeout` as gRPC writes it ("60S").
  bool begin_call(std::uint32_t stream, std::string_view path, std::string_view timeout = "60S") {
    auto head = call_head(path);
    if (!timeout.empty())
      head += header("grpc-timeout", timeout);
    return send(frame(frame_headers, end_of_headers, stream, head));
  }

  /// The same; says that so many bytes will follow.
  bool begin_call_of(std::uint32_t stream, std::string_view path, std::string_view bytes) {
    return send(frame(frame_headers, end_of_headers, stream,
                      call_head(path) + header("content-length", bytes)));
  }

  /// The same with a header that is so long; in as many frames as it takes.
  bool begin_call_with(std::uint32_t stream, std::string_view path, std::size_t header_bytes) {
    constexpr std::size_t frame_max = 16U << 10;
    auto head = call_head(path) + header("x-long", std::string(header_bytes, '~'));
    std::string_view left = head;
    for (auto type = frame_headers; !left.empty(); type = frame_continuation) {
      auto part = left.substr(0, frame_max);
      left.remove_prefix(part.size());
      if (!send(frame(type, left.empty() ? end_of_headers : 0, stream, std::string{part})))
        return false;
    }
    return true;
  }

  /// A whole call with this request.
  bool call(std::uint32_t stream, std::string_view path, const std::string& request) {
    return begin_call(stream, path)
           && send_data(stream,
                        std::string(1, '\0') + number(static_cast<std::uint32_t>(request.size()), 4)
                          + request,
                        true);
  }

  /// An empty request, which ends the client's half.
  bool end_call(std::uint32_t stream) {
    return send_data(stream, std::string(5, '\0'), true);
  }

  /// A request, which ends the client's half.
  bool end_call(std::uint32_t stream, const std::string& request) {
    auto head = std::string(1, '\0') + number(static_cast<std::uint32_t>(request.size()), 4);
    return send_data(stream, head + request, true);
  }

  bool send_data(std::uint32_t stream, const std::string& bytes, bool is_last) {
    return send(frame(frame_data, is_last ? end_of_stream : 0, stream, bytes));
  }

  bool reset_call(std::uint32_t stream) {
    constexpr std::uint32_t cancelled = 8;
    return send(frame(frame_reset, 0, stream, number(cancelled, 4)));
  }

  bool open_window(std::uint32_t stream, std::uint32_t bytes) {
    return send(frame(frame_window_update, 0, stream, number(bytes, 4)));
  }

  bool ping(const std::string& eight_bytes) {
    return send(frame(frame_ping, 0, 0, eight_bytes));
  }

  /// Any head of a call: pairs of names and values.
  bool begin_request(std::uint32_t stream,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> headers,
                     bool is_all = true) {
    std::string head;
    for (auto [name, value] : headers)
      head += header(name, value);
    auto flags = static_cast<std::uint8_t>(end_of_headers | (is_all ? end_of_stream : 0));
    return send(frame(frame_headers, flags, stream, head));
  }

private:
  static constexpr std::chrono::milliseconds patience{30'000};
  static constexpr std::uint8_t frame_data = 0;
  static constexpr std::uint8_t frame_headers = 1;
  static constexpr std::uint8_t frame_reset = 3;
  static constexpr std::uint8_t frame_settings = 4;
  static constexpr std::uint8_t frame_ping = 6;
  static constexpr std::uint8_t frame_window_update = 8;
  static constexpr std::uint8_t frame_continuation = 9;
  static constexpr std::uint8_t end_of_stream = 1;
  static constexpr std::uint8_t end_of_headers = 4;

  struct heard_frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string content{};
  };

  /// Exactly so many bytes; fewer at the connection's end.
  std::string receive(std::size_t size) {
    std::string out;
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    while (out.size() < size && ::poll(&ready, 1, static_cast<int>(patience.count())) > 0) {
      char buffer[4096];
      auto n = ::recv(socket_, buffer, std::min(sizeof buffer, size - out.size()), 0);
      if (n <= 0)
        break;
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }

  std::optional<heard_frame> next_frame() {
    constexpr std::size_t head_size = 9;
    auto head = receive(head_size);
    if (head.size() < head_size)
      return std::nullopt;
    auto value = [&head](std::size_t from, std::size_t to) {
      std::uint32_t v = 0;
      for (auto i = from; i < to; ++i)
        v = v << 8 | static_cast<unsigned char>(head[i]);
      return v;
    };
    return heard_frame{.type = static_cast<std::uint8_t>(head[3]),
                       .flags = static_cast<std::uint8_t>(head[4]),
                       .stream = value(5, 9),
                       .content = receive(value(0, 3))};
  }

  std::string inflate(std::string_view block) {
    std::string out;
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    auto left = block.size();
    while (true) {
      nghttp2_nv field{};
      int flags = 0;
      auto n = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, at, left, 1);
      REQUIRE(n >= 0);
      at += n;
      left -= static_cast<std::size_t>(n);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
        out.append(reinterpret_cast<char*>(field.name), field.namelen)
          .append(": ")
          .append(reinterpret_cast<char*>(field.value), field.valuelen)
          .append("\n");
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0)
        break;
    }
    nghttp2_hd_inflate_end_headers(inflater_.get());
    return out;
  }

  static nghttp2_hd_inflater* new_inflater() {
    nghttp2_hd_inflater* made = nullptr;
    REQUIRE(nghttp2_hd_inflate_new(&made) == 0);
    return made;
  }

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

  static std::string call_head(std::string_view path) {
    // POST and http, by their places in HTTP/2's table.
    return "\x83\x86" + header(":path", path) + header(":authority", "localhost")
           + header("content-type", "application/grpc") + header("te", "trailers");
  }

  /// A literal that enters no table.
  static std::string header(std::string_view name, std::string_view value) {
    std::string out(1, '\0');
    for (auto text : {name, value})
      out.append(length(text.size())).append(text);
    return out;
  }

  static std::string length(std::size_t n) {
    constexpr std::size_t prefix = 127;
    constexpr std::size_t more = 128;
    if (n < prefix)
      return {static_cast<char>(n)};
    std::string out{static_cast<char>(prefix)};
    for (n -= prefix; n >= more; n /= more)
      out.push_back(static_cast<char>(n % more + more));
    out.push_back(static_cast<char>(n));
    return out;
  }

  int socket_;
  std::unique_ptr<nghttp2_hd_inflater,
                  decltype([](nghttp2_hd_inflater* i) { nghttp2_hd_inflate_del(i); })>
    inflater_{new_inflater()};
};

} // namespace reprise::testing
