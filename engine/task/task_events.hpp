#pragma once

#include "engine/machine/transition.hpp"

#include <string>

// The events of a workflow task: written when it is scheduled and started, or later, or never.

namespace reprise::engine {

history_event scheduled_event(const journal::WorkflowTaskState& task);
/// With the reasons for what the task suggests.
history_event started_event(const journal::WorkflowTaskState& task, const execution& x,
                            const context& c);
/// Behind a Started event, whose start the fold names by its request id: where it has another
/// number, a fact says so.
void keep_start_id(transition& t, std::uint64_t start_id);
/// What a worker is told of the history that it works on.
void judge_history(journal::WorkflowTaskState& task, const execution& x, const context& c);

/// The events that the history lacks of a transient or speculative task, in their wire form
/// (History): Scheduled and, once it is started, Started.
std::string unwritten_events(const journal::WorkflowTaskState& task, const std::string& identity);

/// Writes down what is written nowhere of a task, at the times at which it happened. `identity`,
/// `build`: of the worker that has started it; no build: null.
void write_unwritten_task(transition& t, const journal::WorkflowTaskState& task,
                          const std::string& identity,
                          const api::common::v1::WorkerVersionStamp* build);

} // namespace reprise::engine
