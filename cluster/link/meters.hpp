#pragma once

#include "base/metrics.hpp"
#include "cluster/link/settings.hpp"
#include "protocol/link.pb.h"

#include <array>

namespace reprise::link {

/// What a link counts, looked up once.
struct meters {
  explicit meters(metrics& m);

  /// Why a connection was refused, by us; and by others.
  counter& refused(Farewell::Reason why) const noexcept;

  gauge& peers;
  counter& ups;
  counter& downs;
  counter& unreachable;
  counter& refused_us;
  counter& bytes_sent;
  counter& bytes_received;
  counter& frames_sent;
  counter& frames_received;
  counter& unsupported;
  gauge& held_to_send;
  gauge& held_received;
  std::array<counter*, lanes> sent{};
  std::array<counter*, lanes> received{};
  std::array<counter*, lanes> full{};

private:
  std::array<counter*, Farewell::Reason_ARRAYSIZE> refused_{};
};

} // namespace reprise::link
