#pragma once

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "cluster/probes.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace reprise::cluster {

/// How much those who connect may take of the port.
struct http_port_bounds {
  /// Calls that are answered at the same time; who connects and says nothing has one of them, for
  /// so long.
  int callers_max = 32;
  std::chrono::milliseconds silence_max = std::chrono::seconds{1};
};

/// A server's port for those who look after it: /metrics in the text format of Prometheus, and
/// /livez, /readyz and /startupz, which answer 200 or 503 with the reason. On threads of its own,
/// until it is destroyed. Reads metrics and probes when it is asked; they must outlive it.
class http_port {
public:
  /// `addresses`: IPv4 numbers, at least one (Debian's library knows no others). `port` 0: any free
  /// one, of the first address alone. Refused (unavailable) when the port cannot be had.
  static result<std::unique_ptr<http_port>> start(const metrics& measured, const probes& state,
                                                  const std::vector<std::string>& addresses,
                                                  int port, const http_port_bounds& bounds = {});

  virtual ~http_port() = default;

  /// The port that it listens on.
  virtual int port() const = 0;
};

} // namespace reprise::cluster
