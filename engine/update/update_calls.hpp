#pragma once

#include "engine/machine/decision.hpp"
#include "engine/machine/machine.hpp"
#include "engine/workflow/workflow_session.hpp"

namespace reprise::engine {

/// UpdateWorkflowExecution and PollWorkflowExecutionUpdate on run `x`; it is not written to.
decision decide_update(const execution& x, workflow_session& held, const asked& q);

/// What of ExecuteMultiOperation needs no start: the id's current run takes the update. Nothing:
/// the start has to be decided.
std::optional<decision> update_existing(const execution& x, workflow_session& held, const asked& q);

/// The start of an ExecuteMultiOperation, as a request of its own.
cluster::ExecutionRequest start_of(const cluster::ExecutionRequest& update_with_start);
/// The start was decided: the update follows it, or hears why it cannot. `begun`: the run that the
/// start begins, if it does.
void follow_start(decision& out, const execution* begun, workflow_session& held, const asked& q);

} // namespace reprise::engine
