#pragma once

#include "engine/machine/command.hpp"
#include "temporal/api/protocol/v1/message.pb.h"

#include <cstddef>
#include <optional>
#include <string>

// Updates: what workers answer to them, and what other features need of it.

namespace reprise::engine {

/// Applies those messages of a completion that no command placed.
command_result apply_messages(transition& t, completion& c);
/// The message rejects an update: it writes nothing.
bool is_rejection(const api::protocol::v1::Message& message);

/// Updates wait that no worker was asked about yet, behind this completion.
bool updates_wait(const transition& t, const completion& c);

/// How many updates the run has had that left something, or are under way.
std::size_t updates_of(const execution& x, const context& c);
/// What is said of a run that has had as many as it may have.
std::string too_many_updates(std::size_t most);
/// Of those in its history: accepted or admitted there, and not completed.
std::size_t open_updates(const execution& x);

} // namespace reprise::engine
