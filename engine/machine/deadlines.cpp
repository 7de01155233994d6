// When a run wants to be woken, what it does then, and what it has to offer.

#include "engine/machine/errors.hpp"
#include "engine/machine/parts.hpp"
#include "engine/machine/proto_time.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

void take_earlier(std::optional<time_point>& best, std::optional<time_point> other) {
  if (other && (!best || *other < *best))
    best = other;
}

std::optional<time_point> run_deadline(const execution& x) {
  std::optional<time_point> out;
  if (x.created().has_run_deadline())
    out = from_proto(x.created().run_deadline());
  if (x.created().has_execution_deadline())
    take_earlier(out, from_proto(x.created().execution_deadline()));
  return out;
}

std::optional<time_point> retention_end(const execution& x) {
  if (!x.has_close_time())
    return std::nullopt;
  return from_proto(x.close_time()) + from_proto(x.created().retention());
}

bool passed(std::optional<time_point> deadline, time_point now) {
  return deadline && *deadline <= now;
}

} // namespace

std::optional<time_point> next_deadline(const execution& x) {
  if (!is_open(x))
    return retention_end(x);
  auto out = run_deadline(x);
  if (held_back(x))
    take_earlier(out, from_proto(x.created().first_task_at()));
  take_earlier(out, workflow_task_deadline(x));
  take_earlier(out, next_timer_deadline(x));
  take_earlier(out, next_activity_deadline(x));
  return out;
}

std::optional<time_point> undelivered_since(const execution& x) {
  if (!is_open(x))
    return std::nullopt;
  auto out = undelivered_activity_since(x);
  const auto& task = x.workflow_task();
  if (waits_for_worker(task))
    take_earlier(out, from_proto(task.scheduled_time()));
  return out;
}

std::vector<cluster::Task> undelivered_tasks(const execution& x, time_point now) {
  std::vector<cluster::Task> out;
  if (!is_open(x))
    return out;
  if (auto task = workflow_task_offer(x))
    out.push_back(std::move(*task));
  append_undelivered_activities(x, now, out);
  return out;
}

step decide_wake(execution&& current, const context& c) {
  transition t{std::move(current), c};
  const auto& x = t.state();
  if (!is_open(x)) {
    if (passed(retention_end(x), c.now))
      t.erase();
    return std::move(t).finish(reply{});
  }
  if (passed(run_deadline(x), c.now)) {
    time_out_run(t);
    return std::move(t).finish(reply{});
  }
  if (held_back(x) && passed(from_proto(x.created().first_task_at()), c.now))
    force_workflow_task(t);
  if (passed(workflow_task_deadline(x), c.now))
    time_out_workflow_task(t);
  due_budget budget;
  if (fire_timers(t, budget))
    schedule_workflow_task(t);
  fire_activity_timeouts(t, budget);
  return std::move(t).finish(reply{});
}

step decide_reoffer(execution&& current, const cluster::Reoffer& request, const context& c) {
  transition t{std::move(current), c};
  // A run whose sticky worker is gone forgets it, or its tasks would go there again.
  if (request.sticky_unavailable() && t.state().has_sticky() && is_open(t.state())
      && (request.task_queue().empty()
          || request.task_queue() == t.state().sticky().task_queue().name())) {
    t.set_sticky({});
    if (auto task = workflow_task_offer(t.state()))
      t.offer(std::move(*task));
    return std::move(t).finish(reply{});
  }
  for (auto& task : undelivered_tasks(t.state(), c.now))
    if (request.task_queue().empty() || request.task_queue() == task.task_queue())
      t.offer(std::move(task));
  return std::move(t).finish(reply{});
}

} // namespace reprise::engine
