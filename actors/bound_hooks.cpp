#include "actors/bound_hooks.hpp"

namespace reprise::actors {

namespace {

counter& refused(metrics& m, const char* bound) {
  return m.counter("reprise_bound_refused_total",
                   "What a full bound refused, or sent elsewhere; see docs/BOUNDS.md.",
                   {{"bound", bound}});
}

gauge& used(metrics& m, const char* bound) {
  return m.gauge("reprise_bound_used", "How much of a bound is in use; see docs/BOUNDS.md.",
                 {{"bound", bound}});
}

} // namespace

refusals::refusals(metrics& m)
  : node_calls(refused(m, "node_calls")),
    node_call_bytes(refused(m, "node_call_bytes")),
    workflow_calls(refused(m, "workflow_calls")),
    workflow_call_bytes(refused(m, "workflow_call_bytes")),
    workflow_polls(refused(m, "workflow_polls")),
    workflow_queries(refused(m, "workflow_queries")),
    task_queues(refused(m, "task_queues")),
    queue_polls(refused(m, "queue_polls")),
    queue_tasks(refused(m, "queue_tasks")),
    queue_queries(refused(m, "queue_queries")),
    deadlines(refused(m, "deadlines")),
    store_reads(refused(m, "store_reads")),
    store_scans(refused(m, "store_scans")) {
}

fill_levels::fill_levels(metrics& m)
  : node_calls(used(m, "node_calls")),
    node_call_bytes(used(m, "node_call_bytes")),
    task_queues(used(m, "task_queues")),
    deadlines(used(m, "deadlines")) {
}

} // namespace reprise::actors
