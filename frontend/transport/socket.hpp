#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace reprise::frontend {

/// Owns a file descriptor.
class file_descriptor {
public:
  file_descriptor() = default;

  explicit file_descriptor(int number) : number_(number) {
  }

  file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {
  }

  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  ~file_descriptor();

  int get() const noexcept {
    return number_;
  }

  explicit operator bool() const noexcept {
    return number_ >= 0;
  }

private:
  int number_ = -1;
};

/// Sockets that listen for TCP connections, none of them blocking.
struct listening {
  /// One for each address of the name that was given.
  std::vector<file_descriptor> sockets{};
  int port = 0;
};

/// Listens on all addresses of `host` (a name or a number of either kind); port 0: any free one.
/// Refused (unavailable), with what the system says, when one of them cannot be had.
result<listening> listen_on(const std::string& host, int port);

/// The addresses of `host` as numbers, those of them that this machine has. Refused (unavailable),
/// with a sentence, when there is none.
result<std::vector<std::string>> addresses_of(const std::string& host);
/// Whether only this machine can have such an address.
bool is_loopback(const std::string& address);

/// "127.0.0.1:80" and "[::1]:80".
std::string address_text(const std::string& host, int port);

/// The next connection of a listening socket, ready for short answers. None: there is none now,
/// or (`exhausted`) there are too many descriptors to take it.
file_descriptor accept_from(const file_descriptor& socket, bool& exhausted);

/// Whether the other side is on this machine.
bool is_from_here(const file_descriptor& socket);

/// Lets the process have as many descriptors as the system allows it, and says how many that are.
std::size_t raise_descriptor_limit();

} // namespace reprise::frontend
