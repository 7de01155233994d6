#pragma once

#include "base/metrics.hpp"

namespace reprise::actors {

/// What the bounds of a node refused, by bound (docs/BOUNDS.md).
struct refusals {
  explicit refusals(metrics& m);

  counter& node_calls;
  counter& node_call_bytes;
  counter& workflow_calls;
  counter& workflow_call_bytes;
  counter& workflow_polls;
  counter& workflow_queries;
  counter& task_queues;
  counter& queue_polls;
  counter& queue_tasks;
  counter& queue_queries;
  counter& deadlines;
  counter& store_reads;
  counter& store_scans;
};

/// How full those bounds are that one place knows of.
struct fill_levels {
  explicit fill_levels(metrics& m);

  gauge& node_calls;
  gauge& node_call_bytes;
  gauge& task_queues;
  gauge& deadlines;
};

} // namespace reprise::actors
