#pragma once

#include "base/result.hpp"
#include "cluster/link/settings.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace reprise::link {

struct socket_address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

/// Where that is; of a name, all places. `by_name`: names may be looked up, which may block.
std::vector<socket_address> look_up(const endpoint& where, bool by_name);

/// A socket that will be connected, or have failed; not waited for.
result<int> begin_connect(const socket_address& to, std::size_t write_bytes);

/// A socket that others can connect to, and its port. Refused with a sentence that says why not.
result<std::pair<int, std::uint16_t>> begin_listen(const endpoint& at);

/// The system takes little more than it can send, so that what is more urgent is not behind much.
void take_little(int socket, std::size_t write_bytes) noexcept;

/// Nothing goes in or out any more. `at_once`: what the system still has to send is dropped.
void cut(int socket, bool at_once) noexcept;

} // namespace reprise::link
