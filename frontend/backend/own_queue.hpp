#pragma once

#include "actors/node/listener.hpp"
#include "protocol/interfaces.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace reprise::frontend {

/// A queue of tasks that this server does itself: it holds none, and gives each to whoever listens.
/// Nobody polls it. What is lost with it is offered again by the task's durable actor.
queue_actor spawn_own_queue(caf::actor_system& system,
                            std::shared_ptr<const actors::listener<const cluster::Task&>> work);

} // namespace reprise::frontend
