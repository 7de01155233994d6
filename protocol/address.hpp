#pragma once

#include "protocol/machine_kind.hpp"

#include <cstdint>
#include <limits>

namespace reprise {

/// The kind of durable actor that a message (a request, a task, a token) names; one that no server
/// has where its number is none.
template <class Message>
machine_kind kind_of(const Message& m) noexcept {
  constexpr std::uint32_t none = std::numeric_limits<std::uint8_t>::max();
  return static_cast<machine_kind>(m.machine() < none ? m.machine() : none);
}

constexpr std::uint8_t number_of(machine_kind kind) noexcept {
  return static_cast<std::uint8_t>(kind);
}

} // namespace reprise
