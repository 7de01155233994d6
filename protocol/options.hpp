#pragma once

#include "temporal/api/common/v1/message.pb.h"
#include "temporal/api/taskqueue/v1/message.pb.h"

#include <google/protobuf/duration.pb.h>

#include <cstddef>
#include <optional>
#include <string>

// Options that workflows, activities and what else runs have in common, as callers and commands
// give them. Each check says what is wrong, in the API's words; nothing when all is well.

namespace reprise::protocol {

/// Of a duration that must not be negative.
std::optional<std::string> duration_problem(const google::protobuf::Duration& d);

/// Of one that is complete: what is zero is no absence. One whose only attempt is the first is not
/// looked at.
std::optional<std::string>
retry_policy_problem(const temporal::api::common::v1::RetryPolicy& policy);
/// Fills what a retry policy leaves open; makes what is longer than a century just as long.
void complete_retry_policy(temporal::api::common::v1::RetryPolicy& policy);

std::optional<std::string> priority_problem(const temporal::api::common::v1::Priority& priority);

/// Of the name of a task queue that is asked for: the server's own may be.
std::optional<std::string> queue_name_problem(const std::string& name, std::size_t length_max);
/// Of the prefix that the server keeps for itself.
std::optional<std::string> queue_prefix_problem(const std::string& name);
/// Of a queue that is waited on, or gets tasks.
std::optional<std::string> queue_problem(const temporal::api::taskqueue::v1::TaskQueue& queue,
                                         std::size_t length_max);
/// Of a queue that a workflow wants something to run on. Only what itself runs on one of the
/// server's own queues (`own`) may name another of these.
std::optional<std::string>
target_queue_problem(const temporal::api::taskqueue::v1::TaskQueue& queue, const std::string& own,
                     std::size_t length_max);

} // namespace reprise::protocol
