#include "base/ensure.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/outgrown.hpp"
#include "engine/machine/parts.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

using request_body = cluster::ExecutionRequest;

/// The run that the request names: a worker's token names one too.
const std::string& run_of(const cluster::ExecutionRequest& request) {
  return request.run_id().empty() ? request.token().run_id() : request.run_id();
}

bool is_start(const cluster::ExecutionRequest& request) {
  return request.body_case() == request_body::kStart
         || request.body_case() == request_body::kSignalWithStart;
}

/// There is no such run: the caller is told, a queue's task is obsolete, a wake-up is moot.
step decide_without_run(const cluster::ExecutionRequest& request) {
  step out;
  switch (request.body_case()) {
    case request_body::kStartWorkflowTask:
    case request_body::kStartActivityTask:
    case request_body::kStartQueryTask:
      out.obsolete_task = true;
      return out;
    case request_body::kWake:
    case request_body::kReoffer:
    case request_body::kTakeBack:
      return out;
    default:
      out.answer.failure = workflow_not_found(request.workflow_id(), run_of(request));
      return out;
  }
}

step decide_on_run(execution&& current, const cluster::ExecutionRequest& request,
                   const context& c) {
  switch (request.body_case()) {
    case request_body::kSignal:
      return decide_signal(std::move(current), request, c);
    case request_body::kRequestCancel:
      return decide_request_cancel(std::move(current), request, c);
    case request_body::kTerminate:
      return decide_terminate(std::move(current), request, c);
    case request_body::kDeleteExecution:
      return decide_delete(std::move(current), request, c);
    case request_body::kUpdateOptions:
      return decide_update_options(std::move(current), request, c);
    case request_body::kResetSticky:
      return decide_reset_sticky(std::move(current), c);
    case request_body::kStartWorkflowTask:
      return decide_start_workflow_task(std::move(current), request, c);
    case request_body::kCompleteWorkflowTask:
      return decide_complete_workflow_task(std::move(current), request, c);
    case request_body::kFailWorkflowTask:
      return decide_fail_workflow_task(std::move(current), request, c);
    case request_body::kWake:
      return decide_wake(std::move(current), c);
    case request_body::kTakeBack:
      return request.token().kind() == cluster::TaskToken::ACTIVITY
               ? decide_activity(std::move(current), request, c)
               : decide_take_back_workflow_task(std::move(current), request, c);
    case request_body::kReoffer:
      return decide_reoffer(std::move(current), request.reoffer(), c);
    case request_body::kCompleteActivity:
    case request_body::kFailActivity:
    case request_body::kCancelActivity:
    case request_body::kHeartbeatActivity:
    case request_body::kPauseActivity:
    case request_body::kUnpauseActivity:
    case request_body::kResetActivity:
    case request_body::kUpdateActivityOptions:
    case request_body::kStartActivityTask:
      return decide_activity(std::move(current), request, c);
    case request_body::kDescribe: {
      auto answer = describe(current, c);
      return transition{std::move(current), c}.finish(answer);
    }
    default:
      ENSURE(false, "a request that the engine does not decide");
  }
}

} // namespace

namespace {

step decide_any(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                const context& c) {
  if (is_start(request))
    return decide_start(std::move(current), request, c);
  const auto& run_id = run_of(request);
  if (current && !run_id.empty() && current->created().run_id() != run_id) {
    auto out = decide_without_run(request);
    out.current = std::move(current);
    return out;
  }
  if (!current)
    return decide_without_run(request);
  return decide_on_run(std::move(*current), request, c);
}

/// How many events the request's transition may write: rather too many than too few.
std::int64_t events_at_most(const execution& x, const cluster::ExecutionRequest& request,
                            const limits& bounds) {
  // What is answered, what becomes of a workflow task, and what follows from it.
  constexpr std::int64_t of_any = 10;
  // A command cancels what has not begun with two events, and a time-out tells of a start first.
  constexpr std::int64_t of_item = 2;
  auto some = of_any + x.buffered_events_size();
  switch (request.body_case()) {
    case request_body::kHeartbeatActivity:
      return 0;
    case request_body::kWake: {
      std::size_t pending = x.activities().size() + x.timers().size();
      return some + of_item * static_cast<std::int64_t>(std::min(pending, bounds.due_items_max));
    }
    case request_body::kCompleteWorkflowTask:
      return some + of_item * request.complete_workflow_task().commands_size();
    default:
      return some;
  }
}

/// Why the run ends here instead of going on from a state of so many bytes of history; nothing
/// when it may. A transition that closes it is the better end.
std::optional<std::string> overgrown(const step& done, std::int64_t bytes_before,
                                     const limits& bounds) {
  if (!done.current || !is_open(*done.current) || done.written.empty())
    return std::nullopt;
  if (bounds.history_bytes_max > 0 && bytes_before > bounds.history_bytes_max)
    return "Workflow history size exceeds limit.";
  if (bounds.history_events_max > 0
      && done.current->next_event_id() - 1 > bounds.history_events_max)
    return "Workflow history count exceeds limit.";
  return std::nullopt;
}

/// The answer to a request that ended its run: whoever is no caller learns that there is nothing
/// left.
void tell(step& ended, const cluster::ExecutionRequest& request) {
  switch (request.body_case()) {
    case request_body::kStartWorkflowTask:
    case request_body::kStartActivityTask:
      ended.obsolete_task = true;
      ended.answer = {};
      return;
    case request_body::kWake:
    case request_body::kReoffer:
    case request_body::kTakeBack:
      ended.answer = {};
      return;
    default:
      return;
  }
}

} // namespace

bool may_outgrow(const execution& x, const cluster::ExecutionRequest& request,
                 const limits& bounds) {
  if (!is_open(x) || request.body_case() == request_body::kDescribe)
    return false;
  if (bounds.history_bytes_max > 0 && x.history_size_bytes() > bounds.history_bytes_max)
    return true;
  return bounds.history_events_max > 0
         && x.next_event_id() - 1 + events_at_most(x, request, bounds) > bounds.history_events_max;
}

step decide(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
            const context& c) {
  if (!current || !may_outgrow(*current, request, c.bounds))
    return decide_any(std::move(current), request, c);
  auto before = *current;
  auto out = decide_any(std::move(current), request, c);
  auto problem = overgrown(out, before.history_size_bytes(), c.bounds);
  if (!problem)
    return out;
  out = end_oversized(std::move(before), *problem, c);
  tell(out, request);
  return out;
}

} // namespace reprise::engine
