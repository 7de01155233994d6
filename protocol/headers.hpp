#pragma once

#include <string_view>

// Headers of an ExecutionRequest that no client sends: what the frontend says of the call, and what
// a session that may be lost leaves to the next one.

namespace reprise::protocol {

/// When the caller gives up: nanoseconds since the epoch, decimal.
inline constexpr std::string_view deadline_header = "reprise-deadline-ns";
/// When a caller who waits for an update is told how far it has come; as the deadline.
inline constexpr std::string_view wait_until_header = "reprise-wait-until-ns";
/// The run that the start in the request began.
inline constexpr std::string_view began_run_header = "reprise-began-run";

} // namespace reprise::protocol
