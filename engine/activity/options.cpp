// The options of an activity: completing and checking what a workflow asks for, and changing them
// afterwards. The texts are the API's; clients compare them.

#include "protocol/options.hpp"

#include "engine/activity/activity.hpp"
#include "engine/machine/field_mask.hpp"
#include "engine/machine/proto_time.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace reprise::engine {

namespace {

using problem = std::optional<std::string>;
using api::activity::v1::ActivityOptions;

problem named_duration_problem(const std::string& name, const google::protobuf::Duration& d) {
  if (auto p = protocol::duration_problem(d))
    return "invalid " + name + ": " + *p;
  return std::nullopt;
}

problem length_problem(const std::string& name, const std::string& value, const limits& bounds) {
  if (value.size() <= bounds.id_length_max)
    return std::nullopt;
  return name + " exceeds length limit. Length=" + std::to_string(value.size())
         + " Limit=" + std::to_string(bounds.id_length_max);
}

using merge_field = problem (*)(scheduled_attributes& into, const ActivityOptions& from);

template <auto Mutable, auto Clear, auto Has, auto Get>
problem merge_message(scheduled_attributes& into, const ActivityOptions& from) {
  if ((from.*Has)())
    *(into.*Mutable)() = (from.*Get)();
  else
    (into.*Clear)();
  return std::nullopt;
}

problem merge_task_queue(scheduled_attributes& into, const ActivityOptions& from) {
  if (!from.has_task_queue())
    return "TaskQueue is not provided";
  if (from.task_queue().name().empty())
    return "missing task queue name";
  into.mutable_task_queue()->set_name(from.task_queue().name());
  into.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  return std::nullopt;
}

/// The policy is taken as it is, gaps and all. Which failures are final stays as it was.
problem merge_retry_policy(scheduled_attributes& into, const ActivityOptions& from) {
  if (!from.has_retry_policy())
    return "RetryPolicy is not provided";
  auto final_types = into.retry_policy().non_retryable_error_types();
  *into.mutable_retry_policy() = from.retry_policy();
  *into.mutable_retry_policy()->mutable_non_retryable_error_types() = std::move(final_types);
  return std::nullopt;
}

using retry_policy = api::common::v1::RetryPolicy;
using priority_type = api::common::v1::Priority;

template <void (*Copy)(retry_policy&, const retry_policy&)>
problem merge_retry_part(scheduled_attributes& into, const ActivityOptions& from) {
  if (!from.has_retry_policy())
    return "RetryPolicy is not provided";
  Copy(*into.mutable_retry_policy(), from.retry_policy());
  return std::nullopt;
}

template <void (*Copy)(priority_type&, const priority_type&)>
problem merge_priority_part(scheduled_attributes& into, const ActivityOptions& from) {
  if (!from.has_priority())
    return "Priority is not provided";
  Copy(*into.mutable_priority(), from.priority());
  return std::nullopt;
}

/// In the order in which the API takes them over, whatever that of a mask.
const std::vector<std::pair<std::string, merge_field>>& merge_fields() {
  using to = scheduled_attributes;
  using from = ActivityOptions;
  static const std::vector<std::pair<std::string, merge_field>> table{
    {"taskQueue.name", merge_task_queue},
    {"scheduleToCloseTimeout",
     merge_message<&to::mutable_schedule_to_close_timeout, &to::clear_schedule_to_close_timeout,
                   &from::has_schedule_to_close_timeout, &from::schedule_to_close_timeout>},
    {"scheduleToStartTimeout",
     merge_message<&to::mutable_schedule_to_start_timeout, &to::clear_schedule_to_start_timeout,
                   &from::has_schedule_to_start_timeout, &from::schedule_to_start_timeout>},
    {"startToCloseTimeout",
     merge_message<&to::mutable_start_to_close_timeout, &to::clear_start_to_close_timeout,
                   &from::has_start_to_close_timeout, &from::start_to_close_timeout>},
    {"heartbeatTimeout", merge_message<&to::mutable_heartbeat_timeout, &to::clear_heartbeat_timeout,
                                       &from::has_heartbeat_timeout, &from::heartbeat_timeout>},
    {"priority", merge_message<&to::mutable_priority, &to::clear_priority, &from::has_priority,
                               &from::priority>},
    {"priority.priorityKey", merge_priority_part<[](priority_type& p, const priority_type& q) {
       p.set_priority_key(q.priority_key());
     }>},
    {"priority.fairnessKey", merge_priority_part<[](priority_type& p, const priority_type& q) {
       p.set_fairness_key(q.fairness_key());
     }>},
    {"priority.fairnessWeight", merge_priority_part<[](priority_type& p, const priority_type& q) {
       p.set_fairness_weight(q.fairness_weight());
     }>},
    {"retryPolicy", merge_retry_policy},
    {"retryPolicy.initialInterval", merge_retry_part<[](retry_policy& p, const retry_policy& q) {
       p.clear_initial_interval();
       if (q.has_initial_interval())
         *p.mutable_initial_interval() = q.initial_interval();
     }>},
    {"retryPolicy.backoffCoefficient", merge_retry_part<[](retry_policy& p, const retry_policy& q) {
       p.set_backoff_coefficient(q.backoff_coefficient());
     }>},
    {"retryPolicy.maximumInterval", merge_retry_part<[](retry_policy& p, const retry_policy& q) {
       p.clear_maximum_interval();
       if (q.has_maximum_interval())
         *p.mutable_maximum_interval() = q.maximum_interval();
     }>},
    {"retryPolicy.maximumAttempts", merge_retry_part<[](retry_policy& p, const retry_policy& q) {
       p.set_maximum_attempts(q.maximum_attempts());
     }>},
  };
  return table;
}

} // namespace

problem normalise_timeouts(scheduled_attributes& options, duration run_timeout) {
  auto& whole = *options.mutable_schedule_to_close_timeout();
  auto& waiting = *options.mutable_schedule_to_start_timeout();
  auto& running = *options.mutable_start_to_close_timeout();
  auto& heartbeat = *options.mutable_heartbeat_timeout();
  if (auto p = named_duration_problem("ScheduleToCloseTimeout", whole))
    return p;
  if (auto p = named_duration_problem("ScheduleToStartTimeout", waiting))
    return p;
  if (auto p = named_duration_problem("StartToCloseTimeout", running))
    return p;
  if (auto p = named_duration_problem("HeartbeatTimeout", heartbeat))
    return p;
  auto is_set = [](const google::protobuf::Duration& d) { return from_proto(d).count() > 0; };
  if (is_set(whole)) {
    for (auto* part : {&waiting, &running}) {
      if (!is_set(*part))
        *part = whole;
      cap_duration(*part, from_proto(whole));
    }
  } else if (is_set(running)) {
    whole = to_proto(run_timeout);
    if (!is_set(waiting))
      waiting = to_proto(run_timeout);
  } else {
    return "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. "
           "ActivityId="
           + options.activity_id() + " ActivityType=" + options.activity_type().name();
  }
  auto most = run_timeout.count() > 0 ? run_timeout : longest_duration;
  for (auto* timeout : {&whole, &waiting, &running, &heartbeat})
    cap_duration(*timeout, most);
  cap_duration(heartbeat, from_proto(running));
  return std::nullopt;
}

problem normalise_attributes(scheduled_attributes& a, const std::string& own_queue,
                             duration run_timeout, const limits& bounds) {
  if (!a.has_task_queue())
    return "taskQueue is not set";
  if (auto p = protocol::target_queue_problem(a.task_queue(), own_queue, bounds.id_length_max))
    return p;
  if (a.task_queue().kind() == enums::TASK_QUEUE_KIND_UNSPECIFIED)
    a.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  if (a.activity_id().empty())
    return "activityId is not set";
  if (a.activity_type().name().empty())
    return "activityType is not set";
  protocol::complete_retry_policy(*a.mutable_retry_policy());
  if (auto p = protocol::retry_policy_problem(a.retry_policy()))
    return p;
  if (auto p = length_problem("activityId", a.activity_id(), bounds))
    return p;
  if (auto p = length_problem("activityType", a.activity_type().name(), bounds))
    return p;
  if (auto p = protocol::priority_problem(a.priority()))
    return "invalid priorities: " + *p;
  return normalise_timeouts(a, run_timeout);
}

ActivityOptions to_api(const scheduled_attributes& options) {
  ActivityOptions out;
  *out.mutable_task_queue() = options.task_queue();
  *out.mutable_schedule_to_close_timeout() = options.schedule_to_close_timeout();
  *out.mutable_schedule_to_start_timeout() = options.schedule_to_start_timeout();
  *out.mutable_start_to_close_timeout() = options.start_to_close_timeout();
  *out.mutable_heartbeat_timeout() = options.heartbeat_timeout();
  *out.mutable_retry_policy() = options.retry_policy();
  if (options.has_priority())
    *out.mutable_priority() = options.priority();
  return out;
}

problem merge_options(scheduled_attributes& into, const ActivityOptions& from,
                      const google::protobuf::FieldMask& mask, const std::string& own_queue,
                      const limits& bounds) {
  std::set<std::string> named;
  for (const auto& path : mask.paths())
    named.insert(camel_case(path));
  // An unknown field changes nothing, as with the other masks of the API.
  for (const auto& [path, merge] : merge_fields())
    if (named.contains(path))
      if (auto p = merge(into, from))
        return p;
  constexpr std::string_view part_of_policy = "retryPolicy.";
  if (std::ranges::any_of(named, [&](const auto& p) { return p.starts_with(part_of_policy); }))
    if (auto p = protocol::retry_policy_problem(into.retry_policy()))
      return p;
  if (auto p = protocol::target_queue_problem(into.task_queue(), own_queue, bounds.id_length_max))
    return p;
  if (auto p = protocol::priority_problem(into.priority()))
    return p;
  return normalise_timeouts(into, duration::zero());
}

} // namespace reprise::engine
