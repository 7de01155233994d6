#pragma once

#include "actors/queue/queue_rules.hpp"
#include "actors/queue/recent_pollers.hpp"
#include "actors/queue/task_buffer.hpp"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <cstdint>
#include <optional>
#include <string>

namespace reprise::actors {

/// What a task queue knows of itself; lives for one call.
struct queue_view {
  /// 1 workflow tasks, 2 activity tasks.
  int kind = 1;
  time_point now{};
  const task_buffer& tasks;
  /// Tasks that are in the store only, about.
  std::int64_t rows_in_store = 0;
  const recent_pollers& pollers;
  double added_per_second = 0;
  double dispatched_per_second = 0;
  /// A rate kept tasks from waiting workers lately.
  bool held_back = false;
  const queue_rules& rules;
  /// Nothing: no limit.
  std::optional<double> workers_rate{};
};

/// The answer to DescribeTaskQueue; `request` is its wire form. In the enhanced mode the answer
/// holds this queue's own kind alone.
temporal::api::workflowservice::v1::DescribeTaskQueueResponse
describe_queue(const std::string& request, const queue_view& q);

} // namespace reprise::actors
