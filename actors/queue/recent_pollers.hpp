#pragma once

#include "actors/node/bounds.hpp"
#include "base/clock.hpp"
#include "protocol/cluster.pb.h"
#include "temporal/api/taskqueue/v1/message.pb.h"

#include <google/protobuf/repeated_ptr_field.h>

#include <map>
#include <string>

namespace reprise::actors {

/// Who polled a queue within the last minutes, by identity; bounded.
class recent_pollers {
public:
  static constexpr duration kept = std::chrono::minutes{5};

  explicit recent_pollers(const queue_bounds& bounds = {})
    : pollers_max_(bounds.recent_pollers_max) {
  }

  void add(const cluster::Poll& poll, time_point now);
  /// Forgets who polled last as this worker.
  void remove(const std::string& worker_instance_key);
  /// Newest first.
  google::protobuf::RepeatedPtrField<temporal::api::taskqueue::v1::PollerInfo>
  list(time_point now) const;

private:
  struct seen {
    time_point last{};
    std::string worker_instance_key{};
    temporal::api::taskqueue::v1::PollerInfo info{};
  };

  std::size_t pollers_max_;
  std::map<std::string, seen> by_identity_;
};

} // namespace reprise::actors
