// The two commands on activities: schedule one, request the cancellation of one.

#include "engine/activity/activity.hpp"
#include "engine/activity/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

command_failure bad_schedule(std::string message) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
          .message = std::move(message)};
}

command_failure bad_cancel(std::string message) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES,
          .message = std::move(message)};
}

scheduled_attributes
attributes_of(const api::command::v1::ScheduleActivityTaskCommandAttributes& command,
              const completion& c) {
  scheduled_attributes out;
  out.set_activity_id(command.activity_id());
  if (command.has_activity_type())
    *out.mutable_activity_type() = command.activity_type();
  if (command.has_task_queue())
    *out.mutable_task_queue() = command.task_queue();
  if (command.has_header())
    *out.mutable_header() = command.header();
  if (command.has_input())
    *out.mutable_input() = command.input();
  *out.mutable_schedule_to_close_timeout() = command.schedule_to_close_timeout();
  *out.mutable_schedule_to_start_timeout() = command.schedule_to_start_timeout();
  *out.mutable_start_to_close_timeout() = command.start_to_close_timeout();
  *out.mutable_heartbeat_timeout() = command.heartbeat_timeout();
  out.set_workflow_task_completed_event_id(c.completed_event_id);
  *out.mutable_retry_policy() = command.retry_policy();
  out.set_use_workflow_build_id(command.use_workflow_build_id());
  if (command.has_priority())
    *out.mutable_priority() = command.priority();
  return out;
}

/// The activity has ended, but the workflow could not know: its end is buffered.
bool end_is_buffered(const execution& x, std::int64_t scheduled_event_id) {
  return std::ranges::any_of(x.buffered_events(), [&](const history_event& event) {
    const auto& rule = rule_of(event.event_type());
    return rule.while_started == buffering::waits_as_result
           && rule.asked_for_by(event) == scheduled_event_id;
  });
}

/// An activity that nobody holds ends at once. Its event stands behind those of all commands, like
/// everything that did not come from one; so it goes through the buffer.
void cancel_waiting(transition& t, std::int64_t scheduled_event_id, std::int64_t request_event_id,
                    completion& c) {
  journal::Fact fact;
  auto& event = *fact.mutable_buffered_event();
  event.set_event_type(enums::EVENT_TYPE_ACTIVITY_TASK_CANCELED);
  *event.mutable_event_time()
    = to_proto(std::max(t.ctx().now, from_proto(t.state().last_event_time())));
  auto& a = *event.mutable_activity_task_canceled_event_attributes();
  a.set_scheduled_event_id(scheduled_event_id);
  a.set_latest_cancel_requested_event_id(request_event_id);
  a.set_identity(c.request.identity());
  auto& reason = *a.mutable_details()->add_payloads();
  (*reason.mutable_metadata())["encoding"] = "json/plain";
  reason.set_data("\"ACTIVITY_ID_NOT_STARTED\"");
  if (activity_at(t.state(), scheduled_event_id).progress().paused())
    t.visibility_changed();
  t.add_fact(std::move(fact));
  c.wants_new_task = true;
}

} // namespace

command_result schedule_activity(transition& t, const api::command::v1::Command& command,
                                 completion& c) {
  if (!command.has_schedule_activity_task_command_attributes())
    return bad_schedule("ScheduleActivityTaskCommandAttributes is not set on "
                        "ScheduleActivityTaskCommand.");
  const auto& wanted = command.schedule_activity_task_command_attributes();
  const auto& bounds = t.ctx().bounds;
  auto attributes = attributes_of(wanted, c);
  auto run_timeout = from_proto(t.state().started().workflow_run_timeout());
  const auto& own_queue = t.state().started().task_queue().name();
  if (auto problem = normalise_attributes(attributes, own_queue, run_timeout, bounds))
    return bad_schedule(std::move(*problem));
  if (wanted.input().ByteSizeLong() > bounds.blob_bytes_max) {
    auto failure = bad_schedule("ScheduleActivityTaskCommandAttributes.Input exceeds size limit.");
    failure.terminate = true;
    return failure;
  }
  if (auto refusal = too_many(enums::WORKFLOW_TASK_FAILED_CAUSE_PENDING_ACTIVITIES_LIMIT_EXCEEDED,
                              "pending activities", t.state().activities().size(),
                              bounds.pending_activities_max))
    return refusal;
  if (t.state().activity_ids().contains(attributes.activity_id()))
    return command_failure{
      .cause = enums::WORKFLOW_TASK_FAILED_CAUSE_SCHEDULE_ACTIVITY_DUPLICATE_ID,
      .message = "invalid history builder state for action: add-activitytask-scheduled-event, "
                 "ActivityID: "
                 + attributes.activity_id()};
  auto event = event_for(command, enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED);
  *event.mutable_activity_task_scheduled_event_attributes() = std::move(attributes);
  auto id = t.add_event(std::move(event));
  if (wanted.request_eager_execution()) {
    c.eager_activities.push_back(id);
    return std::nullopt;
  }
  t.offer(activity_task(t.state(), activity_at(t.state(), id)));
  return std::nullopt;
}

void hand_out_eagerly(transition& t, completion& c) {
  for (auto id : c.eager_activities) {
    if (!is_open(t.state()) || find_activity(t.state(), id) == nullptr)
      continue;
    start_activity(t, id,
                   {.identity = c.request.identity(),
                    .request_id = t.ctx().ids.uuid7(t.ctx().now),
                    .eager = true});
    fill_task(*c.response.add_activity_tasks(), t.state(), activity_at(t.state(), id), t.ctx());
  }
}

command_result cancel_activity(transition& t, const api::command::v1::Command& command,
                               completion& c) {
  if (!command.has_request_cancel_activity_task_command_attributes())
    return bad_cancel("RequestCancelActivityTaskCommandAttributes is not set on "
                      "RequestCancelActivityTaskCommand.");
  auto id = command.request_cancel_activity_task_command_attributes().scheduled_event_id();
  if (id <= 0)
    return bad_cancel("ScheduledEventId is not set on RequestCancelActivityTaskCommand.");
  const auto* activity = find_activity(t.state(), id);
  auto impossible = activity == nullptr ? !end_is_buffered(t.state(), id)
                                        : activity->progress().cancel_requested();
  if (impossible)
    return bad_cancel("invalid history builder state for action: "
                      "add-activitytask-cancel-requested-event, ScheduledEventID: "
                      + std::to_string(id));
  auto waiting = activity != nullptr && !is_started(activity->progress());
  auto event = event_for(command, enums::EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED);
  auto& a = *event.mutable_activity_task_cancel_requested_event_attributes();
  a.set_scheduled_event_id(id);
  a.set_workflow_task_completed_event_id(c.completed_event_id);
  auto event_id = t.add_event(std::move(event));
  if (waiting)
    cancel_waiting(t, id, event_id, c);
  return std::nullopt;
}

} // namespace reprise::engine
