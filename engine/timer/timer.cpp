// User timers: pending from their Started event until they fire or are cancelled.

#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/task/task.hpp"
#include "engine/timer/rules.hpp"
#include "protocol/options.hpp"

#include <algorithm>
#include <compare>

namespace reprise::engine {

namespace {

command_failure bad_start(std::string message) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES,
          .message = std::move(message)};
}

command_failure bad_cancel(std::string message) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES,
          .message = std::move(message)};
}

std::string id_problem(const std::string& id, const std::string& command, const limits& bounds) {
  if (id.empty())
    return "TimerId is not set on " + command + ".";
  if (id.size() > bounds.id_length_max)
    return "TimerId on " + command + " exceeds length limit. TimerId=" + id + " Length="
           + std::to_string(id.size()) + " Limit=" + std::to_string(bounds.id_length_max);
  return {};
}

/// An event that was buffered comes a second time when it is flushed; then a younger timer may have
/// the id.
void drop_timer(execution& x, const std::string& timer_id, std::int64_t started_event_id) {
  auto i = x.mutable_timers()->find(timer_id);
  if (i != x.mutable_timers()->end() && i->second.started_event_id() == started_event_id)
    x.mutable_timers()->erase(i);
}

/// Position of the timer's fired event in the buffer; -1: it has not fired, or the workflow knows.
int buffered_position(const execution& x, const std::string& timer_id) {
  for (int i = 0; i < x.buffered_events_size(); ++i) {
    const auto& event = x.buffered_events(i);
    if (event.event_type() == enums::EVENT_TYPE_TIMER_FIRED
        && event.timer_fired_event_attributes().timer_id() == timer_id)
      return i;
  }
  return -1;
}

void add_canceled(transition& t, const api::command::v1::Command& command, const completion& c,
                  std::int64_t started_event_id) {
  auto event = event_for(command, enums::EVENT_TYPE_TIMER_CANCELED);
  auto& a = *event.mutable_timer_canceled_event_attributes();
  a.set_timer_id(command.cancel_timer_command_attributes().timer_id());
  a.set_started_event_id(started_event_id);
  a.set_workflow_task_completed_event_id(c.completed_event_id);
  a.set_identity(c.request.identity());
  t.add_event(std::move(event));
}

/// The workflow has not seen it fire, so for the workflow it never did.
void take_back(transition& t, int position, completion& c) {
  journal::Fact fact;
  fact.mutable_dropped_events()->add_positions(position);
  t.add_fact(std::move(fact));
  // With nothing else unseen the workflow may close after all.
  --c.unseen_events;
}

} // namespace

command_result start_timer(transition& t, const api::command::v1::Command& command, completion& c) {
  if (!command.has_start_timer_command_attributes())
    return bad_start("StartTimerCommandAttributes is not set on StartTimerCommand.");
  const auto& wanted = command.start_timer_command_attributes();
  if (auto problem = id_problem(wanted.timer_id(), "StartTimerCommand", t.ctx().bounds);
      !problem.empty())
    return bad_start(std::move(problem));
  if (auto problem = protocol::duration_problem(wanted.start_to_fire_timeout()))
    return bad_start("An invalid StartToFireTimeout is set on StartTimerCommand: " + *problem
                     + ". TimerId=" + wanted.timer_id());
  if (t.state().timers().contains(wanted.timer_id()))
    return command_failure{
      .cause = enums::WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID,
      .message = "invalid history builder state for action: add-timer-started-event, TimerID: "
                 + wanted.timer_id()};
  auto event = event_for(command, enums::EVENT_TYPE_TIMER_STARTED);
  auto& a = *event.mutable_timer_started_event_attributes();
  a.set_timer_id(wanted.timer_id());
  if (wanted.has_start_to_fire_timeout()) {
    *a.mutable_start_to_fire_timeout() = wanted.start_to_fire_timeout();
    cap_duration(*a.mutable_start_to_fire_timeout(), longest_duration);
  }
  a.set_workflow_task_completed_event_id(c.completed_event_id);
  t.add_event(std::move(event));
  return std::nullopt;
}

command_result cancel_timer(transition& t, const api::command::v1::Command& command,
                            completion& c) {
  if (!command.has_cancel_timer_command_attributes())
    return bad_cancel("CancelTimerCommandAttributes is not set on CancelTimerCommand.");
  const auto& timer_id = command.cancel_timer_command_attributes().timer_id();
  if (auto problem = id_problem(timer_id, "CancelTimerCommand", t.ctx().bounds); !problem.empty())
    return bad_cancel(std::move(problem));
  auto pending = t.state().timers().find(timer_id);
  if (pending != t.state().timers().end()) {
    add_canceled(t, command, c, pending->second.started_event_id());
    return std::nullopt;
  }
  auto position = buffered_position(t.state(), timer_id);
  if (position < 0)
    return bad_cancel("invalid history builder state for action: add-timer-canceled-event, "
                      "TimerID: "
                      + timer_id);
  auto started
    = t.state().buffered_events(position).timer_fired_event_attributes().started_event_id();
  take_back(t, position, c);
  add_canceled(t, command, c, started);
  return std::nullopt;
}

void fire_timers(transition& t, due_budget& budget) {
  struct due_timer {
    time_point at{};
    std::int64_t started_event_id = 0;
    std::string timer_id{};
    auto operator<=>(const due_timer&) const = default;
  };

  std::vector<due_timer> due;
  for (const auto& [id, timer] : t.state().timers())
    if (auto at = from_proto(timer.fire_time()); at <= t.ctx().now)
      due.push_back({at, timer.started_event_id(), id});
  if (due.empty())
    return;
  std::ranges::sort(due);
  for (const auto& timer : due) {
    if (!budget.take(t))
      break;
    history_event event;
    event.set_event_type(enums::EVENT_TYPE_TIMER_FIRED);
    auto& a = *event.mutable_timer_fired_event_attributes();
    a.set_timer_id(timer.timer_id);
    a.set_started_event_id(timer.started_event_id);
    t.add_or_buffer(std::move(event));
  }
  schedule_workflow_task(t);
}

std::optional<time_point> next_timer_deadline(const execution& x) {
  std::optional<time_point> next;
  for (const auto& [id, timer] : x.timers())
    if (auto at = from_proto(timer.fire_time()); !next || at < *next)
      next = at;
  return next;
}

std::size_t pending_timers(const execution& x) {
  return x.timers().size();
}

void fold_timer_started(execution& x, const history_event& event) {
  const auto& a = event.timer_started_event_attributes();
  auto& timer = (*x.mutable_timers())[a.timer_id()];
  timer.set_started_event_id(event.event_id());
  timer.set_timer_id(a.timer_id());
  *timer.mutable_fire_time()
    = to_proto(from_proto(event.event_time()) + from_proto(a.start_to_fire_timeout()));
}

void fold_timer_fired(execution& x, const history_event& event) {
  const auto& a = event.timer_fired_event_attributes();
  drop_timer(x, a.timer_id(), a.started_event_id());
}

void fold_timer_canceled(execution& x, const history_event& event) {
  const auto& a = event.timer_canceled_event_attributes();
  drop_timer(x, a.timer_id(), a.started_event_id());
}

} // namespace reprise::engine
