#include "actors/queue/queue_description.hpp"

#include "engine/machine/proto_time.hpp"
#include "temporal/api/enums/v1/task_queue.pb.h"

#include <algorithm>

namespace reprise::actors {

namespace {

namespace enums = temporal::api::enums::v1;
namespace api = temporal::api::taskqueue::v1;

google::protobuf::Duration age(const cluster::Task* oldest, time_point now) {
  if (oldest == nullptr || !oldest->has_scheduled_time())
    return {};
  auto since = now - engine::from_proto(oldest->scheduled_time());
  return engine::to_proto(std::max(since, duration{0}));
}

api::TaskQueueStats stats_of(const queue_view& q) {
  api::TaskQueueStats out;
  auto rows = std::max<std::int64_t>(q.rows_in_store, 0);
  out.set_approximate_backlog_count(static_cast<std::int64_t>(q.tasks.size()) + rows);
  *out.mutable_approximate_backlog_age() = age(q.tasks.empty() ? nullptr : &q.tasks.first(), q.now);
  out.set_tasks_add_rate(static_cast<float>(q.added_per_second));
  out.set_tasks_dispatch_rate(static_cast<float>(q.dispatched_per_second));
  out.set_rate_limiting_active(q.held_back);
  return out;
}

/// What was configured outranks what workers ask for.
std::optional<double> rate_of(const queue_view& q) {
  return q.rules.queue_rate ? q.rules.queue_rate : q.workers_rate;
}

api::TaskQueueStatus status_of(const queue_view& q, const api::TaskQueueStats& stats) {
  api::TaskQueueStatus out;
  out.set_backlog_count_hint(stats.approximate_backlog_count());
  out.set_rate_per_second(rate_of(q).value_or(0));
  return out;
}

/// No deployment routes the tasks of any queue, nor ever did.
api::TaskQueueVersioningInfo unversioned() {
  constexpr std::int64_t year_one = -62135596800;
  api::TaskQueueVersioningInfo out;
  out.set_current_version("__unversioned__");
  out.mutable_update_time()->set_seconds(year_one);
  return out;
}

} // namespace

temporal::api::workflowservice::v1::DescribeTaskQueueResponse
describe_queue(const std::string& request, const queue_view& q) {
  temporal::api::workflowservice::v1::DescribeTaskQueueRequest r;
  temporal::api::workflowservice::v1::DescribeTaskQueueResponse out;
  if (!r.ParseFromString(request))
    return out;
  auto stats = stats_of(q);
  if (r.api_mode() == enums::DESCRIBE_TASK_QUEUE_MODE_ENHANCED) {
    auto& type = (*(*out.mutable_versions_info())[""].mutable_types_info())[q.kind];
    if (r.report_pollers())
      *type.mutable_pollers() = q.pollers.list(q.now);
    if (r.report_stats())
      *type.mutable_stats() = stats;
    return out;
  }
  *out.mutable_pollers() = q.pollers.list(q.now);
  if (r.task_queue().kind() != enums::TASK_QUEUE_KIND_STICKY)
    *out.mutable_versioning_info() = unversioned();
  // There is no limit to tell that nobody has set.
  if (auto rate = rate_of(q)) {
    auto& limit = *out.mutable_effective_rate_limit();
    limit.set_requests_per_second(static_cast<float>(*rate));
    limit.set_rate_limit_source(q.rules.queue_rate ? enums::RATE_LIMIT_SOURCE_API
                                                   : enums::RATE_LIMIT_SOURCE_WORKER);
  }
  if (r.report_config() && q.rules.config.ByteSizeLong() > 0)
    *out.mutable_config() = q.rules.config;
  if (r.report_stats()) {
    for (auto p = 1; p <= task_buffer::priority_last; ++p) {
      const auto* oldest = q.tasks.first_of(p);
      if (oldest == nullptr && p != task_buffer::priority_default)
        continue;
      auto& s = (*out.mutable_stats_by_priority_key())[p];
      s.set_approximate_backlog_count(static_cast<std::int64_t>(q.tasks.size_of(p)));
      *s.mutable_approximate_backlog_age() = age(oldest, q.now);
      s.set_rate_limiting_active(q.held_back);
    }
    *out.mutable_stats() = stats;
  }
  if (r.include_task_queue_status())
    *out.mutable_task_queue_status() = status_of(q, stats);
  return out;
}

} // namespace reprise::actors
