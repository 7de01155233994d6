#pragma once

#include "engine/machine/machine.hpp"
#include "temporal/api/taskqueue/v1/message.pb.h"

// The durable side of a task queue: what users configure of it. It matches nothing and is asked
// seldom; the queue's matcher reads what it wrote.

namespace reprise::engine {

/// What was configured of a queue whose state this is; nothing when it has no state.
temporal::api::taskqueue::v1::TaskQueueConfig queue_config_of(const run_state& run);

const machine& the_queue_machine() noexcept;

} // namespace reprise::engine
