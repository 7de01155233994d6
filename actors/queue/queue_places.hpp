#pragma once

#include "protocol/interfaces.hpp"
#include "store/types.hpp"

namespace reprise::actors {

/// Who knows which nodes have which queues. Thread-safe.
class queue_places {
public:
  virtual ~queue_places() = default;

  virtual bool is_here(const store::queue_key& queue) const = 0;
  /// Another actor for a queue that is elsewhere; it passes on whatever it is told.
  virtual queue_actor stand_in(const store::queue_key& queue) = 0;
  /// What the actor of a queue that is or was here held in memory is lost: it died of an error, or
  /// had to end since the queue is elsewhere now.
  virtual void on_queue_lost(const store::queue_key& queue) = 0;
};

} // namespace reprise::actors
