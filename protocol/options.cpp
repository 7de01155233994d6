#include "protocol/options.hpp"

#include "protocol/internal_queue.hpp"
#include "temporal/api/enums/v1/task_queue.pb.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace reprise::protocol {

namespace {

using problem = std::optional<std::string>;
using google::protobuf::Duration;
using temporal::api::taskqueue::v1::TaskQueue;

/// About 100 years: the longest duration that has a meaning here.
constexpr std::int64_t longest_seconds = 24LL * 3600 * 365 * 100;

bool is_zero(const Duration& d) {
  return d.seconds() == 0 && d.nanos() == 0;
}

/// Seconds, and less than a second: clients may send more nanoseconds than that. What is beyond all
/// measure stays so.
std::pair<std::int64_t, std::int32_t> parts_of(const Duration& d) {
  constexpr std::int32_t second = 1'000'000'000;
  constexpr auto far = longest_seconds * 2;
  return {std::clamp(d.seconds(), -far, far) + d.nanos() / second, d.nanos() % second};
}

bool is_longer(const Duration& a, const Duration& b) {
  return parts_of(a) > parts_of(b);
}

/// As it may stand in a history: a message that all can read, and no longer than has a meaning.
void cap(Duration& d) {
  auto [seconds, nanos] = std::min(parts_of(d), std::pair{longest_seconds, std::int32_t{0}});
  d.set_seconds(seconds);
  d.set_nanos(nanos);
}

Duration times_hundred(const Duration& d) {
  constexpr std::int64_t factor = 100;
  constexpr std::int64_t second = 1'000'000'000;
  auto nanos = d.nanos() * factor;
  Duration out;
  constexpr auto most = longest_seconds / factor;
  out.set_seconds(std::clamp(d.seconds(), -most, most) * factor + nanos / second);
  out.set_nanos(static_cast<std::int32_t>(nanos % second));
  cap(out);
  return out;
}

problem failure_type_problem(const std::string& type) {
  constexpr std::string_view prefix = "TemporalTimeout:";
  constexpr std::array<std::string_view, 4> known{"StartToClose", "ScheduleToStart",
                                                  "ScheduleToClose", "Heartbeat"};
  if (!type.starts_with(prefix))
    return std::nullopt;
  auto name = type.substr(prefix.size());
  if (std::ranges::find(known, name) != known.end())
    return std::nullopt;
  return "Invalid timeout type value: " + name + ".";
}

} // namespace

problem duration_problem(const Duration& d) {
  if ((d.seconds() > 0 && d.nanos() < 0) || (d.seconds() < 0 && d.nanos() > 0))
    return "duration has seconds and nanos with different signs";
  if (d.seconds() < 0 || d.nanos() < 0)
    return "negative duration";
  return std::nullopt;
}

problem retry_policy_problem(const temporal::api::common::v1::RetryPolicy& policy) {
  if (policy.maximum_attempts() == 1)
    return std::nullopt;
  if (auto p = duration_problem(policy.initial_interval()))
    return "invalid InitialInterval set on retry policy: " + *p;
  if (!(policy.backoff_coefficient() >= 1))
    return "BackoffCoefficient cannot be less than 1 on retry policy.";
  if (auto p = duration_problem(policy.maximum_interval()))
    return "invalid MaximumInterval set on retry policy: " + *p;
  if (!is_zero(policy.maximum_interval())
      && is_longer(policy.initial_interval(), policy.maximum_interval()))
    return "MaximumInterval cannot be less than InitialInterval on retry policy.";
  if (policy.maximum_attempts() < 0)
    return "MaximumAttempts cannot be negative on retry policy.";
  for (const auto& type : policy.non_retryable_error_types())
    if (auto p = failure_type_problem(type))
      return p;
  return std::nullopt;
}

void complete_retry_policy(temporal::api::common::v1::RetryPolicy& policy) {
  constexpr double coefficient_default = 2.0;
  if (is_zero(policy.initial_interval()))
    policy.mutable_initial_interval()->set_seconds(1);
  else
    cap(*policy.mutable_initial_interval());
  if (policy.backoff_coefficient() == 0)
    policy.set_backoff_coefficient(coefficient_default);
  if (is_zero(policy.maximum_interval()))
    *policy.mutable_maximum_interval() = times_hundred(policy.initial_interval());
  else
    cap(*policy.mutable_maximum_interval());
}

problem priority_problem(const temporal::api::common::v1::Priority& priority) {
  constexpr std::size_t fairness_key_bytes_max = 64;
  if (priority.priority_key() < 0)
    return "priority key can't be negative";
  if (priority.fairness_key().size() > fairness_key_bytes_max)
    return "fairness key length exceeds limit";
  if (priority.fairness_weight() < 0)
    return "must be greater than zero";
  return std::nullopt;
}

problem queue_name_problem(const std::string& name, std::size_t length_max) {
  if (name.empty())
    return "missing task queue name";
  if (name.size() > length_max)
    return "taskQueue length exceeds limit";
  return std::nullopt;
}

problem queue_prefix_problem(const std::string& name) {
  if (name.starts_with("/_sys/"))
    return "task queue name cannot start with reserved prefix /_sys/";
  return std::nullopt;
}

problem queue_problem(const TaskQueue& queue, std::size_t length_max) {
  if (auto p = queue_name_problem(queue.name(), length_max))
    return p;
  if (auto p = queue_prefix_problem(queue.name()))
    return p;
  if (queue.kind() == temporal::api::enums::v1::TASK_QUEUE_KIND_STICKY
      && queue.normal_name().size() > length_max)
    return "taskQueue length exceeds limit";
  return std::nullopt;
}

problem target_queue_problem(const TaskQueue& queue, const std::string& own,
                             std::size_t length_max) {
  if (auto p = queue_problem(queue, length_max))
    return p;
  if (is_internal_queue(queue.name()) && !is_internal_queue(own))
    return "cannot use internal per-namespace task queue:" + queue.name()
           + " (in parent component task queue: " + own + ")";
  return std::nullopt;
}

} // namespace reprise::protocol
