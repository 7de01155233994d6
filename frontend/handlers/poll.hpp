#pragma once

#include "frontend/call.hpp"
#include "frontend/long_poll.hpp"
#include "frontend/validate/fields.hpp"
#include "temporal/api/enums/v1/task_queue.pb.h"

#include <optional>
#include <utility>

namespace reprise::frontend {

/// What a worker's poll asks of a task queue, of either kind; nothing when the call has failed.
/// Takes strings out of the request.
template <class Request>
std::optional<cluster::Poll>
make_poll(const call::ptr& c, Request& r, const call::entry_ptr& ns, cluster::Task::Kind kind) {
  auto end = task_poll_end(*c);
  auto checked = end ? check_length(r.identity(), "Identity length exceeds limit.")
                     : result<void>{end.error()};
  if (checked)
    checked = check_task_queue(r.has_task_queue(), r.task_queue(), false);
  if (checked)
    checked = check_queue_prefix(r.task_queue().name());
  if (checked)
    checked = check_deployment(r.deployment_options());
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
    poll.set_deployment_name(std::move(*options.mutable_deployment_name()));
    poll.set_build_id(std::move(*options.mutable_build_id()));
    poll.set_versioned(options.worker_versioning_mode()
                       == temporal::api::enums::v1::WORKER_VERSIONING_MODE_VERSIONED);
  }
  return poll;
}

} // namespace reprise::frontend
