#pragma once

#include "base/result.hpp"
#include "frontend/call/errors.hpp"
#include "frontend/call/limits.hpp"
#include "temporal/api/common/v1/message.pb.h"
#include "temporal/api/deployment/v1/message.pb.h"
#include "temporal/api/enums/v1/task_queue.pb.h"
#include "temporal/api/taskqueue/v1/message.pb.h"

#include <google/protobuf/duration.pb.h>

#include <string>
#include <string_view>

// Checks that requests share. Each answers the API's own text and code.

namespace reprise::frontend {

/// "WorkflowId exceeds maximum allowed length (1001/1000)".
result<void> check_length_counted(const char* what, std::string_view value,
                                  const front_limits& limits);
/// Refused with `text` when the value is too long.
result<void> check_length(std::string_view value, const char* text, const front_limits& limits);

/// Of a request that names a run: `given` tells whether the field is there.
result<void> check_execution(bool given, const temporal::api::common::v1::WorkflowExecution& x);
/// "Invalid RunId.", as calls say that name a run first of all.
result<void> check_run_id(const std::string& run_id);
/// "RunId is not valid UUID.", as calls say that look at it last.
result<void> check_run_is_uuid(const std::string& run_id);

/// Of a queue that is asked for: the server's own may be.
result<void> check_queue_name(bool given, const temporal::api::taskqueue::v1::TaskQueue& queue,
                              const front_limits& limits);
/// Of a queue that is waited on.
result<void> check_task_queue(bool given, const temporal::api::taskqueue::v1::TaskQueue& queue,
                              const front_limits& limits);
/// Of a queue that is to get tasks: not one of the server's own.
result<void> check_user_queue(bool given, const temporal::api::taskqueue::v1::TaskQueue& queue,
                              const front_limits& limits);

/// What nobody waits on: a queue that is not sticky and names another one, one for a server's
/// commands to workers that is not of Nexus.
result<void> check_queue_kind(const temporal::api::taskqueue::v1::TaskQueue& queue,
                              temporal::api::enums::v1::TaskQueueType type);

/// Refuses the prefix that the server keeps for itself.
result<void> check_queue_prefix(const std::string& name);

/// What a worker says of its version in a poll or with an answer: `stamp` in the older way. A
/// worker that takes part in versioning names its deployment and build, and the queue that a
/// sticky one stands for.
template <class Stamp>
result<void> check_version(const Stamp& stamp, bool has_deployment,
                           const temporal::api::deployment::v1::WorkerDeploymentOptions& deployment,
                           const temporal::api::taskqueue::v1::TaskQueue& queue,
                           const front_limits& limits);
result<void> check_deployment(const temporal::api::deployment::v1::WorkerDeploymentOptions& options,
                              const front_limits& limits);

/// What is wrong with a duration that must not be negative; empty when nothing is.
std::string bad_duration(const google::protobuf::Duration& d);

result<void> check_retry_policy(const temporal::api::common::v1::RetryPolicy& policy);
result<void> check_priority(const temporal::api::common::v1::Priority& priority);
/// Refused when larger than a blob may be.
result<void> check_blob(const google::protobuf::Message& blob, const front_limits& limits);

template <class Links>
result<void> check_links(const Links& links, const front_limits& limits);
result<void> check_link(const temporal::api::common::v1::Link& link, const front_limits& limits);
result<void> check_link_count(int count, const front_limits& limits);

template <class Stamp>
result<void> check_version(const Stamp& stamp, bool has_deployment,
                           const temporal::api::deployment::v1::WorkerDeploymentOptions& deployment,
                           const temporal::api::taskqueue::v1::TaskQueue& queue,
                           const front_limits& limits) {
  if (queue.kind() == temporal::api::enums::v1::TASK_QUEUE_KIND_STICKY
      && queue.normal_name().empty() && (stamp.use_versioning() || has_deployment))
    return invalid_argument("NormalName must be set on sticky queue when UseVersioning is true or "
                            "DeploymentOptions are set.");
  if (stamp.use_versioning() && stamp.build_id().empty())
    return invalid_argument("WorkerVersionStamp must be present if UseVersioning is true.");
  if (stamp.build_id().size() > limits.build_id_bytes_max)
    return invalid_argument(
      "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.");
  return check_deployment(deployment, limits);
}

template <class Links>
result<void> check_links(const Links& links, const front_limits& limits) {
  if (auto ok = check_link_count(links.size(), limits); !ok)
    return ok;
  for (const auto& link : links)
    if (auto ok = check_link(link, limits); !ok)
      return ok;
  return {};
}

} // namespace reprise::frontend
