#pragma once

#include "base/metrics.hpp"

namespace reprise::actors {

/// The metrics of all task queues together, looked up once.
struct queue_hooks {
  explicit queue_hooks(metrics& m)
    : polls(m.counter("reprise_polls_total", "Polls for tasks that came in.")),
      polls_empty(
        m.counter("reprise_polls_ended_total", "Polls that ended.", {{"with", "nothing"}})),
      polls_served(m.counter("reprise_polls_ended_total", "Polls that ended.", {{"with", "task"}})),
      polls_waiting(m.gauge("reprise_polls_waiting", "Polls that wait for a task.")),
      offers(m.counter("reprise_tasks_offered_total", "Tasks offered to task queues.")),
      sync_matches(m.counter("reprise_tasks_sync_matched_total",
                             "Tasks that met a waiting worker when they were offered.")),
      obsolete(m.counter("reprise_tasks_obsolete_total", "Tasks that were no longer to be had.")),
      postponed(m.counter("reprise_tasks_postponed_total",
                          "Hand-outs that could not be decided then; the task stays.")),
      refused(m.counter("reprise_tasks_refused_total", "Tasks that a full queue refused.")),
      pending(m.gauge("reprise_tasks_pending", "Tasks in the memory of task queues.")),
      backlog_rows(m.gauge("reprise_backlog_rows", "Tasks in the backlogs of the store, about.")),
      queues(m.gauge("reprise_task_queues", "Task queues in memory.")),
      crashed(m.counter("reprise_task_queues_crashed_total", "Task queues whose actor died.")) {
  }

  counter& polls;
  counter& polls_empty;
  counter& polls_served;
  gauge& polls_waiting;
  counter& offers;
  counter& sync_matches;
  counter& obsolete;
  counter& postponed;
  counter& refused;
  gauge& pending;
  gauge& backlog_rows;
  gauge& queues;
  counter& crashed;
};

} // namespace reprise::actors
