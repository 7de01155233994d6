#pragma once

#include "base/error.hpp"
#include "engine/history/pager.hpp"
#include "engine/machine/inquiry.hpp"
#include "engine/machine/run_state.hpp"
#include "engine/machine/session.hpp"
#include "engine/machine/step.hpp"
#include "protocol/cluster.pb.h"

#include <optional>
#include <string>
#include <vector>

namespace reprise::engine {

/// What a caller is told: a failure, or the response message in its wire form.
struct told {
  std::optional<error> failure{};
  std::string response{};
};

/// A caller who waited, and what it is told.
struct told_caller {
  caller_number to = 0;
  told what{};
};

/// The answer to the call that was decided. Where a page is to come with it that makes the
/// response; a wait makes it later.
struct answer {
  told now{};
  std::optional<page_plan> page{};
  /// The page is of the run that the decision begins.
  bool page_of_successor = false;
  std::optional<event_wait> wait{};
  /// Where the response holds tasks that were started for its caller.
  cluster::Reply::TaskPlace tasks = cluster::Reply::NOWHERE;
};

/// A run that a decision begins; it becomes the current run of its id in the same transaction.
struct begun_run {
  run_state state{};
  record written{};
  /// Its journal begins with what the inquiry had copied.
  bool on_copy = false;
};

/// What a machine makes of one request: values only. The shell performs it.
struct decision {
  /// Nothing of the run changed, nor did it when it wants to be woken: there is nothing to write.
  bool only_read = false;
  /// What the run's journal gets; folding it over the state before gives the state after.
  record written{};
  /// The same of asked::current; the row that lists it is written again with it.
  record current_written{};
  std::optional<begun_run> successor{};
  /// Tasks to offer to task queues, of either run.
  std::vector<cluster::Task> offers{};
  /// The worker of these tasks' sticky queue does not answer: as if the queue had refused them.
  std::vector<cluster::Task> unanswered{};
  /// Messages to other durable actors. They stand in an outbox until their answers are there, and
  /// go out again until then.
  std::vector<outbox::Message> messages{};
  /// What the sender of a message that was delivered is told. Nothing: it is to send it again.
  std::optional<message_answer> taken{};
  /// The answer to a message that came is written, or nobody waits for it: the receiver may forget.
  bool forget = false;
  /// The row that lists the run has to be written again (start, upsert, close).
  bool visibility_changed = false;
  /// Everything of the run shall be deleted (retention is over, or a delete call).
  bool erase = false;
  /// A task that was taken is no longer to be had; its poller goes back to the queue.
  bool obsolete_task = false;
  /// The answer hands out a task and may leave before `written` is durable, if the shell sees to it
  /// that nothing else does: the start can be lost, and then no token of it fits the next one.
  bool may_leave_early = false;
  /// The session keeps the caller: no answer now.
  bool caller_stays = false;
  /// The session had no room for it.
  bool session_full = false;
  answer reply{};
  /// Nothing is decided yet: this is to be known before. The request is to be decided again then.
  inquiry_ptr asks{};
  /// Nothing is decided: it is for this run of the id.
  std::string goes_to{};
  /// Callers who waited and wait no more.
  std::vector<told_caller> others{};
};

} // namespace reprise::engine
