#include "cluster/link/sockets.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace reprise::link {

namespace {

error unfit(const std::string& what) {
  return make_error(errc::unavailable, what + ": " + std::strerror(errno));
}

std::uint16_t port_of(int socket) {
  socket_address is;
  is.size = sizeof is.bytes;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&is.bytes), &is.size);
  return ntohs(is.bytes.ss_family == AF_INET6
                 ? reinterpret_cast<const sockaddr_in6&>(is.bytes).sin6_port
                 : reinterpret_cast<const sockaddr_in&>(is.bytes).sin_port);
}

int make_socket(const socket_address& of) {
  return ::socket(of.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

} // namespace

std::vector<socket_address> look_up(const endpoint& where, bool by_name) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV | (by_name ? 0 : AI_NUMERICHOST);
  addrinfo* found = nullptr;
  if (::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &wanted, &found) != 0)
    return {};
  std::unique_ptr<addrinfo, decltype([](addrinfo* a) { ::freeaddrinfo(a); })> all{found};
  std::vector<socket_address> out;
  for (const auto* a = all.get(); a != nullptr; a = a->ai_next) {
    auto& made = out.emplace_back();
    std::memcpy(&made.bytes, a->ai_addr, a->ai_addrlen);
    made.size = a->ai_addrlen;
  }
  return out;
}

void take_little(int socket, std::size_t write_bytes) noexcept {
  auto most = static_cast<int>(write_bytes);
  ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

result<int> begin_connect(const socket_address& to, std::size_t write_bytes) {
  auto made = make_socket(to);
  if (made < 0)
    return unfit("there is no socket");
  take_little(made, write_bytes);
  if (::connect(made, reinterpret_cast<const sockaddr*>(&to.bytes), to.size) == 0
      || errno == EINPROGRESS)
    return made;
  auto why = unfit("it cannot be reached");
  ::close(made);
  return why;
}

result<std::pair<int, std::uint16_t>> begin_listen(const endpoint& at) {
  auto text = "the link cannot listen on " + to_string(at);
  auto found = look_up(at, true);
  if (found.empty())
    return make_error(errc::invalid_argument, text + ": there is no such address");
  auto made = make_socket(found.front());
  if (made < 0)
    return unfit(text);
  int yes = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto& to = found.front();
  if (::bind(made, reinterpret_cast<const sockaddr*>(&to.bytes), to.size) == 0
      && ::listen(made, SOMAXCONN) == 0)
    return std::pair{made, port_of(made)};
  auto why = unfit(text);
  ::close(made);
  return why;
}

void cut(int socket, bool at_once) noexcept {
  if (at_once) {
    linger none{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  }
  ::shutdown(socket, SHUT_RDWR);
}

} // namespace reprise::link
