#include "actors/node/hooks.hpp"

namespace reprise::actors {

namespace {

counter& outcome_counter(metrics& m, const char* status) {
  return m.counter("reprise_workflows_closed_total", "Runs that closed, by how.",
                   {{"status", status}});
}

} // namespace

hooks::hooks(metrics& m)
  : refused(m),
    used(m),
    group_size(
      m.histogram("reprise_journal_group_size", "Transitions committed together.", size_bounds())),
    commit_seconds(m.histogram("reprise_journal_commit_seconds", "Latency of one group's commit.",
                               latency_bounds())),
    appends(m.counter("reprise_journal_appends_total", "Transitions that became durable.")),
    append_failures(m.counter("reprise_store_errors_total", "Store operations that failed.",
                              {{"operation", "append"}})),
    store_read_failures(m.counter("reprise_store_errors_total", "Store operations that failed.",
                                  {{"operation", "read"}})),
    lost_rows(m.counter("reprise_store_lost_commits_total",
                        "Appends whose predecessor, once committed, was not in the store.")),
    resident(m.gauge("reprise_executions_resident", "Executions in memory.")),
    resident_bytes(
      m.gauge("reprise_executions_resident_bytes", "Estimated memory of executions, in bytes.")),
    rehydrated(
      m.counter("reprise_executions_rehydrated_total", "Executions loaded from the store.")),
    passivated(m.counter("reprise_executions_passivated_total",
                         "Executions that left memory while they rested.")),
    crashed(m.counter("reprise_executions_crashed_total",
                      "Executions whose actor threw or lost a write or its slot.")),
    parked(m.gauge("reprise_executions_parked", "Executions whose journal cannot be folded.")),
    taken_back(m.counter("reprise_tasks_taken_back_total",
                         "Tasks whose worker was gone before it could get them.")),
    history_polls(m.gauge("reprise_history_polls", "Long polls that wait for history events.")),
    wakes_postponed(m.counter("reprise_wakes_postponed_total",
                              "Wakes and offers from the store that a slot could not deal with.")),
    messages_sent(m.counter("reprise_messages_sent_total",
                            "Messages from one durable actor to another, first copies.")),
    messages_sent_again(m.counter("reprise_messages_sent_again_total",
                                  "Further copies of messages whose answer is not here.")),
    messages_taken(m.counter("reprise_inbox_added_total",
                             "Messages that a durable actor took, and that it remembers.")),
    messages_erased(m.counter("reprise_inbox_erased_total",
                              "Messages that are not remembered any more: an hour after their "
                              "senders have the answer.")),
    messages_parked(m.gauge("reprise_messages_parked",
                            "Messages that made their receiver fail again and again.")),
    closed_completed(outcome_counter(m, "completed")),
    closed_failed(outcome_counter(m, "failed")),
    closed_canceled(outcome_counter(m, "canceled")),
    closed_terminated(outcome_counter(m, "terminated")),
    closed_continued(outcome_counter(m, "continued_as_new")),
    closed_timed_out(outcome_counter(m, "timed_out")) {
}

void hooks::closed(machine_kind kind, int status) noexcept {
  if (kind != machine_kind::workflow)
    return;
  switch (status) {
    case 2:
      return closed_completed.add();
    case 3:
      return closed_failed.add();
    case 4:
      return closed_canceled.add();
    case 5:
      return closed_terminated.add();
    case 6:
      return closed_continued.add();
    case 7:
      return closed_timed_out.add();
    default:
      return;
  }
}

} // namespace reprise::actors
