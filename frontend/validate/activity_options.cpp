#include "frontend/validate/activity_options.hpp"

#include "frontend/validate/fields.hpp"
#include "protocol/options.hpp"

#include <array>
#include <set>
#include <string>

namespace reprise::frontend {

namespace {

using temporal::api::activity::v1::ActivityOptions;
using paths = std::set<std::string>;

const paths& known_paths() {
  static const paths all{"taskQueue.name",
                         "scheduleToCloseTimeout",
                         "scheduleToStartTimeout",
                         "startToCloseTimeout",
                         "heartbeatTimeout",
                         "priority",
                         "priority.priorityKey",
                         "priority.fairnessKey",
                         "priority.fairnessWeight",
                         "retryPolicy",
                         "retryPolicy.initialInterval",
                         "retryPolicy.backoffCoefficient",
                         "retryPolicy.maximumInterval",
                         "retryPolicy.maximumAttempts",
                         "startDelay"};
  return all;
}

/// "retry_policy.maximum_attempts" as JSON has it: "retryPolicy.maximumAttempts".
std::string as_json(const std::string& path) {
  std::string out;
  bool raise = false;
  for (char c : path) {
    if (c == '_') {
      raise = true;
      continue;
    }
    out += raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    raise = false;
  }
  return out;
}

result<void> check_duration(const paths& named, const char* path, const char* text,
                            const google::protobuf::Duration& given) {
  if (!named.contains(path))
    return {};
  if (auto bad = bad_duration(given); !bad.empty())
    return invalid_argument(std::string{"invalid "} + text + ": " + bad);
  return {};
}

result<void> check_timeouts(const paths& named, const ActivityOptions& options) {
  struct timeout {
    const char* path;
    const char* text;
    const google::protobuf::Duration& given;
  };

  const std::array all{
    timeout{"scheduleToCloseTimeout", "ScheduleToCloseTimeout",
            options.schedule_to_close_timeout()},
    timeout{"scheduleToStartTimeout", "ScheduleToStartTimeout",
            options.schedule_to_start_timeout()},
    timeout{"startToCloseTimeout", "StartToCloseTimeout", options.start_to_close_timeout()},
    timeout{"heartbeatTimeout", "HeartbeatTimeout", options.heartbeat_timeout()}};
  for (const auto& [path, text, given] : all)
    if (auto ok = check_duration(named, path, text, given); !ok)
      return ok;
  return {};
}

/// The parts that are named, or all of it.
result<void> check_named_priority(const paths& named,
                                  const temporal::api::common::v1::Priority& given) {
  if (named.contains("priority"))
    return check_priority(given);
  temporal::api::common::v1::Priority parts;
  if (named.contains("priority.priorityKey"))
    parts.set_priority_key(given.priority_key());
  if (named.contains("priority.fairnessKey"))
    parts.set_fairness_key(given.fairness_key());
  if (named.contains("priority.fairnessWeight"))
    parts.set_fairness_weight(given.fairness_weight());
  return check_priority(parts);
}

result<void> settle_policy(const paths& named, ActivityOptions& options) {
  if (named.contains("retryPolicy")) {
    if (auto ok = check_retry_policy(options.retry_policy()); !ok)
      return ok;
    protocol::complete_retry_policy(*options.mutable_retry_policy());
  }
  const auto& policy = options.retry_policy();
  if (auto ok = check_duration(named, "retryPolicy.initialInterval",
                               "InitialInterval set on retry policy", policy.initial_interval());
      !ok)
    return ok;
  if (named.contains("retryPolicy.backoffCoefficient") && !(policy.backoff_coefficient() >= 1))
    return invalid_argument("BackoffCoefficient cannot be less than 1 on retry policy.");
  if (auto ok = check_duration(named, "retryPolicy.maximumInterval",
                               "MaximumInterval set on retry policy", policy.maximum_interval());
      !ok)
    return ok;
  if (named.contains("retryPolicy.maximumAttempts") && policy.maximum_attempts() < 0)
    return invalid_argument("MaximumAttempts cannot be negative on retry policy.");
  return {};
}

} // namespace

result<void> settle_activity_options(
  temporal::api::workflowservice::v1::UpdateActivityExecutionOptionsRequest& r,
  const front_limits& limits) {
  if (r.restore_original())
    return r.update_mask().paths().empty()
             ? result<void>{}
             : invalid_argument("Both UpdateMask and RestoreOriginal are provided");
  if (!r.has_activity_options())
    return invalid_argument("ActivityOptions are not provided");
  if (!r.has_update_mask())
    return invalid_argument("UpdateMask is not provided");
  if (r.update_mask().paths().empty())
    return invalid_argument("UpdateMask must specify at least one path");
  paths named;
  for (const auto& path : r.update_mask().paths()) {
    auto json = as_json(path);
    if (!known_paths().contains(json))
      return invalid_argument("unsupported update_mask path: \"" + path + "\"");
    named.insert(std::move(json));
  }
  auto& options = *r.mutable_activity_options();
  if (named.contains("taskQueue.name"))
    if (auto ok = check_user_queue(options.has_task_queue(), options.task_queue(), limits); !ok)
      return ok;
  if (auto ok = check_timeouts(named, options); !ok)
    return ok;
  if (auto ok = check_named_priority(named, options.priority()); !ok)
    return ok;
  return settle_policy(named, options);
}

} // namespace reprise::frontend
