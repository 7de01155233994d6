#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_activity_scheduled(execution& x, const history_event& event);
void fold_activity_cancel_requested(execution& x, const history_event& event);
void fold_activity_closed(execution& x, const history_event& event);
void fold_activity_progress(execution& x, const journal::Fact& fact);

command_result schedule_activity(transition& t, const api::command::v1::Command& command,
                                 completion& c);
command_result cancel_activity(transition& t, const api::command::v1::Command& command,
                               completion& c);

step decide_start_activity(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c);
step decide_complete_activity(execution&& current, const cluster::ExecutionRequest& request,
                              const context& c);
step decide_fail_activity(execution&& current, const cluster::ExecutionRequest& request,
                          const context& c);
step decide_cancel_activity(execution&& current, const cluster::ExecutionRequest& request,
                            const context& c);
step decide_heartbeat(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c);
step decide_pause_activity(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c);
step decide_unpause_activity(execution&& current, const cluster::ExecutionRequest& request,
                             const context& c);
step decide_reset_activity(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c);
step decide_update_activity_options(execution&& current, const cluster::ExecutionRequest& request,
                                    const context& c);
std::int64_t events_of_heartbeat(const execution& x, const cluster::ExecutionRequest& request,
                                 const limits& bounds);

std::optional<time_point> next_activity_deadline(const execution& x);
void fire_activity_timeouts(transition& t, due_budget& budget);
std::size_t pending_activities(const execution& x);
std::optional<time_point> undelivered_activity_since(const execution& x);
void append_undelivered_activities(const execution& x, time_point now,
                                   std::vector<cluster::Task>& out);
/// Pending activities, ordered by scheduled event id.
void describe_activities(const execution& x, const context& c,
                         service::DescribeWorkflowExecutionResponse& out);

/// The Scheduled event of the activity that an event with these attributes is about.
template <auto Attributes>
std::int64_t scheduled_id(const history_event& event) {
  return (event.*Attributes)().scheduled_event_id();
}

/// Writes the id of the Started event down, where none is yet.
template <auto Attributes>
void set_started_id(history_event& event, std::int64_t id) {
  auto& a = *(event.*Attributes)();
  if (a.started_event_id() == 0)
    a.set_started_event_id(id);
}

/// The end of an activity.
template <auto Attributes, auto Mutable>
consteval event_rule activity_result(enums::EventType type) {
  return {.type = type,
          .fold = fold_activity_closed,
          .while_started = buffering::waits_as_result,
          .fold_on_arrival = fold_activity_closed,
          .asked_for_by = scheduled_id<Attributes>,
          .set_begin = set_started_id<Mutable>};
}

inline constexpr std::array activity_events{
  event_rule{.type = enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, .fold = fold_activity_scheduled},
  // It tells the history what the activity's progress has known for long.
  event_rule{.type = enums::EVENT_TYPE_ACTIVITY_TASK_STARTED,
             .fold = tells_only,
             .while_started = buffering::waits,
             .asked_for_by = scheduled_id<&history_event::activity_task_started_event_attributes>,
             .is_begin = true},
  activity_result<&history_event::activity_task_completed_event_attributes,
                  &history_event::mutable_activity_task_completed_event_attributes>(
    enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED),
  activity_result<&history_event::activity_task_failed_event_attributes,
                  &history_event::mutable_activity_task_failed_event_attributes>(
    enums::EVENT_TYPE_ACTIVITY_TASK_FAILED),
  activity_result<&history_event::activity_task_timed_out_event_attributes,
                  &history_event::mutable_activity_task_timed_out_event_attributes>(
    enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT),
  activity_result<&history_event::activity_task_canceled_event_attributes,
                  &history_event::mutable_activity_task_canceled_event_attributes>(
    enums::EVENT_TYPE_ACTIVITY_TASK_CANCELED),
  event_rule{.type = enums::EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
             .fold = fold_activity_cancel_requested},
  event_rule{.type = enums::EVENT_TYPE_ACTIVITY_PROPERTIES_MODIFIED_EXTERNALLY,
             .left_out = "reserved by the API: no call makes one"},
};

inline constexpr std::array activity_commands{
  command_rule{.type = enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK, .apply = schedule_activity},
  command_rule{.type = enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK, .apply = cancel_activity},
};

inline constexpr std::array activity_facts{
  fact_rule{.type = journal::Fact::kActivity, .fold = fold_activity_progress},
};

inline constexpr std::array activity_requests{
  request_rule{.type = cluster::ExecutionRequest::kStartActivityTask,
               .decide = decide_start_activity,
               .otherwise = without_run::obsolete},
  request_rule{.type = cluster::ExecutionRequest::kCompleteActivity,
               .decide = decide_complete_activity},
  request_rule{.type = cluster::ExecutionRequest::kFailActivity, .decide = decide_fail_activity},
  request_rule{.type = cluster::ExecutionRequest::kCancelActivity,
               .decide = decide_cancel_activity},
  request_rule{.type = cluster::ExecutionRequest::kHeartbeatActivity,
               .decide = decide_heartbeat,
               .events_at_most = events_of_heartbeat},
  request_rule{.type = cluster::ExecutionRequest::kPauseActivity, .decide = decide_pause_activity},
  request_rule{.type = cluster::ExecutionRequest::kUnpauseActivity,
               .decide = decide_unpause_activity},
  request_rule{.type = cluster::ExecutionRequest::kResetActivity, .decide = decide_reset_activity},
  request_rule{.type = cluster::ExecutionRequest::kUpdateActivityOptions,
               .decide = decide_update_activity_options},
};

inline constexpr feature activity_feature{.events = activity_events,
                                          .commands = activity_commands,
                                          .facts = activity_facts,
                                          .requests = activity_requests,
                                          .next_deadline = next_activity_deadline,
                                          .wake = fire_activity_timeouts,
                                          .may_be_due = pending_activities,
                                          .undelivered_since = undelivered_activity_since,
                                          .undelivered = append_undelivered_activities,
                                          .describe = describe_activities};

} // namespace reprise::engine
