#pragma once

#include "base/result.hpp"
#include "base/tls/context.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace reprise::cli {

struct server_address {
  /// "host:port".
  std::string text{};
  /// None: without TLS.
  std::optional<tls::client_files> tls{};
};

/// One gRPC call to a server, over a connection of its own. Blocks, for each step on the wire at
/// most for `patience`. The answer's bytes, or the server's refusal; unavailable when there is no
/// server, or none that shows the right certificate.
result<std::string> unary_call(const server_address& server, const std::string& path,
                               const std::string& request, std::chrono::milliseconds patience);

} // namespace reprise::cli
