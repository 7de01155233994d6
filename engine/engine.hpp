#pragma once

#include "engine/machine/context.hpp"
#include "engine/machine/step.hpp"
#include "temporal/api/workflow/v1/message.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

namespace reprise::engine {

/// Decides one request against one run. Pure: the state is moved in and comes out in the step,
/// time, identity and settings are arguments. Throws broken_invariant only.
///
/// `current` is the run that the request names (the workflow id's current run, unless it names
/// another one); absent when the workflow id has none. A request that changes nothing answers with
/// an empty record; the shell delays its reply until what it read is durable.
///
/// Not decided here, because they change nothing and need more than the state: get_history and the
/// query calls (see describe, transient_events).
step decide(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
            const context& c);

/// Folds one public event. Total: replay and live running are the same code.
void evolve(execution& x, const temporal::api::history::v1::HistoryEvent& event);
/// Folds one private fact other than `public_events`.
void evolve(execution& x, const journal::Fact& fact);
/// Folds one journal row. False when its bytes cannot be understood (the journal is poisoned).
[[nodiscard]] bool evolve(execution& x, const record& row);

/// The next moment at which the run wants a Wake; nothing when it waits for messages only.
std::optional<time_point> next_deadline(const execution& x);
/// Since when the run has work that no worker was given; nothing when it has none.
std::optional<time_point> undelivered_since(const execution& x);
/// All tasks that are scheduled and not started: what a new owner, or a queue that lost its memory,
/// has to be offered again. `now` leaves out those that still back off.
std::vector<cluster::Task> undelivered_tasks(const execution& x, time_point now);

/// The answer to DescribeWorkflowExecution.
temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse describe(const execution& x,
                                                                               const context& c);
/// What lists and describe say of the run.
temporal::api::workflow::v1::WorkflowExecutionInfo info_of(const execution& x);
/// The Scheduled and, once it is started, Started events of a task of the run that is transient or
/// speculative, in their wire form (History); empty when it is neither, or when events came between
/// it and its failure.
/// Who has the task is told to that worker alone.
std::string transient_events(const execution& x, const journal::WorkflowTaskState& task,
                             const std::string& identity = {});

bool is_open(const execution& x);

} // namespace reprise::engine
