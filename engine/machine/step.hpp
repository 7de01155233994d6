#pragma once

#include "base/error.hpp"
#include "protocol/cluster.pb.h"
#include "protocol/journal.pb.h"
#include "protocol/outbox.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reprise::engine {

/// State of one run: the fold of its journal. A value; its wire form is the snapshot.
using execution = journal::ExecutionState;

/// What one transition appends to a run's journal, encoded once (invariant 9).
struct record {
  std::int64_t first_event_id = 0;
  std::int32_t event_count = 0;
  /// A serialised temporal.api.history.v1.History.
  std::string events{};
  /// A serialised reprise.journal.Facts.
  std::string facts{};

  bool empty() const noexcept {
    return event_count == 0 && facts.empty();
  }
};

/// Two transitions that come one behind the other, as one row: folding it gives the state that
/// folding both would.
record joined(record first, record then);

/// History events that the shell puts into an answer, as the very bytes that were stored.
struct history_splice {
  /// Events from here ...
  std::int64_t first_event_id = 1;
  /// ... to here, both included. Smaller than first: none.
  std::int64_t last_event_id = 0;
  /// A serialised History behind them: the events of a transient task, in no journal.
  std::string transient_events{};
  std::int32_t transient_attempt = 0;
  /// A serialised PollWorkflowTaskQueueResponse that takes the events (in `history`).
  std::string message{};
  /// Field of the answer that holds `message`; 0: `message` is the answer.
  int wrap_field = 0;
};

/// What the caller is told, once the step is durable.
struct reply {
  std::optional<error> failure{};
  /// The response message in its wire form.
  std::string response{};
  std::optional<history_splice> history{};
};

/// A workflow task that is written nowhere: made for updates, which may leave no trace. The ids of
/// its events are those that they get should it be written down.
struct speculative_task {
  std::string run_id{};
  journal::WorkflowTaskState task{};
};

/// A run that a step begins; it becomes the current run of the workflow id in the same transaction.
struct new_run {
  execution state{};
  record written{};
};

/// What the sender of a message is told of it.
struct message_answer {
  outbox::Answer answer{};
  /// The receiving id remembers it: in the transaction of the step, and whether or not the step
  /// writes anything else.
  bool is_remembered = false;
  /// What the receiving id answers to another message from now on, which it has not taken.
  std::optional<outbox::Answered> refuses{};
};

/// The outcome of a decision: values only. The shell performs it.
struct step {
  /// The run that was asked, after the step; absent when there was none. Equals folding `written`
  /// over what it was.
  std::optional<execution> current{};
  record written{};
  std::optional<new_run> successor{};
  /// Tasks to offer to task queues, of either run.
  std::vector<cluster::Task> offers{};
  /// Messages to other durable actors, of either run. They are in its outbox.
  std::vector<outbox::Message> messages{};
  /// Of a message that was delivered; nothing: it cannot be said now, and has to come again.
  std::optional<message_answer> taken{};
  /// The answer to a message that came: nobody waits for it any more, the receiver may forget it.
  bool forget = false;
  /// The row that lists the run has to be written again (start, upsert, close).
  bool visibility_changed = false;
  /// Everything of the run shall be deleted (retention is over, or a delete call).
  bool erase = false;
  /// A task that was taken is no longer to be had; its poller goes back to the queue. No reply
  /// then.
  bool obsolete_task = false;
  /// The answer hands out a workflow task and may leave before `written` is durable, if the shell
  /// sees to it that nothing else does: the start can be lost, and then no token of it fits the
  /// next one.
  bool may_leave_early = false;
  /// The run's speculative task is another one than before: this, or none.
  bool speculative_changed = false;
  std::optional<speculative_task> speculative{};
  reply answer{};
};

} // namespace reprise::engine
