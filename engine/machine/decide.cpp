// Which request goes where, and what it hears when there is no run, or none is left.

#include "base/ensure.hpp"
#include "engine/activity/activity.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/outgrown.hpp"
#include "engine/machine/rules.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

namespace {

/// The run that the request names: a worker's token names one too.
const std::string& run_of(const cluster::ExecutionRequest& request) {
  return request.run_id().empty() ? request.token().run_id() : request.run_id();
}

/// There is no such run: the caller is told, a queue's task is obsolete, a wake-up is moot.
step decide_without_run(const cluster::ExecutionRequest& request) {
  step out;
  switch (rule_of(request.body_case()).otherwise) {
    case without_run::not_found:
      out.answer.failure = workflow_not_found(request.workflow_id(), run_of(request));
      break;
    case without_run::obsolete:
      out.obsolete_task = true;
      break;
    case without_run::nothing:
      break;
  }
  return out;
}

step decide_by_rule(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                    const context& c) {
  const auto& rule = rule_of(request.body_case());
  if (rule.decide_any != nullptr)
    return rule.decide_any(std::move(current), request, c);
  const auto& run_id = run_of(request);
  if (current && !run_id.empty() && current->created().run_id() != run_id) {
    auto out = decide_without_run(request);
    out.current = std::move(current);
    return out;
  }
  if (!current)
    return decide_without_run(request);
  ENSURE(rule.decide != nullptr, "a request that the engine does not decide");
  return rule.decide(std::move(*current), request, c);
}

/// How many events the request's transition may write: rather too many than too few.
std::int64_t events_at_most(const execution& x, const cluster::ExecutionRequest& request,
                            const limits& bounds) {
  if (auto* count = rule_of(request.body_case()).events_at_most; count != nullptr)
    return count(x, request, bounds);
  return events_of_any(x);
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
  if (bounds.state_bytes_max > 0 && done.current->ByteSizeLong() > bounds.state_bytes_max)
    return "Workflow mutable state size exceeds limit.";
  return std::nullopt;
}

/// The answer to a request that ended its run: whoever is no caller learns that there is nothing
/// left.
void tell(step& ended, const cluster::ExecutionRequest& request) {
  auto otherwise = rule_of(request.body_case()).otherwise;
  if (otherwise == without_run::not_found)
    return;
  ended.obsolete_task = otherwise == without_run::obsolete;
  ended.answer = {};
}

} // namespace

std::int64_t events_of_any(const execution& x) {
  // What is answered, what becomes of a workflow task, and what follows from it.
  constexpr std::int64_t of_any = 10;
  return of_any + x.buffered_events_size();
}

bool may_outgrow(const execution& x, const cluster::ExecutionRequest& request,
                 const limits& bounds) {
  if (!is_open(x) || rule_of(request.body_case()).reads)
    return false;
  // How much a transition adds to the state is known only behind it.
  if (bounds.state_bytes_max > 0)
    return true;
  if (bounds.history_bytes_max > 0 && x.history_size_bytes() > bounds.history_bytes_max)
    return true;
  return bounds.history_events_max > 0
         && x.next_event_id() - 1 + events_at_most(x, request, bounds) > bounds.history_events_max;
}

step decide_take_back(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c) {
  return request.token().kind() == cluster::TaskToken::ACTIVITY
           ? take_back_activity(std::move(current), request, c)
           : take_back_workflow_task(std::move(current), request, c);
}

step decide(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
            const context& c) {
  if (!current || !may_outgrow(*current, request, c.bounds))
    return decide_by_rule(std::move(current), request, c);
  auto before = *current;
  auto out = decide_by_rule(std::move(current), request, c);
  auto problem = overgrown(out, before.history_size_bytes(), c.bounds);
  if (!problem)
    return out;
  out = end_oversized(std::move(before), *problem, c);
  tell(out, request);
  return out;
}

} // namespace reprise::engine
