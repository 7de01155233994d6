#pragma once

#include <string_view>

// Headers of an ExecutionRequest that no client sends: what the frontend says of the call.

namespace reprise::protocol {

/// When the caller gives up: nanoseconds since the epoch, decimal.
inline constexpr std::string_view deadline_header = "reprise-deadline-ns";

} // namespace reprise::protocol
