#pragma once

#include "cluster/link/carrier.hpp"
#include "protocol/routed.pb.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

namespace reprise::cluster {

/// The number of what is set: the kind of its envelope.
std::uint32_t envelope_kind(const routed::Routed& what);

/// To the nodes that are connected: in order within a lane, and what the link has no room for waits
/// here. Not thread-safe.
class outbound {
public:
  enum class result : std::uint8_t {
    /// It is on its way, or waits for room.
    taken,
    /// Its receiver is not connected.
    down,
    /// There is no room, or never any for one of its size.
    refused,
  };

  explicit outbound(std::size_t waiting_bytes_max) : waiting_bytes_max_(waiting_bytes_max) {
  }

  void use(link::carrier* by) noexcept {
    carrier_ = by;
  }

  void on_up(link::incarnation who) {
    up_.insert(who);
  }

  /// What waited for it is lost.
  void on_down(link::incarnation who);
  void on_room(link::incarnation who, link::lane on);

  bool is_up(link::incarnation who) const {
    return up_.contains(who);
  }

  std::vector<link::incarnation> all_up() const {
    return {up_.begin(), up_.end()};
  }

  result send(link::incarnation to, const routed::Routed& what);

private:
  struct waiting {
    std::array<std::deque<link::Envelope>, link::lanes> lanes{};
    std::size_t bytes = 0;
  };

  const std::size_t waiting_bytes_max_;
  link::carrier* carrier_ = nullptr;
  std::set<link::incarnation> up_;
  std::map<link::incarnation, waiting> waiting_;
};

} // namespace reprise::cluster
