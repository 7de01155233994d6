#include "actors/node/bound_hooks.hpp"

namespace reprise::actors {

counter& refused_of(metrics& m, const char* bound) {
  return m.counter("reprise_bound_refused_total",
                   "What a full bound refused, or sent elsewhere; see docs/BOUNDS.md.",
                   {{"bound", bound}});
}

gauge& used_of(metrics& m, const char* bound) {
  return m.gauge("reprise_bound_used", "How much of a bound is in use; see docs/BOUNDS.md.",
                 {{"bound", bound}});
}

refusals::refusals(metrics& m)
  : node_calls(refused_of(m, "node_calls")),
    node_call_bytes(refused_of(m, "node_call_bytes")),
    workflow_calls(refused_of(m, "workflow_calls")),
    workflow_call_bytes(refused_of(m, "workflow_call_bytes")),
    workflow_polls(refused_of(m, "workflow_polls")),
    workflow_queries(refused_of(m, "workflow_queries")),
    task_queues(refused_of(m, "task_queues")),
    queue_polls(refused_of(m, "queue_polls")),
    queue_tasks(refused_of(m, "queue_tasks")),
    queue_queries(refused_of(m, "queue_queries")),
    deadlines(refused_of(m, "deadlines")),
    wakes_put_off(refused_of(m, "wakes_put_off")),
    returned_tasks(refused_of(m, "returned_tasks")),
    messages(refused_of(m, "messages")),
    message_bytes(refused_of(m, "message_bytes")),
    store_reads(refused_of(m, "store_reads")),
    store_scans(refused_of(m, "store_scans")) {
}

fill_levels::fill_levels(metrics& m)
  : node_calls(used_of(m, "node_calls")),
    node_call_bytes(used_of(m, "node_call_bytes")),
    task_queues(used_of(m, "task_queues")),
    deadlines(used_of(m, "deadlines")),
    wakes(used_of(m, "wakes")),
    wakes_put_off(used_of(m, "wakes_put_off")),
    messages(used_of(m, "messages")),
    message_bytes(used_of(m, "message_bytes")),
    store_reads(used_of(m, "store_reads")),
    store_scans(used_of(m, "store_scans")),
    workflow_calls(used_of(m, "workflow_calls")),
    workflow_call_bytes(used_of(m, "workflow_call_bytes")),
    workflow_polls(used_of(m, "workflow_polls")),
    workflow_queries(used_of(m, "workflow_queries")),
    queue_polls(used_of(m, "queue_polls")),
    queue_tasks(used_of(m, "queue_tasks")),
    queue_queries(used_of(m, "queue_queries")),
    queue_handouts(used_of(m, "queue_handouts")),
    returned_tasks(used_of(m, "returned_tasks")) {
}

void fill_levels::begin_period() noexcept {
  for (auto* each : {&workflow_calls, &workflow_call_bytes, &workflow_polls, &workflow_queries,
                     &queue_polls, &queue_tasks, &queue_queries, &queue_handouts, &returned_tasks})
    each->begin_period();
}

} // namespace reprise::actors
