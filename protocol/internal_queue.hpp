#pragma once

#include <string_view>

namespace reprise::protocol {

/// Where tasks lie that the server itself works on, of durable actors that are no workflows.
inline constexpr std::string_view own_work_queue = "temporal-sys-per-ns-tq";

/// Whether a task queue is one of the server's own in a namespace, which no user may name.
inline bool is_internal_queue(std::string_view name) noexcept {
  return name.starts_with("temporal-sys-per-ns-")
         || name == "temporal-sys-worker-controller-per-ns-tq";
}

} // namespace reprise::protocol
