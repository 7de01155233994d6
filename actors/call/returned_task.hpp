#pragma once

#include "protocol/cluster.pb.h"

#include <optional>
#include <string_view>
#include <vector>

namespace reprise::actors {

/// Where an answer may hold started tasks.
using task_place = cluster::Reply::TaskPlace;

/// The tokens of the started tasks that an answer in its wire form brings there, within `response`.
std::vector<std::string_view> task_tokens_of(std::string_view response, task_place where);

/// The request that takes the task of this token back; nothing when it is no token.
std::optional<cluster::ExecutionRequest> take_back_request(std::string_view token);

} // namespace reprise::actors
