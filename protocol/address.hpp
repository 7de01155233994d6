#pragma once

#include "protocol/machine_kind.hpp"

#include <cstdint>
#include <limits>
#include <string>

namespace reprise {

/// The kind of durable actor that a message (a request, a task, a token) names; one that no server
/// has where its number is none.
template <class Message>
machine_kind kind_of(const Message& m) noexcept {
  constexpr std::uint32_t none = std::numeric_limits<std::uint8_t>::max();
  return static_cast<machine_kind>(m.machine() < none ? m.machine() : none);
}

/// Says to which durable actor a request goes.
template <class Message, class Address>
void set_address(Message& m, const Address& to) {
  m.set_namespace_id(to.namespace_id());
  m.set_namespace_name(to.namespace_name());
  m.set_machine(to.machine());
  m.set_workflow_id(to.id());
}

constexpr std::uint8_t number_of(machine_kind kind) noexcept {
  return static_cast<std::uint8_t>(kind);
}

/// The id of the durable actor of a task queue; `kind`: 1 workflow, 2 activity tasks, as in the
/// public API.
inline std::string queue_actor_id(int kind, const std::string& name) {
  return std::to_string(kind) + "/" + name;
}

} // namespace reprise
