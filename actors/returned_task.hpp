#pragma once

#include "protocol/cluster.pb.h"

#include <optional>
#include <string_view>

namespace reprise::actors {

/// The token of the task that a poll's answer brings (of either kind, in its wire form), within
/// `response`; empty: it brings none.
std::string_view task_token_of(std::string_view response);

/// The request that takes the task of this token back; nothing when it is no token.
std::optional<cluster::ExecutionRequest> take_back_request(std::string_view token);

} // namespace reprise::actors
