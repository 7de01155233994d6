// When a run wants to be woken, what it does then, and what it has to offer.

#include "engine/machine/deadlines.hpp"

#include "engine/engine.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/outgrown.hpp"
#include "engine/machine/rules.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/task/speculative.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/workflow.hpp"

#include <algorithm>

namespace reprise::engine {

std::optional<time_point> next_deadline(const execution& x) {
  if (!is_open(x))
    return end_of_stay(x);
  std::optional<time_point> out;
  for (const auto* f : features())
    if (f->next_deadline != nullptr)
      take_earlier(out, f->next_deadline(x));
  return out;
}

std::optional<time_point> undelivered_since(const execution& x) {
  auto out = unanswered_since(x);
  if (!is_open(x))
    return out;
  for (const auto* f : features())
    if (f->undelivered_since != nullptr)
      take_earlier(out, f->undelivered_since(x));
  return out;
}

std::vector<cluster::Task> undelivered_tasks(const execution& x, time_point now) {
  std::vector<cluster::Task> out;
  if (!is_open(x))
    return out;
  for (const auto* f : features())
    if (f->undelivered != nullptr)
      f->undelivered(x, now, out);
  return out;
}

step decide_wake(execution&& current, const cluster::ExecutionRequest&, const context& c) {
  transition t{std::move(current), c};
  if (!is_open(t.state())) {
    note_retention(t);
    if (has_passed(end_of_stay(t.state()), c.now))
      t.erase();
    return std::move(t).finish(reply{});
  }
  due_budget budget;
  for (const auto* f : features())
    if (f->wake != nullptr && is_open(t.state()))
      f->wake(t, budget);
  return std::move(t).finish(reply{});
}

std::int64_t events_of_wake(const execution& x, const cluster::ExecutionRequest&,
                            const limits& bounds) {
  std::size_t pending = 0;
  for (const auto* f : features())
    if (f->may_be_due != nullptr)
      pending += f->may_be_due(x);
  return events_of_any(x)
         + events_of_item * static_cast<std::int64_t>(std::min(pending, bounds.due_items_max));
}

step decide_reoffer(execution&& current, const cluster::ExecutionRequest& request,
                    const context& c) {
  const auto& r = request.reoffer();
  transition t{std::move(current), c};
  if (r.sticky_unavailable() && leave_sticky_queue(t, r.task_queue()))
    return std::move(t).finish(reply{});
  // A run whose sticky worker is gone forgets it, or its tasks would go there again.
  if (r.sticky_unavailable() && is_open(t.state()) && t.state().has_sticky()
      && (r.task_queue().empty() || r.task_queue() == t.state().sticky().task_queue().name())) {
    set_sticky(t, {});
    if (auto task = workflow_task_offer(t.state()))
      t.offer(std::move(*task));
    return std::move(t).finish(reply{});
  }
  if (r.task_queue().empty() && !r.sticky_unavailable())
    for (auto& message : unanswered_messages(t.state()))
      t.send(std::move(message));
  if (r.only_messages())
    return std::move(t).finish(reply{});
  auto tasks = undelivered_tasks(t.state(), c.now);
  if (const auto* task = t.speculative(); task != nullptr && task->started_event_id() == 0)
    tasks.push_back(speculative_offer(t.state(), *task));
  for (auto& task : tasks)
    if (r.task_queue().empty() || r.task_queue() == task.task_queue())
      t.offer(std::move(task));
  return std::move(t).finish(reply{});
}

} // namespace reprise::engine
