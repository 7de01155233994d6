#pragma once

#include "engine/child/child.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/transition.hpp"
#include "temporal/api/sdk/v1/user_metadata.pb.h"
#include "temporal/api/workflow/v1/message.pb.h"

#include <google/protobuf/field_mask.pb.h>

#include <algorithm>
#include <optional>
#include <string>

// How runs begin, end and follow each other: what other features need of it.

namespace reprise::engine {

// -- beginning (run.cpp) --------------------------------------------------------------------------

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
/// A call may be meant for one chain of runs only: for this one?
bool is_of_chain(const execution& x, const std::string& first_run_id);

/// Timeouts that fit each other: a run ends with its chain at the latest, a task with its run.
template <class Attributes>
void derive_timeouts(Attributes& a, const limits& bounds) {
  auto execution = std::min(from_proto(a.workflow_execution_timeout()), longest_duration);
  auto run = std::min(from_proto(a.workflow_run_timeout()), longest_duration);
  if (a.has_workflow_execution_timeout())
    *a.mutable_workflow_execution_timeout() = to_proto(execution);
  if (execution.count() > 0 && (run.count() <= 0 || run > execution))
    run = execution;
  if (a.has_workflow_run_timeout() || run.count() > 0)
    *a.mutable_workflow_run_timeout() = to_proto(run);
  auto task = from_proto(a.workflow_task_timeout());
  if (task.count() <= 0)
    task = bounds.workflow_task_timeout_default;
  task = std::min(task, bounds.workflow_task_timeout_max);
  if (run.count() > 0)
    task = std::min(task, run);
  *a.mutable_workflow_task_timeout() = to_proto(task);
}

/// The workflow that began the tree of parents and children: itself, where it has no parent.
api::common::v1::WorkflowExecution root_of(const execution& x);
/// Starts a run, or not, as a client's start would that has this request; the run gets this id, and
/// what `of_parent` says of parent and root.
step start_under_parent(std::optional<execution>&& current,
                        const service::StartWorkflowExecutionRequest& r, const std::string& run_id,
                        const api::history::v1::WorkflowExecutionStartedEventAttributes& of_parent,
                        const context& c);

/// Who ends a run in whose place a reset made another one.
inline constexpr const char* resetter_identity = "history-resetter";

// -- closing (close.cpp, terminate.cpp) -----------------------------------------------------------

/// What all closes have in common: adds the closing event, tells children and parent, and marks the
/// visibility row. Folding that event drops what is pending (evolve); a successor is begun by the
/// caller, who plans it.
void close_run(transition& t, history_event event, family_at_close family = family_at_close::told);
/// Closes the run as terminated.
void terminate_run(transition& t,
                   api::history::v1::WorkflowExecutionTerminatedEventAttributes attributes,
                   const google::protobuf::RepeatedPtrField<api::common::v1::Link>& links = {},
                   family_at_close family = family_at_close::told);
/// Ends a run that outgrew a bound, as it was before the transition that crossed it; the caller of
/// that hears why.
step end_oversized(execution&& before, const std::string& reason, const context& c);
/// The run was closed by this event, its chain was not: whoever waits for its end waits for a later
/// run's.
bool goes_on(const history_event& close);
/// When a closed run goes away; nothing while it has to wait for answers to its messages.
std::optional<time_point> end_of_stay(const execution& x);
/// How long a run stays once it is closed: what its namespace said when it last looked.
duration retention_of(const execution& x);
/// Looks.
void note_retention(transition& t);

// -- options (options.cpp) ------------------------------------------------------------------------

struct options_change {
  std::optional<error> refusal{};
  /// The options that hold afterwards.
  api::workflow::v1::WorkflowExecutionOptions after{};
};

/// Takes over what the mask names; writes nothing when that is what holds already.
options_change change_options(transition& t,
                              const api::workflow::v1::WorkflowExecutionOptions& wanted,
                              const google::protobuf::FieldMask& mask, const std::string& identity);

// -- request ids (request_ids.cpp) ----------------------------------------------------------------

/// The id of the request that this event attached to the run; empty for others. While the event is
/// buffered the run knows the request without the event's id.
const std::string& attached_request_id(const history_event& event);

} // namespace reprise::engine
