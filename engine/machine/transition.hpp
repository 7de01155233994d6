#pragma once

#include "engine/machine/context.hpp"
#include "engine/machine/step.hpp"
#include "temporal/api/command/v1/message.pb.h"
#include "temporal/api/enums/v1/event_type.pb.h"
#include "temporal/api/enums/v1/failed_cause.pb.h"
#include "temporal/api/history/v1/message.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::engine {

namespace api = temporal::api;
using history_event = api::history::v1::HistoryEvent;

/// A step in the making. Owns the run's state while a request is decided: each entry is folded into
/// it at once with evolve(), and written down, so the state at the end is the fold of the entries
/// by construction. Lives on the stack of one decide().
class transition {
public:
  /// Continues a run.
  transition(execution&& state, const context& c);

  const context& ctx() const {
    return context_;
  }

  const execution& state() const {
    return *out_.current;
  }

  // -- entries
  // --------------------------------------------------------------------------------------

  /// Gives the event its id and its time (now, unless it carries one; never before the last
  /// event's), appends it and folds it. Returns its id.
  std::int64_t add_event(history_event event);
  /// The same; but while a workflow task is started, an event that may be buffered becomes a
  /// private fact until flush_buffered. Returns its id, 0 when it was buffered.
  std::int64_t add_or_buffer(history_event event);
  /// Appends a private fact and folds it.
  void add_fact(journal::Fact fact);
  /// Shorthands for the facts that replace a part.
  void set_activity(journal::ActivityProgress progress);
  void set_workflow_task(journal::WorkflowTaskState task);
  void clear_workflow_task();
  void set_sticky(journal::StickyState sticky);
  void set_header(journal::Header header);

  /// Gives all buffered events their ids: first those that are not completions of activities,
  /// children or Nexus operations, then those, each in order of arrival; wires the started ids of
  /// completions. Call when no workflow task is started any more.
  void flush_buffered();

  // -- outputs
  // --------------------------------------------------------------------------------------

  void offer(cluster::Task task);

  void visibility_changed() {
    out_.visibility_changed = true;
  }

  void obsolete_task() {
    out_.obsolete_task = true;
  }

  void erase() {
    out_.erase = true;
  }

  void may_leave_early() {
    out_.may_leave_early = true;
  }

  void begin_successor(new_run run);

  /// Ends with an answer. The transition must not be used afterwards.
  step finish(reply answer) &&;
  step finish(const google::protobuf::Message& response) &&;
  /// Ends with a refusal. Entries made so far stay (a failed workflow task is both).
  step finish(error refusal) &&;

  /// Gives the state up, with all that was written; what was written is thrown away.
  execution take_state() && {
    return std::move(*out_.current);
  }

  /// Bytes of events and facts so far.
  std::size_t bytes() const {
    return events_.size() + facts_bytes_;
  }

  bool wrote_anything() const {
    return event_count_ > 0 || !facts_.facts().empty();
  }

private:
  execution& mine() {
    return *out_.current;
  }

  void close_event_run();
  record take_record();

  context context_;
  /// Holds the state from the beginning on: it is large, and moving it is work.
  step out_;
  std::string events_;
  std::int64_t first_event_id_;
  std::int32_t event_count_ = 0;
  /// Public events since the last fact: the run that a Facts.public_events entry stands for.
  std::int32_t events_since_fact_ = 0;
  journal::Facts facts_;
  std::size_t facts_bytes_ = 0;
};

/// May this type of event be buffered while a workflow task is started?
bool may_be_buffered(api::enums::v1::EventType type);

// -- workflow task life cycle (engine/task/task.cpp)
// -----------------------------------------------

/// Schedules a workflow task if none is pending and the run is open and its first task is not held
/// back: on the sticky queue if there is one, as a transient task when `attempt` > 1.
void schedule_workflow_task(transition& t, std::int32_t attempt = 1);
/// Schedules one, also while the first task is held back (cancel request, signal-with-start).
void force_workflow_task(transition& t);
/// Fails the started workflow task: event for attempt 1 only, flushes buffered events, schedules
/// the next attempt.
void fail_workflow_task(transition& t, api::enums::v1::WorkflowTaskFailedCause cause,
                        const std::string& message, const std::string& identity);

/// Fails the started workflow task because too much waits for its end; the next attempt sees it.
void give_way_to_buffered(transition& t);

// -- activities (engine/activity/)
// ------------------------------------------

/// How much of what is due one transition still does: the rest stays due.
class due_budget {
public:
  /// Takes one item; false: it is for the next transition.
  bool take(const transition& t) {
    const auto& bounds = t.ctx().bounds;
    if (taken_ > 0 && (taken_ >= bounds.due_items_max || t.bytes() >= bounds.due_bytes_max))
      return false;
    ++taken_;
    return true;
  }

private:
  std::size_t taken_ = 0;
};

/// Fires the activity deadlines that have passed at ctx().now. True when something was written.
bool fire_activity_timeouts(transition& t, due_budget& budget);
std::optional<time_point> next_activity_deadline(const execution& x);
void append_undelivered_activities(const execution& x, time_point now,
                                   std::vector<cluster::Task>& out);
std::optional<time_point> undelivered_activity_since(const execution& x);
/// Pending activities for describe, ordered by scheduled event id.
void describe_activities(const execution& x, const context& c,
                         api::workflowservice::v1::DescribeWorkflowExecutionResponse& out);
/// The requests on activities (start, complete, fail, cancel, heartbeat, pause, unpause, reset,
/// update options); `request.body` is one of them.
step decide_activity(execution&& current, const cluster::ExecutionRequest& request,
                     const context& c);
/// Folds activity events and facts.
void evolve_activity(execution& x, const history_event& event);
void evolve_activity(execution& x, const journal::ActivityProgress& progress);

// -- timers (engine/timer/timer.cpp)
// ------------------------------------------------------------------------

bool fire_timers(transition& t, due_budget& budget);
std::optional<time_point> next_timer_deadline(const execution& x);
void evolve_timer(execution& x, const history_event& event);

// -- commands (machine/command.cpp)
// ---------------------------------------------------------------------

/// Why a command fails its workflow task; `terminate` when the whole run must end (size
/// violations).
struct command_failure {
  api::enums::v1::WorkflowTaskFailedCause cause{};
  std::string message{};
  bool terminate = false;
};

/// What has to be known of the completion while its commands are applied.
struct completion {
  std::int64_t completed_event_id = 0;
  const api::workflowservice::v1::RespondWorkflowTaskCompletedRequest& request;
  api::workflowservice::v1::RespondWorkflowTaskCompletedResponse& response;
  /// Events that were buffered when the task was completed: the workflow has not seen them, so a
  /// close command is refused. What the completion's own commands buffer does not count.
  int unseen_events = 0;
  /// A command asks for a new workflow task (an activity was cancelled before it started).
  bool wants_new_task = false;
  /// Scheduled event ids of activities that shall go back with the answer instead of through a
  /// queue, if they are still pending when all commands were applied.
  std::vector<std::int64_t> eager_activities{};
  /// The first sound command that this server cannot do; into `request`.
  const api::command::v1::Command* unsupported = nullptr;
};

/// Applies one command of a completion: validates its attributes, adds its event(s). A failure
/// means that the caller throws the whole transition away.
std::optional<command_failure>
apply_command(transition& t, const api::command::v1::Command& command, completion& c);
/// Parts of apply_command, by file.
std::optional<command_failure>
apply_schedule_activity(transition& t, const api::command::v1::Command& command, completion& c);
/// Starts what was scheduled for the worker itself and puts it into the answer.
void hand_out_eagerly(transition& t, completion& c);
std::optional<command_failure>
apply_cancel_activity(transition& t, const api::command::v1::Command& command, completion& c);
std::optional<command_failure>
apply_start_timer(transition& t, const api::command::v1::Command& command, completion& c);
std::optional<command_failure>
apply_cancel_timer(transition& t, const api::command::v1::Command& command, completion& c);
std::optional<command_failure>
apply_record_marker(transition& t, const api::command::v1::Command& command, completion& c);
std::optional<command_failure>
apply_upsert_search_attributes(transition& t, const api::command::v1::Command& command,
                               completion& c);
std::optional<command_failure>
apply_modify_properties(transition& t, const api::command::v1::Command& command, completion& c);
std::optional<command_failure>
apply_complete(transition& t, const api::command::v1::Command& command, completion& c);
std::optional<command_failure> apply_fail(transition& t, const api::command::v1::Command& command,
                                          completion& c);
std::optional<command_failure> apply_cancel(transition& t, const api::command::v1::Command& command,
                                            completion& c);
std::optional<command_failure>
apply_continue_as_new(transition& t, const api::command::v1::Command& command, completion& c);
/// Commands that reach beyond the run: refused when they are wrong, else noted as unsupported.
std::optional<command_failure>
apply_outside_command(transition& t, const api::command::v1::Command& command, completion& c);
/// How the task of a completion with such a command fails.
command_failure unsupported_command(const api::command::v1::Command& command);
/// Why an answer to an update cannot be taken: no update was ever sent to a worker.
std::optional<command_failure> update_message_problem(const api::protocol::v1::Message& message);

// -- closing and succeeding runs (engine/workflow/close.cpp, engine/workflow/start.cpp)
// ------------------------------------

/// What all closes have in common: adds the closing event and marks the visibility row. Folding
/// that event drops what is pending (evolve); a successor is begun by the caller, who plans it.
void close_run(transition& t, history_event event);

} // namespace reprise::engine
