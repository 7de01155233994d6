#pragma once

#include "engine/machine/transition.hpp"

#include <cstdint>
#include <optional>
#include <string>

// Workflow tasks: what other features need of them.

namespace reprise::engine {

// -- scheduling and starting (task.cpp) -----------------------------------------------------------

/// Who starts a task.
struct task_starter {
  std::string identity{};
  std::string request_id{};
  /// Of this start alone; 0: derived from the request id, which is random then.
  std::uint64_t start_id = 0;
  /// Only the events since the last completed task are handed over.
  bool only_new_events = false;
  std::int64_t backlog_count_hint = 0;
  /// The build that the worker named; none: empty.
  api::common::v1::WorkerVersionStamp build{};
};

/// Schedules a workflow task if none is pending and the run is open and its first task is not held
/// back: on the sticky queue if there is one, as a transient task when `attempt` > 1.
void schedule_workflow_task(transition& t, std::int32_t attempt = 1);
/// Schedules one, also while the first task is held back (cancel request, signal-with-start).
void force_workflow_task(transition& t);
/// Schedules a task whatever the state says; the caller has looked. Without `offer` it is the
/// caller's to start.
void schedule_task(transition& t, std::int32_t attempt, bool offer);
/// The first task is held back: start delay, retry back-off, cron.
bool held_back(const execution& x);
/// The task may be given to a worker: no worker has it, also when one was to get it (see
/// journal::WorkflowTaskState::taken_back).
bool waits_for_worker(const journal::WorkflowTaskState& task);
/// The token is that of the worker which has the task.
bool is_held_by(const journal::WorkflowTaskState& task, const cluster::TaskToken& token);
/// The build that a poll names, as events tell it: none for a version of a deployment.
api::common::v1::WorkerVersionStamp
build_of(const api::common::v1::WorkerVersionCapabilities& capabilities);
/// Starts the scheduled task; what the worker gets.
history_splice start_task(transition& t, const task_starter& by);
/// The splice of a task that is already started.
history_splice splice_of(const execution& x, const journal::WorkflowTaskState& task,
                         const task_starter& by);
/// Who polled, under a random request id.
task_starter starter_of(const cluster::StartTask& start, const context& c);
/// Where tasks wait that are no worker's own.
api::taskqueue::v1::TaskQueue normal_queue(const execution& x);
/// The run's workflow task, written or not (speculative.hpp).
const journal::WorkflowTaskState& task_of(const execution& x, const context& c);
/// The offer of the scheduled task; nothing when there is none.
std::optional<cluster::Task> workflow_task_offer(const execution& x);
/// The offer of this task, which waits for a worker.
cluster::Task offer_of(const execution& x, const journal::WorkflowTaskState& task);
/// How long a worker may take for the task: by its attempt.
duration start_to_close_timeout(const execution& x, std::int32_t attempt, const limits& bounds);
/// Deadline of the task: start to close when started, schedule to start on a sticky queue.
std::optional<time_point> workflow_task_deadline(const execution& x);
step take_back_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                             const context& c);

/// The answer keeps the task alive, and says nothing else.
bool is_heartbeat(const service::RespondWorkflowTaskCompletedRequest& r);

// -- ending (end.cpp) -----------------------------------------------------------------------------

/// What comes behind a task that failed.
enum class after_failure : std::uint8_t {
  /// The next attempt; a new task when events were buffered.
  next_task,
  /// The next attempt, whatever was buffered.
  next_attempt,
  /// The end of the run.
  close,
};
/// Ends the started task with a failure event (attempt 1), flushes what was buffered and schedules
/// what comes next.
void fail_task(transition& t, api::history::v1::WorkflowTaskFailedEventAttributes attributes,
               after_failure then);
/// The same, as the server tells it: an event for attempt 1 only, and the next attempt.
void fail_workflow_task(transition& t, enums::WorkflowTaskFailedCause cause,
                        const std::string& message, const std::string& identity);
/// Fails the started workflow task because too much waits for its end; the next attempt sees it.
void give_way_to_buffered(transition& t);
/// A close that does not come from the task: the started task fails, buffered events are flushed.
void force_task_end(transition& t);
/// Times out the task, by whichever of its deadlines has passed.
void time_out_workflow_task(transition& t);
/// "BadStartTimerAttributes" of WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES.
std::string cause_name(enums::WorkflowTaskFailedCause cause);

// -- facts (fold.cpp) -----------------------------------------------------------------------------

/// Replaces the workflow task; an empty one is none.
void set_workflow_task(transition& t, journal::WorkflowTaskState task);
/// Replaces the sticky queue; an empty one is none.
void set_sticky(transition& t, journal::StickyState sticky);
void set_header(transition& t, journal::Header header);
/// The number in a workflow task's token that tells one start of an attempt from another. It is
/// derived from the start's random request id, so that it needs no entry of its own.
std::uint64_t start_id_of(const std::string& start_request_id);
/// Of this start.
std::uint64_t start_id_of(const task_starter& by);
/// One for a start whose request id is known beforehand.
std::uint64_t new_start_id(const context& c);

} // namespace reprise::engine
