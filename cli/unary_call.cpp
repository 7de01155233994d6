#include "cli/unary_call.hpp"

#include "base/tls/session.hpp"

#include <netdb.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace reprise::cli {

namespace {

constexpr std::size_t message_head = 5;

error unreachable(const std::string& address, const std::string& why) {
  return make_error(errc::unavailable, "no server answers at " + address + " (" + why
                                         + "); is it running? --address says where it is");
}

std::string framed(const std::string& message) {
  constexpr unsigned byte = 8;
  std::string out(1, '\0');
  auto size = static_cast<std::uint32_t>(message.size());
  for (unsigned shift = 4 * byte; shift > 0; shift -= byte)
    out.push_back(static_cast<char>(size >> (shift - byte)));
  return out + message;
}

/// gRPC's texts have %XX for what is no plain letter.
std::string decoded(std::string_view text) {
  std::string out;
  constexpr int hex = 16;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int byte = 0;
    auto* from = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size()
        && std::from_chars(from, from + 2, byte, hex).ptr == from + 2) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

class socket_handle {
public:
  explicit socket_handle(int number) : number_(number) {
  }

  ~socket_handle() {
    if (number_ >= 0)
      ::close(number_);
  }

  socket_handle(const socket_handle&) = delete;
  socket_handle& operator=(const socket_handle&) = delete;

  int get() const noexcept {
    return number_;
  }

private:
  int number_;
};

/// The one call on its connection.
class exchange {
public:
  /// `secret`, if any, outlives this.
  exchange(int socket, tls::session* secret, std::string request)
    : socket_(socket), tls_(secret), unsent_(std::move(request)) {
    nghttp2_session_callbacks* told = nullptr;
    nghttp2_session_callbacks_new(&told);
    nghttp2_session_callbacks_set_on_header_callback(told, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(told, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(told, on_close);
    nghttp2_session_client_new(&session_, told, this);
    nghttp2_session_callbacks_del(told);
  }

  ~exchange() {
    nghttp2_session_del(session_);
  }

  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  result<std::string> run(const std::string& address, const std::string& path) {
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    const std::array<nghttp2_nv, 6> headers{header(":method", "POST"),
                                            header(":scheme", tls_ ? "https" : "http"),
                                            header(":path", path),
                                            header(":authority", address),
                                            header("content-type", "application/grpc"),
                                            header("te", "trailers")};
    nghttp2_data_provider body{.source = {.ptr = this}, .read_callback = on_read};
    nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &body, nullptr);
    while (!is_over_)
      if (!send() || (!is_over_ && !receive()))
        return broken_off(address);
    return answer(address);
  }

private:
  static nghttp2_nv header(std::string_view name, std::string_view value) {
    auto bytes = [](std::string_view text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }

  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    std::string_view key{reinterpret_cast<const char*>(name), name_size};
    std::string_view text{reinterpret_cast<const char*>(value), value_size};
    auto& me = *static_cast<exchange*>(user);
    if (key == "grpc-status")
      std::from_chars(text.data(), text.data() + text.size(), me.status_);
    else if (key == "grpc-message")
      me.message_ = decoded(text);
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
                     std::size_t size, void* user) {
    static_cast<exchange*>(user)->received_.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t, std::uint32_t, void* user) {
    static_cast<exchange*>(user)->is_over_ = true;
    return 0;
  }

  static ssize_t on_read(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t most,
                         std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& rest = static_cast<exchange*>(source->ptr)->unsent_;
    auto size = std::min(most, rest.size());
    std::memcpy(into, rest.data(), size);
    rest.erase(0, size);
    if (rest.empty())
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  /// What HTTP/2 and TLS have to say.
  bool send() {
    std::string out;
    if (tls_ != nullptr)
      tls_->take_output(out);
    const std::uint8_t* bytes = nullptr;
    while (tls_ == nullptr || tls_->is_open()) {
      auto size = nghttp2_session_mem_send(session_, &bytes);
      if (size < 0)
        return false;
      if (size == 0)
        break;
      std::string_view frame{reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
      if (tls_ == nullptr)
        out.append(frame);
      else if (!tls_->send(frame, out))
        return false;
    }
    return send(out);
  }

  bool send(std::string_view out) const {
    while (!out.empty()) {
      auto n = ::send(socket_, out.data(), out.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      out.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  bool receive() {
    constexpr std::size_t buffer_size = 16U << 10;
    std::array<char, buffer_size> buffer;
    auto n = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (n <= 0)
      return false;
    std::string_view said{buffer.data(), static_cast<std::size_t>(n)};
    std::string plain;
    if (tls_ != nullptr) {
      if (!tls_->receive(said, plain))
        return false;
      said = plain;
    }
    return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(said.data()),
                                    said.size())
           >= 0;
  }

  error broken_off(const std::string& address) const {
    if (tls_ != nullptr && !tls_->failure().empty())
      return make_error(errc::unavailable, "TLS with " + address + " failed: " + tls_->failure());
    return make_error(errc::unavailable, "the server ended the connection; does it want TLS? "
                                         "--tls and --tls-ca-path say so");
  }

  result<std::string> answer(const std::string& address) {
    if (status_ != 0)
      return make_error(status_ < 0 ? errc::unavailable : static_cast<errc>(status_),
                        status_ < 0 ? "the server gave no answer" : message_);
    if (received_.size() < message_head)
      return broken_off(address);
    return received_.substr(message_head);
  }

  int socket_;
  tls::session* tls_;
  std::string unsent_;
  std::string received_;
  std::string message_;
  int status_ = -1;
  bool is_over_ = false;
  nghttp2_session* session_ = nullptr;
};

} // namespace

result<std::string> unary_call(const server_address& server, const std::string& path,
                               const std::string& request, std::chrono::milliseconds patience) {
  const auto& address = server.text;
  auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return make_error(errc::invalid_argument, "--address " + address + ": write it as host:port");
  auto host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  tls::context_ptr context;
  if (server.tls) {
    auto made = tls::make_client_context(*server.tls);
    if (!made)
      return std::move(made).error();
    context = std::move(*made);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  auto failed = ::getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (failed != 0)
    return unreachable(address, ::gai_strerror(failed));
  std::unique_ptr<addrinfo, decltype([](addrinfo* a) { ::freeaddrinfo(a); })> all{found};
  std::string why;
  for (auto* a = found; a != nullptr; a = a->ai_next) {
    socket_handle s{::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol)};
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
    const timeval limit{.tv_sec = seconds.count(), .tv_usec = 0};
    ::setsockopt(s.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(s.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(s.get(), a->ai_addr, a->ai_addrlen) == 0) {
      std::optional<tls::session> secret;
      if (context)
        secret.emplace(tls::session::connecting(context.get(), host));
      return exchange{s.get(), secret ? &*secret : nullptr, framed(request)}.run(address, path);
    }
    why = std::strerror(errno);
  }
  return unreachable(address, why);
}

} // namespace reprise::cli
