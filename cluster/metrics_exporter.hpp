#pragma once

#include "base/metrics.hpp"
#include "base/result.hpp"

#include <memory>
#include <string>
#include <vector>

namespace reprise::cluster {

/// Serves http://ADDRESS:PORT/metrics in the text format of Prometheus, on threads of its own,
/// until it is destroyed. Reads the metrics when it is asked; they must outlive it.
class metrics_exporter {
public:
  /// `addresses`: IPv4 numbers, at least one (Debian's library knows no others). `port` 0: any free
  /// one, of the first address alone. Refused (unavailable) when the port cannot be had.
  static result<std::unique_ptr<metrics_exporter>>
  start(const metrics& what, const std::vector<std::string>& addresses, int port);

  virtual ~metrics_exporter() = default;

  /// The port that it listens on.
  virtual int port() const = 0;
};

} // namespace reprise::cluster
