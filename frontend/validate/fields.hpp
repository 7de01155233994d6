#pragma once

#include "base/result.hpp"
#include "frontend/errors.hpp"
#include "frontend/limits.hpp"
#include "temporal/api/common/v1/message.pb.h"
#include "temporal/api/deployment/v1/message.pb.h"
#include "temporal/api/taskqueue/v1/message.pb.h"

#include <google/protobuf/duration.pb.h>

#include <string>
#include <string_view>

// Checks that requests share. Each answers the API's own text and code.

namespace reprise::frontend {

/// Longest name or id that the API takes, in bytes.
inline constexpr std::size_t id_length_max = 1000;

/// "WorkflowId exceeds maximum allowed length (1001/1000)".
result<void> check_length_counted(const char* what, std::string_view value);
/// Refused with `text` when the value is too long.
result<void> check_length(std::string_view value, const char* text);

/// Of a request that names a run: `given` tells whether the field is there.
result<void> check_execution(bool given, const temporal::api::common::v1::WorkflowExecution& x);
/// The same for requests that take ids in fields of their own.
result<void> check_run_id(const std::string& run_id);

/// Of a queue that is named by a user. `reserved`: names of the server's own are refused.
result<void> check_task_queue(bool given, const temporal::api::taskqueue::v1::TaskQueue& queue,
                              bool reserved);

/// Refuses names that the server keeps for itself.
result<void> check_queue_prefix(const std::string& name);

/// Of a worker's deployment: a worker that takes part in versioning names it and its build.
result<void>
check_deployment(const temporal::api::deployment::v1::WorkerDeploymentOptions& options);

/// What is wrong with a duration that must not be negative; empty when nothing is.
std::string bad_duration(const google::protobuf::Duration& d);

result<void> check_retry_policy(const temporal::api::common::v1::RetryPolicy& policy);
/// Gives missing fields of a policy their defaults.
void complete_retry_policy(temporal::api::common::v1::RetryPolicy& policy);

result<void> check_priority(const temporal::api::common::v1::Priority& priority);
/// Refused when larger than a blob may be.
result<void> check_blob(const google::protobuf::Message& blob, const front_limits& limits);

template <class Links>
result<void> check_links(const Links& links);
result<void> check_link(const temporal::api::common::v1::Link& link);
result<void> check_link_count(int count);

template <class Links>
result<void> check_links(const Links& links) {
  if (auto ok = check_link_count(links.size()); !ok)
    return ok;
  for (const auto& link : links)
    if (auto ok = check_link(link); !ok)
      return ok;
  return {};
}

} // namespace reprise::frontend
