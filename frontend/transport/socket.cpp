#include "frontend/transport/socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace reprise::frontend {

namespace {

struct free_addresses {
  void operator()(addrinfo* list) const {
    ::freeaddrinfo(list);
  }
};

using address_list = std::unique_ptr<addrinfo, free_addresses>;

error cannot_listen(std::string_view why) {
  return make_error(errc::unavailable, std::string{why});
}

/// NOT_FOUND when the machine cannot use addresses of that kind.
error cannot_listen() {
  auto is_missing = errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
  return make_error(is_missing ? errc::not_found : errc::unavailable, std::strerror(errno));
}

result<address_list> resolve(const std::string& host, int port) {
  addrinfo wanted{};
  wanted.ai_flags = AI_PASSIVE;
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // An empty name means every address.
  const char* name = host.empty() ? nullptr : host.c_str();
  if (auto code = ::getaddrinfo(name, std::to_string(port).c_str(), &wanted, &found); code != 0)
    return cannot_listen(::gai_strerror(code));
  return address_list{found};
}

void set(const file_descriptor& socket, int level, int option, int value) {
  ::setsockopt(socket.get(), level, option, &value, sizeof value);
}

int port_of(const file_descriptor& socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return 0;
  auto number = bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(bound).sin_port;
  return ntohs(number);
}

void set_port(addrinfo& address, int port) {
  auto number = htons(static_cast<std::uint16_t>(port));
  if (address.ai_family == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(address.ai_addr)->sin6_port = number;
  else
    reinterpret_cast<sockaddr_in*>(address.ai_addr)->sin_port = number;
}

/// `is_alone`: an address of the newer kind that means every address takes those of the older, too.
result<file_descriptor> listen_on_one(const addrinfo& address, bool is_alone) {
  constexpr int waiting_max = 4096;
  file_descriptor socket{
    ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
  if (!socket)
    return cannot_listen();
  // A server that was killed left connections behind, which would keep the port for a minute.
  // Another server on the same port is refused nevertheless.
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ai_family == AF_INET6)
    set(socket, IPPROTO_IPV6, IPV6_V6ONLY, is_alone ? 0 : 1);
  if (::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0
      || ::listen(socket.get(), waiting_max) != 0)
    return cannot_listen();
  return socket;
}

/// `port` 0: the one that the first of the addresses gets, for all of them.
result<listening> listen_on_all(addrinfo* addresses, int port) {
  listening out{.port = port};
  auto refused = cannot_listen("it has no address");
  auto is_alone = addresses != nullptr && addresses->ai_next == nullptr;
  for (auto* a = addresses; a != nullptr; a = a->ai_next) {
    set_port(*a, out.port);
    auto socket = listen_on_one(*a, is_alone);
    if (!socket) {
      refused = std::move(socket).error();
      // A name may have addresses of a kind that the machine cannot use.
      if (refused.code == errc::not_found)
        continue;
      return refused;
    }
    out.port = port_of(*socket);
    out.sockets.push_back(std::move(*socket));
  }
  if (out.sockets.empty())
    return refused;
  return out;
}

} // namespace

file_descriptor::~file_descriptor() {
  if (number_ >= 0)
    ::close(number_);
}

result<listening> listen_on(const std::string& host, int port) {
  auto addresses = resolve(host, port);
  if (!addresses)
    return std::move(addresses).error();
  auto out = listen_on_all(addresses->get(), port);
  // Any free port: what is free on the first address may be taken on another.
  constexpr int tries = 20;
  for (int i = 1; i < tries && port == 0 && !out; ++i)
    out = listen_on_all(addresses->get(), port);
  return out;
}

result<std::vector<std::string>> addresses_of(const std::string& host) {
  auto refused = [&host](const std::string& why) {
    return make_error(errc::unavailable,
                      "cannot listen on " + host + ": " + why + "; choose another --ip");
  };
  auto found = resolve(host, 0);
  if (!found)
    return refused(found.error().message);
  std::vector<std::string> out;
  for (auto* a = found->get(); a != nullptr; a = a->ai_next) {
    file_descriptor socket{::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP)};
    if (!socket || ::bind(socket.get(), a->ai_addr, a->ai_addrlen) != 0)
      continue;
    std::array<char, NI_MAXHOST> number{};
    if (::getnameinfo(a->ai_addr, a->ai_addrlen, number.data(), number.size(), nullptr, 0,
                      NI_NUMERICHOST)
        == 0)
      out.emplace_back(number.data());
  }
  if (out.empty())
    return refused("this machine has no such address");
  return out;
}

std::string address_text(const std::string& host, int port) {
  auto is_long = host.find(':') != std::string::npos;
  return (is_long ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

file_descriptor accept_from(const file_descriptor& socket, bool& exhausted) {
  while (true) {
    file_descriptor taken{::accept4(socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (taken) {
      set(taken, IPPROTO_TCP, TCP_NODELAY, 1);
      return taken;
    }
    // One that was given up before it was taken says nothing about the next.
    if (errno == ECONNABORTED || errno == EINTR)
      continue;
    exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return {};
  }
}

bool is_from_here(const file_descriptor& socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&peer), &size) != 0)
    return false;
  constexpr std::uint32_t loopback_net = 127;
  constexpr int net_shift = 24;
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    return ntohl(v4.sin_addr.s_addr) >> net_shift == loopback_net;
  }
  if (peer.ss_family != AF_INET6)
    return false;
  const auto& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  constexpr std::size_t v4_begins = 12;
  return IN6_IS_ADDR_LOOPBACK(&address)
         || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[v4_begins] == loopback_net);
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 0;
  auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

} // namespace reprise::frontend
