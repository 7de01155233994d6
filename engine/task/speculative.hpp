#pragma once

#include "engine/task/task.hpp"

#include <optional>

// Speculative workflow tasks: made to ask a worker about updates, and held by the session alone.
// What the worker answers writes the task down, or nothing at all: when it has rejected all that
// it was asked, the task has never been. Whatever else is written of the run writes it down first.

namespace reprise::engine {

/// A task for a run that has none, on the sticky queue if there is one. Not offered yet.
journal::WorkflowTaskState make_speculative_task(const execution& x, const context& c);
/// Its offer.
cluster::Task speculative_offer(const execution& x, const journal::WorkflowTaskState& task);
/// When it has waited for a worker, or for its answer, long enough.
std::optional<time_point> speculative_deadline(const journal::WorkflowTaskState& task);

/// Starts the transition's speculative task; what the worker gets.
history_splice start_speculative(transition& t, const task_starter& by);
/// A worker takes it.
step start_speculative_task(transition&& t, const cluster::StartTask& start);
/// The worker that it was for never got it: it waits on the normal queue.
step take_back_speculative_task(transition&& t);
/// The worker of its sticky queue does not answer. False when it waits elsewhere, or is at work.
bool leave_sticky_queue(transition& t, const std::string& queue);

/// The task leaves no trace when its answer has nothing to write.
bool may_drop(const execution& x, const service::RespondWorkflowTaskCompletedRequest& r,
              const limits& bounds);

} // namespace reprise::engine
