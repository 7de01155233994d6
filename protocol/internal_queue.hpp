#pragma once

#include <string_view>

namespace reprise::protocol {

/// Whether a task queue is one of the server's own in a namespace, which no user may name.
inline bool is_internal_queue(std::string_view name) noexcept {
  return name.starts_with("temporal-sys-per-ns-")
         || name == "temporal-sys-worker-controller-per-ns-tq";
}

} // namespace reprise::protocol
