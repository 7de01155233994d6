#pragma once

#include <cstdint>

namespace reprise {

/// Which machine a durable actor is: with a namespace and an id it is the actor's address. Stored
/// and sent: a number never changes its meaning, and later kinds get the next ones.
enum class machine_kind : std::uint8_t {
  workflow = 0,
  batch = 1,
  task_queue = 2,
};

} // namespace reprise
