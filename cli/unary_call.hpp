#pragma once

#include "base/result.hpp"

#include <chrono>
#include <string>

namespace reprise::cli {

/// One gRPC call to a server ("host:port"), over a connection of its own. Blocks, for each step on
/// the wire at most for `patience`. The answer's bytes, or the server's refusal; unavailable when
/// there is no server.
result<std::string> unary_call(const std::string& address, const std::string& path,
                               const std::string& request, std::chrono::milliseconds patience);

} // namespace reprise::cli
