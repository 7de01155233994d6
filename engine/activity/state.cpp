// What is known of pending activities: the fold of their events and facts, their deadlines, and
// what others see of them.

#include "base/ensure.hpp"
#include "engine/activity/activity.hpp"
#include "engine/activity/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/properties/keywords.hpp"

#include <algorithm>
#include <set>

namespace reprise::engine {

namespace {

/// Workflows with paused activities are found by the types of these.
void report_pauses(execution& x) {
  constexpr const char* name = "TemporalPauseInfo";
  std::set<std::string> types;
  for (const auto& [id, activity] : x.activities())
    if (activity.progress().paused())
      types.insert("property:activityType=" + activity.scheduled().activity_type().name());
  if (types.empty())
    x.mutable_search_attributes()->erase(name);
  else
    set_keywords(x, name, {types.begin(), types.end()});
}

/// After an activity of this type was paused, or is paused no more. What is told of paused types is
/// the same as before when another one of the type is paused: nothing is built anew then.
void pause_changed(execution& x, std::int64_t scheduled_event_id, const std::string& type) {
  auto tells_the_same = [&](const auto& other) {
    return other.first != scheduled_event_id && other.second.progress().paused()
           && other.second.scheduled().activity_type().name() == type;
  };
  if (std::ranges::none_of(x.activities(), tells_the_same))
    report_pauses(x);
}

bool waits_for_worker(const journal::ActivityProgress& progress) {
  return !is_started(progress) && !progress.paused() && !is_backing_off(progress);
}

duration positive(const google::protobuf::Duration& d) {
  return std::max(from_proto(d), duration::zero());
}

} // namespace

void fold_activity_scheduled(execution& x, const history_event& event) {
  const auto& a = event.activity_task_scheduled_event_attributes();
  auto& activity = (*x.mutable_activities())[event.event_id()];
  activity.set_scheduled_event_id(event.event_id());
  *activity.mutable_scheduled() = a;
  *activity.mutable_first_scheduled_time() = event.event_time();
  if (event.has_user_metadata())
    *activity.mutable_user_metadata() = event.user_metadata();
  auto& progress = *activity.mutable_progress();
  progress.set_scheduled_event_id(event.event_id());
  progress.set_attempt(1);
  *progress.mutable_scheduled_time() = event.event_time();
  (*x.mutable_activity_ids())[a.activity_id()] = event.event_id();
}

void fold_activity_cancel_requested(execution& x, const history_event& event) {
  auto id = event.activity_task_cancel_requested_event_attributes().scheduled_event_id();
  auto i = x.mutable_activities()->find(id);
  if (i == x.mutable_activities()->end())
    return;
  i->second.mutable_progress()->set_cancel_requested(true);
  i->second.mutable_progress()->set_cancel_requested_event_id(event.event_id());
}

void schedule_activities_anew(execution& x, const google::protobuf::Timestamp& at) {
  for (auto& [id, activity] : *x.mutable_activities()) {
    *activity.mutable_first_scheduled_time() = at;
    *activity.mutable_progress()->mutable_scheduled_time() = at;
  }
}

/// A closing event may be seen twice, when it is buffered and when it is flushed. By then the same
/// activity id may belong to a younger activity.
void fold_activity_closed(execution& x, const history_event& event) {
  auto scheduled_event_id = rule_of(event.event_type()).asked_for_by(event);
  auto i = x.mutable_activities()->find(scheduled_event_id);
  if (i == x.mutable_activities()->end())
    return;
  auto id = x.mutable_activity_ids()->find(i->second.scheduled().activity_id());
  if (id != x.mutable_activity_ids()->end() && id->second == scheduled_event_id)
    x.mutable_activity_ids()->erase(id);
  auto paused = i->second.progress().paused();
  auto type = i->second.scheduled().activity_type().name();
  x.mutable_activities()->erase(i);
  if (paused)
    pause_changed(x, scheduled_event_id, type);
}

void fold_activity_progress(execution& x, const journal::Fact& fact) {
  const auto& progress = fact.activity();
  auto i = x.mutable_activities()->find(progress.scheduled_event_id());
  if (i == x.mutable_activities()->end())
    return;
  auto before = i->second.progress().paused();
  *i->second.mutable_progress() = progress;
  if (before != progress.paused())
    pause_changed(x, i->first, i->second.scheduled().activity_type().name());
}

void set_activity(transition& t, journal::ActivityProgress progress) {
  const auto* known = find_activity(t.state(), progress.scheduled_event_id());
  if (known != nullptr && known->progress().paused() != progress.paused())
    t.visibility_changed();
  journal::Fact fact;
  *fact.mutable_activity() = std::move(progress);
  t.add_fact(std::move(fact));
}

const scheduled_attributes& options_of(const journal::ActivityState& activity) {
  return activity.progress().has_options() ? activity.progress().options() : activity.scheduled();
}

bool is_started(const journal::ActivityProgress& progress) {
  return progress.start_id() != 0;
}

bool is_backing_off(const journal::ActivityProgress& progress) {
  return !is_started(progress) && progress.has_current_retry_interval();
}

bool is_offerable(const journal::ActivityProgress& progress, time_point now) {
  if (is_started(progress) || progress.paused())
    return false;
  return !is_backing_off(progress) || from_proto(progress.scheduled_time()) <= now;
}

const journal::ActivityState* find_activity(const execution& x, std::int64_t scheduled_event_id) {
  auto i = x.activities().find(scheduled_event_id);
  return i == x.activities().end() ? nullptr : &i->second;
}

const journal::ActivityState& activity_at(const execution& x, std::int64_t scheduled_event_id) {
  const auto* found = find_activity(x, scheduled_event_id);
  ENSURE(found != nullptr, "the activity is pending");
  return *found;
}

api::common::v1::Priority priority_of(const execution& x, const scheduled_attributes& options) {
  auto out = options.priority();
  if (out.priority_key() == 0)
    out.set_priority_key(x.priority().priority_key());
  if (out.fairness_key().empty())
    out.set_fairness_key(x.priority().fairness_key());
  if (out.fairness_weight() == 0)
    out.set_fairness_weight(x.priority().fairness_weight());
  return out;
}

cluster::Task activity_task(const execution& x, const journal::ActivityState& activity) {
  const auto& options = options_of(activity);
  const auto& progress = activity.progress();
  cluster::Task task;
  task.set_kind(cluster::Task::ACTIVITY);
  task.set_namespace_id(x.created().namespace_id());
  task.set_workflow_id(x.created().workflow_id());
  task.set_run_id(x.created().run_id());
  task.set_scheduled_event_id(activity.scheduled_event_id());
  task.set_attempt(progress.attempt());
  task.set_stamp(progress.stamp());
  task.set_task_queue(options.task_queue().name());
  auto priority = priority_of(x, options);
  task.set_priority(priority.priority_key());
  task.set_fairness_key(priority.fairness_key());
  task.set_fairness_weight(priority.fairness_weight());
  *task.mutable_scheduled_time() = progress.scheduled_time();
  auto timeout = positive(options.schedule_to_start_timeout());
  if (timeout.count() > 0)
    *task.mutable_expires_at() = to_proto(from_proto(progress.scheduled_time()) + timeout);
  return task;
}

std::optional<time_point> schedule_to_close_deadline(const journal::ActivityState& activity) {
  auto timeout = positive(options_of(activity).schedule_to_close_timeout());
  if (timeout.count() == 0)
    return std::nullopt;
  return from_proto(activity.first_scheduled_time()) + timeout;
}

std::optional<time_point> last_retry_deadline(const journal::ActivityState& activity) {
  auto timeout = positive(activity.scheduled().schedule_to_close_timeout());
  if (timeout.count() == 0)
    return std::nullopt;
  return from_proto(activity.first_scheduled_time()) + timeout;
}

activity_deadlines deadlines_of(const journal::ActivityState& activity) {
  using kind = activity_deadline::kind;
  const auto& options = options_of(activity);
  const auto& progress = activity.progress();
  activity_deadlines out;
  // Whoever paused the activity keeps it from its end, too: its time goes on when it is unpaused.
  if (progress.paused())
    return out;
  auto add = [&](time_point at, kind type) {
    out.items[out.count++] = {.at = at,
                              .scheduled_event_id = activity.scheduled_event_id(),
                              .type = type,
                              .attempt = progress.attempt()};
  };
  if (auto at = schedule_to_close_deadline(activity))
    add(*at, kind::schedule_to_close);
  if (is_started(progress)) {
    auto started = from_proto(progress.started_time());
    if (auto timeout = positive(options.start_to_close_timeout()); timeout.count() > 0)
      add(started + timeout, kind::start_to_close);
    if (auto timeout = positive(options.heartbeat_timeout()); timeout.count() > 0)
      add(std::max(started, from_proto(progress.last_heartbeat_time())) + timeout, kind::heartbeat);
    return out;
  }
  auto scheduled = from_proto(progress.scheduled_time());
  if (auto timeout = positive(options.schedule_to_start_timeout()); timeout.count() > 0)
    add(scheduled + timeout, kind::schedule_to_start);
  if (is_backing_off(progress))
    add(scheduled, kind::retry);
  return out;
}

std::optional<time_point> next_activity_deadline(const execution& x) {
  std::optional<time_point> next;
  for (const auto& [id, activity] : x.activities()) {
    auto deadlines = deadlines_of(activity);
    for (std::size_t i = 0; i < deadlines.count; ++i)
      if (!next || deadlines.items[i].at < *next)
        next = deadlines.items[i].at;
  }
  return next;
}

std::size_t pending_activities(const execution& x) {
  return x.activities().size();
}

void append_undelivered_activities(const execution& x, time_point now,
                                   std::vector<cluster::Task>& out) {
  std::vector<const journal::ActivityState*> waiting;
  for (const auto& [id, activity] : x.activities())
    if (is_offerable(activity.progress(), now))
      waiting.push_back(&activity);
  // The map has no order of its own that two runs of the same program would share.
  std::ranges::sort(waiting, {}, [](const journal::ActivityState* a) {
    return std::pair{from_proto(a->progress().scheduled_time()), a->scheduled_event_id()};
  });
  for (const auto* activity : waiting)
    out.push_back(activity_task(x, *activity));
}

std::optional<time_point> undelivered_activity_since(const execution& x) {
  std::optional<time_point> since;
  for (const auto& [id, activity] : x.activities()) {
    if (!waits_for_worker(activity.progress()))
      continue;
    auto at = from_proto(activity.progress().scheduled_time());
    if (!since || at < *since)
      since = at;
  }
  return since;
}

namespace {

enums::PendingActivityState state_of(const journal::ActivityProgress& progress) {
  auto started = is_started(progress);
  if (progress.cancel_requested())
    return enums::PENDING_ACTIVITY_STATE_CANCEL_REQUESTED;
  if (progress.paused())
    return started ? enums::PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
                   : enums::PENDING_ACTIVITY_STATE_PAUSED;
  return started ? enums::PENDING_ACTIVITY_STATE_STARTED : enums::PENDING_ACTIVITY_STATE_SCHEDULED;
}

void describe_attempts(const journal::ActivityState& activity, time_point now,
                       api::workflow::v1::PendingActivityInfo& out) {
  const auto& progress = activity.progress();
  out.set_attempt(progress.attempt());
  out.set_maximum_attempts(options_of(activity).retry_policy().maximum_attempts());
  *out.mutable_scheduled_time() = progress.scheduled_time();
  if (auto at = last_retry_deadline(activity))
    *out.mutable_expiration_time() = to_proto(*at);
  if (progress.has_heartbeat_details())
    *out.mutable_heartbeat_details() = progress.heartbeat_details();
  if (progress.has_last_heartbeat_time())
    *out.mutable_last_heartbeat_time() = progress.last_heartbeat_time();
  if (is_started(progress))
    *out.mutable_last_started_time() = progress.started_time();
  if (progress.has_last_failure())
    *out.mutable_last_failure() = progress.last_failure();
  out.set_last_worker_identity(is_started(progress) && !progress.identity().empty()
                                 ? progress.identity()
                                 : progress.last_worker_identity());
  if (progress.has_last_attempt_complete_time())
    *out.mutable_last_attempt_complete_time() = progress.last_attempt_complete_time();
  if (is_backing_off(progress) && !progress.paused()
      && from_proto(progress.scheduled_time()) > now) {
    *out.mutable_current_retry_interval() = progress.current_retry_interval();
    *out.mutable_next_attempt_schedule_time() = progress.scheduled_time();
  }
}

void describe_options(const scheduled_attributes& options,
                      api::workflow::v1::PendingActivityInfo& out) {
  auto& to = *out.mutable_activity_options();
  to = to_api(options);
  // Which failures are final no operator can change, and none is told.
  to.mutable_retry_policy()->clear_non_retryable_error_types();
  // A queue is described by its two names, without its kind.
  to.clear_task_queue();
  to.mutable_task_queue()->set_name(options.task_queue().name());
  to.mutable_task_queue()->set_normal_name(options.task_queue().name());
  if (options.has_priority())
    *out.mutable_priority() = options.priority();
}

api::workflow::v1::PendingActivityInfo describe_activity(const journal::ActivityState& activity,
                                                         time_point now) {
  const auto& progress = activity.progress();
  api::workflow::v1::PendingActivityInfo out;
  out.set_activity_id(activity.scheduled().activity_id());
  *out.mutable_activity_type() = activity.scheduled().activity_type();
  out.set_state(state_of(progress));
  describe_attempts(activity, now, out);
  describe_options(options_of(activity), out);
  if (progress.paused()) {
    out.set_paused(true);
    auto& info = *out.mutable_pause_info();
    *info.mutable_pause_time() = progress.paused_time();
    info.mutable_manual()->set_identity(progress.paused_identity());
    info.mutable_manual()->set_reason(progress.paused_reason());
  }
  return out;
}

} // namespace

void describe_activities(const execution& x, const context& c,
                         api::workflowservice::v1::DescribeWorkflowExecutionResponse& out) {
  std::vector<const journal::ActivityState*> pending;
  for (const auto& [id, activity] : x.activities())
    pending.push_back(&activity);
  std::ranges::sort(pending, {}, &journal::ActivityState::scheduled_event_id);
  for (const auto* activity : pending)
    *out.add_pending_activities() = describe_activity(*activity, c.now);
}

} // namespace reprise::engine
