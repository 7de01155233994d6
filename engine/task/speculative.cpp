#include "engine/task/speculative.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/task/task_events.hpp"
#include "engine/update/update.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

bool waits_on_sticky_queue(const journal::WorkflowTaskState& task) {
  return task.started_event_id() == 0 && task.task_queue().kind() == enums::TASK_QUEUE_KIND_STICKY;
}

/// As long as a new one would wait, from now on.
void wait_anew(journal::WorkflowTaskState& task, const context& c) {
  *task.mutable_schedule_to_start_timeout()
    = to_proto(c.now - from_proto(task.scheduled_time()) + c.bounds.speculative_task_wait_max);
}

} // namespace

journal::WorkflowTaskState make_speculative_task(const execution& x, const context& c) {
  journal::WorkflowTaskState task;
  task.set_scheduled_event_id(x.next_event_id());
  task.set_attempt(1);
  auto now = to_proto(std::max(c.now, from_proto(x.last_event_time())));
  *task.mutable_scheduled_time() = now;
  *task.mutable_original_scheduled_time() = now;
  *task.mutable_start_to_close_timeout() = to_proto(start_to_close_timeout(x, 1, c.bounds));
  if (x.has_sticky()) {
    *task.mutable_task_queue() = x.sticky().task_queue();
    *task.mutable_schedule_to_start_timeout() = x.sticky().schedule_to_start_timeout();
  } else {
    *task.mutable_task_queue() = normal_queue(x);
    *task.mutable_schedule_to_start_timeout() = to_proto(c.bounds.speculative_task_wait_max);
  }
  return task;
}

cluster::Task speculative_offer(const execution& x, const journal::WorkflowTaskState& task) {
  auto out = offer_of(x, task);
  out.set_speculative(true);
  out.set_task_queue(task.task_queue().name());
  out.set_sticky(task.task_queue().kind() == enums::TASK_QUEUE_KIND_STICKY);
  return out;
}

std::optional<time_point> speculative_deadline(const journal::WorkflowTaskState& task) {
  if (task.started_event_id() != 0)
    return from_proto(task.started_time()) + from_proto(task.start_to_close_timeout());
  auto wait = from_proto(task.schedule_to_start_timeout());
  if (wait.count() <= 0)
    return std::nullopt;
  return from_proto(task.scheduled_time()) + wait;
}

history_splice start_speculative(transition& t, const task_starter& by) {
  ENSURE(t.speculative() != nullptr && t.speculative()->started_event_id() == 0,
         "what waits is started");
  auto task = *t.speculative();
  task.set_started_event_id(task.scheduled_event_id() + 1);
  task.set_identity(by.identity);
  task.set_request_id(by.request_id);
  task.set_start_id(start_id_of(by));
  *task.mutable_started_time() = to_proto(std::max(t.ctx().now, from_proto(task.scheduled_time())));
  judge_history(task, t.state(), t.ctx());
  if (!by.build.build_id().empty())
    *task.mutable_worker_version() = by.build;
  t.set_speculative(std::move(task));
  return splice_of(t.state(), *t.speculative(), by);
}

step start_speculative_task(transition&& t, const cluster::StartTask& start) {
  const auto& task = *t.speculative();
  auto fits = task.started_event_id() == 0
              && task.scheduled_event_id() == start.task().scheduled_event_id()
              && task.attempt() == start.task().attempt()
              // One that moved to the normal queue is not to be had on the sticky one any more.
              && (!start.task().sticky() || task.task_queue().name() == start.task().task_queue());
  if (!fits) {
    t.obsolete_task();
    return std::move(t).finish(reply{});
  }
  reply answer;
  answer.history = start_speculative(t, starter_of(start, t.ctx()));
  return std::move(t).finish(std::move(answer));
}

step take_back_speculative_task(transition&& t) {
  auto task = *t.speculative();
  task.clear_started_event_id();
  task.clear_started_time();
  task.clear_start_id();
  task.clear_identity();
  task.clear_request_id();
  task.clear_worker_version();
  task.clear_history_size_bytes();
  task.clear_suggest_continue_as_new();
  *task.mutable_task_queue() = normal_queue(t.state());
  wait_anew(task, t.ctx());
  t.offer(speculative_offer(t.state(), task));
  t.set_speculative(std::move(task));
  return std::move(t).finish(reply{});
}

bool leave_sticky_queue(transition& t, const std::string& queue) {
  if (t.speculative() == nullptr || !waits_on_sticky_queue(*t.speculative()))
    return false;
  if (!queue.empty() && t.speculative()->task_queue().name() != queue)
    return false;
  auto task = *t.speculative();
  *task.mutable_task_queue() = normal_queue(t.state());
  // Its time goes on, as that of a written task does.
  if (from_proto(task.schedule_to_start_timeout()).count() <= 0)
    wait_anew(task, t.ctx());
  t.offer(speculative_offer(t.state(), task));
  t.set_speculative(std::move(task));
  return true;
}

bool may_drop(const execution& x, const service::RespondWorkflowTaskCompletedRequest& r,
              const limits& bounds) {
  if (!r.commands().empty() || r.force_create_new_workflow_task())
    return false;
  // Events that the worker has seen with this task it sees again with the next.
  auto seen_twice = x.next_event_id() - (x.previous_started_event_id() + 2);
  auto most = r.capabilities().discard_speculative_workflow_task_with_events()
                ? bounds.dropped_events_max
                : 0;
  return seen_twice <= most
         && std::all_of(r.messages().begin(), r.messages().end(),
                        [](const auto& message) { return is_rejection(message); });
}

} // namespace reprise::engine
