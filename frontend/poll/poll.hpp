#pragma once

#include "frontend/call/call.hpp"
#include "frontend/poll/long_poll.hpp"
#include "frontend/validate/fields.hpp"
#include "temporal/api/enums/v1/deployment.pb.h"
#include "temporal/api/enums/v1/task_queue.pb.h"

#include <optional>
#include <utility>

namespace reprise::frontend {

/// Callers who err twice hear of what the API looks at first; the two kinds differ there.
template <class Request>
result<void> check_poll(const Request& r, cluster::Task::Kind kind, const front_limits& limits) {
  auto queue = [&] { return check_task_queue(r.has_task_queue(), r.task_queue(), limits); };
  auto worker = [&]() -> result<void> {
    if (auto ok = check_length(r.identity(), "Identity length exceeds limit.", limits); !ok)
      return ok;
    return check_version(r.worker_version_capabilities(), r.has_deployment_options(),
                         r.deployment_options(), r.task_queue(), limits);
  };
  auto workflow = kind == cluster::Task::WORKFLOW;
  if (auto ok = workflow ? worker() : queue(); !ok)
    return ok;
  if (auto ok = workflow ? queue() : worker(); !ok)
    return ok;
  // Queues count their kinds as TaskQueueType.
  return check_queue_kind(r.task_queue(),
                          static_cast<temporal::api::enums::v1::TaskQueueType>(kind));
}

/// What a worker's poll asks of a task queue, of either kind; nothing when the call has failed.
/// Takes strings out of the request.
template <class Request>
std::optional<cluster::Poll>
make_poll(const call::ptr& c, Request& r, const call::entry_ptr& ns, cluster::Task::Kind kind) {
  auto end = task_poll_end(*c);
  auto checked = end ? check_poll(r, kind, c->limits()) : result<void>{end.error()};
  if (!checked) {
    c->fail(std::move(checked).error());
    return std::nullopt;
  }
  cluster::Poll poll;
  poll.set_namespace_id(ns->facts.id);
  poll.set_namespace_name(ns->facts.name);
  auto& queue = *r.mutable_task_queue();
  poll.set_task_queue(std::move(*queue.mutable_name()));
  if (queue.kind() == temporal::api::enums::v1::TASK_QUEUE_KIND_STICKY)
    poll.set_normal_name(std::move(*queue.mutable_normal_name()));
  poll.set_kind(kind);
  poll.set_identity(std::move(*r.mutable_identity()));
  poll.set_request_id(c->back().new_uuid());
  *poll.mutable_expires_at() = to_timestamp(*end);
  if (r.has_worker_version_capabilities())
    *poll.mutable_worker_version() = std::move(*r.mutable_worker_version_capabilities());
  if (!r.worker_instance_key().empty())
    poll.set_worker_instance_key(std::move(*r.mutable_worker_instance_key()));
  if (r.has_deployment_options()) {
    auto& options = *r.mutable_deployment_options();
    if (options.worker_versioning_mode()
        == temporal::api::enums::v1::WORKER_VERSIONING_MODE_VERSIONED)
      c->note_versioned(ns->facts.name, options.deployment_name());
    poll.set_deployment_name(std::move(*options.mutable_deployment_name()));
    poll.set_build_id(std::move(*options.mutable_build_id()));
    poll.set_versioned(options.worker_versioning_mode()
                       == temporal::api::enums::v1::WORKER_VERSIONING_MODE_VERSIONED);
  }
  return poll;
}

} // namespace reprise::frontend
