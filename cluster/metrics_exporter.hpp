#pragma once

#include "base/metrics.hpp"
#include "base/result.hpp"

#include <memory>
#include <string>

namespace reprise::cluster {

/// Serves http://IP:PORT/metrics in the text format of Prometheus, on threads of its own, until it
/// is destroyed. Reads the metrics when it is asked; they must outlive it.
class metrics_exporter {
public:
  /// `port` 0: any free one. Refused (unavailable) when the port cannot be had.
  static result<std::unique_ptr<metrics_exporter>> start(const metrics& what, const std::string& ip,
                                                         int port);

  virtual ~metrics_exporter() = default;

  /// The port that it listens on.
  virtual int port() const = 0;
};

} // namespace reprise::cluster
