#pragma once

// What the engine's own files share beyond transition.hpp. Nobody outside the folder includes it.

#include "engine/engine.hpp"
#include "engine/machine/evolve.hpp"
#include "engine/machine/transition.hpp"

#include <optional>
#include <string>

namespace reprise::engine {

namespace enums = api::enums::v1;
namespace service = api::workflowservice::v1;

inline constexpr const char* server_identity = "history-service";

// -- runs (run.cpp) -------------------------------------------------------------------------------

/// What a run is begun with. `started` is its first event, complete but for what begin_run derives:
/// ids, deadlines.
struct run_plan {
  std::string workflow_id{};
  std::string run_id{};
  std::string start_request_id{};
  api::history::v1::WorkflowExecutionStartedEventAttributes started{};
  std::optional<api::sdk::v1::UserMetadata> user_metadata{};
  /// Of the start; every run of its chain has them.
  google::protobuf::RepeatedPtrField<api::common::v1::Link> links{};
};

/// Writes a run's first entries: the created fact and the Started event. Its first task is the
/// caller's to schedule (a signal may come before it).
transition begin_run(run_plan plan, const context& c);
/// Finishes a successor and hands it, with its offers, to the step that begins it.
void succeed_with(transition& t, transition&& successor);
/// The plan that every successor of a run starts from: what a chain keeps, whatever ends the run.
run_plan successor_plan(const execution& x, const std::string& run_id, const context& c);
/// Runs of a chain start at least limits::run_interval_min apart.
duration stretched_backoff(const execution& x, duration backoff, const context& c);

// -- workflow tasks (workflow_task.cpp, workflow_task_end.cpp)
// ----------------------------------------

/// Who starts a task.
struct task_starter {
  std::string identity{};
  std::string request_id{};
  /// Only the events since the last completed task are handed over.
  bool only_new_events = false;
  std::int64_t backlog_count_hint = 0;
  /// The build that the worker named; none: empty.
  api::common::v1::WorkerVersionStamp build{};
};

/// The task may be given to a worker: no worker has it, also when one was to get it (see
/// journal::WorkflowTaskState::taken_back).
bool waits_for_worker(const journal::WorkflowTaskState& task);
/// The token is that of the worker which has the task.
bool is_held_by(const journal::WorkflowTaskState& task, const cluster::TaskToken& token);

/// The build that a poll names, as events tell it: none for a version of a deployment.
api::common::v1::WorkerVersionStamp
build_of(const api::common::v1::WorkerVersionCapabilities& capabilities);

/// The first task is held back: start delay, retry back-off, cron.
bool held_back(const execution& x);
/// Schedules a task whatever the state says; the caller has looked. Without `offer` it is the
/// caller's to start.
void schedule_task(transition& t, std::int32_t attempt, bool offer);
/// Starts the scheduled task; what the worker gets.
history_splice start_task(transition& t, const task_starter& by);
/// The splice of a task that is already started.
history_splice splice_of(const execution& x, const task_starter& by);
/// The offer of the scheduled task; nothing when there is none.
std::optional<cluster::Task> workflow_task_offer(const execution& x);
/// Deadline of the task: start to close when started, schedule to start on a sticky queue.
std::optional<time_point> workflow_task_deadline(const execution& x);
/// Times out the task, by whichever of its deadlines has passed.
void time_out_workflow_task(transition& t);

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
/// A close that does not come from the task: the started task fails, buffered events are flushed.
void force_task_end(transition& t);
/// Closes the run as terminated.
void terminate_run(transition& t,
                   api::history::v1::WorkflowExecutionTerminatedEventAttributes attributes,
                   const google::protobuf::RepeatedPtrField<api::common::v1::Link>& links = {});

/// Ends a run that outgrew a bound, as it was before the transition that crossed it; the caller of
/// that hears why.
step end_oversized(execution&& before, const std::string& reason, const context& c);

step decide_start_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                                const context& c);
step decide_complete_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                                   const context& c);
step decide_fail_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                               const context& c);
step decide_take_back_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                                    const context& c);

// -- the other requests
// -----------------------------------------------------------------------------

step decide_start(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                  const context& c);
step decide_signal(execution&& current, const cluster::ExecutionRequest& request, const context& c);
step decide_request_cancel(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c);
step decide_terminate(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c);
step decide_delete(execution&& current, const cluster::ExecutionRequest& request, const context& c);
step decide_update_options(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c);
step decide_reset_sticky(execution&& current, const context& c);
step decide_wake(execution&& current, const context& c);
step decide_reoffer(execution&& current, const cluster::Reoffer& request, const context& c);

/// What a signal carries, of whichever call.
struct signal_parts {
  const std::string& name;
  const api::common::v1::Payloads* input = nullptr;
  const std::string& identity;
  const std::string& request_id;
  const api::common::v1::Header* header = nullptr;
  const google::protobuf::RepeatedPtrField<api::common::v1::Link>& links;
};

/// Refuses a signal that the run cannot take now.
std::optional<error> check_signal(const execution& x, const context& c);
/// True when the run has seen a signal with this request id.
bool signal_seen(const execution& x, const std::string& request_id);
/// Writes the signal and remembers its request id.
void add_signal(transition& t, const signal_parts& s);
/// The link to a signal's event, by its request id.
api::common::v1::Link signal_link(const execution& x, const std::string& request_id,
                                  const context& c);

// -- closing (close.cpp)
// -------------------------------------------------------------------------------

/// Closes the run because its run or execution timeout has passed; may begin a retry or cron run.
void time_out_run(transition& t);

// -- small things
// -------------------------------------------------------------------------------------

/// "BadStartTimerAttributes" of WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES.
std::string cause_name(enums::WorkflowTaskFailedCause cause);
/// Why these search attributes cannot be set: names and values, and apart from them sizes. Nothing
/// when they can (command_attributes.cpp).
std::optional<std::string>
search_attribute_values_problem(const api::common::v1::SearchAttributes& attributes,
                                const context& c);
std::optional<std::string>
search_attributes_size_problem(const api::common::v1::SearchAttributes& attributes,
                               const context& c);
/// Search attributes whose value is null vanish; the others learn their type when the caller left
/// it out.
void settle_attributes(api::common::v1::SearchAttributes& attributes, const context& c);
/// A failure that this server made.
api::failure::v1::Failure server_failure(std::string message, bool non_retryable = false);

/// Memo fields without a value vanish, and so does a memo that has no field.
template <class Attributes>
void settle_memo(Attributes& attributes) {
  if (!attributes.has_memo())
    return;
  auto& fields = *attributes.mutable_memo()->mutable_fields();
  for (auto i = fields.begin(); i != fields.end();)
    i = is_no_value(i->second) ? fields.erase(i) : std::next(i);
  if (fields.empty())
    attributes.clear_memo();
}

/// "retry_policy.initial_interval" as "retryPolicy.initialInterval": masks come in both spellings.
std::string camel_case(const std::string& path);
/// Fills what a retry policy leaves open.
void complete_retry_policy(api::common::v1::RetryPolicy& policy);

} // namespace reprise::engine
