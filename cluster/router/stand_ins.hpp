#pragma once

#include "protocol/address.hpp"
#include "protocol/interfaces.hpp"
#include "protocol/routed.pb.h"
#include "store/types.hpp"

#include <caf/fwd.hpp>

namespace reprise::cluster {

class router;

/// Stands here for all slots of a range that another node has.
slot_actor spawn_remote_slots(caf::actor_system& system, router& by, store::range_id range);
/// Stands here for a queue that another node has.
queue_actor spawn_remote_queue(caf::actor_system& system, router& by,
                               const store::queue_key& queue);

/// Of the durable actor that a request or a task names.
template <class Message>
store::slot_id slot_of_actor(const Message& m) {
  return store::slot_of(m.namespace_id(), kind_of(m), m.workflow_id());
}

/// The slot that a queue lives in, as every durable actor of a queue does.
store::slot_id slot_of(const store::queue_key& queue);
routed::Queue to_proto(const store::queue_key& queue);
store::queue_key from_proto(const routed::Queue& queue);

} // namespace reprise::cluster
