#pragma once

#include "engine/machine/command.hpp"
#include "temporal/api/protocol/v1/message.pb.h"

namespace reprise::engine {

/// Why an answer to an update cannot be taken.
command_result update_message_problem(const api::protocol::v1::Message& message);

} // namespace reprise::engine
