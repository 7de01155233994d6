#include "engine/workflow/retry.hpp"

#include "engine/machine/proto_time.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

namespace enums = api::enums::v1;
using api::failure::v1::Failure;

/// How the types of timeouts are spelled in non_retryable_error_types.
std::string timeout_error_type(enums::TimeoutType type) {
  switch (type) {
    case enums::TIMEOUT_TYPE_START_TO_CLOSE:
      return "TemporalTimeout:StartToClose";
    case enums::TIMEOUT_TYPE_HEARTBEAT:
      return "TemporalTimeout:Heartbeat";
    default:
      return {};
  }
}

bool is_retryable(const Failure& failure, const api::common::v1::RetryPolicy& policy) {
  auto listed = [&](const std::string& type) {
    const auto& types = policy.non_retryable_error_types();
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  switch (failure.failure_info_case()) {
    case Failure::kTerminatedFailureInfo:
    case Failure::kCanceledFailureInfo:
      return false;
    case Failure::kTimeoutFailureInfo: {
      auto type = timeout_error_type(failure.timeout_failure_info().timeout_type());
      return !type.empty() && !listed(type);
    }
    case Failure::kServerFailureInfo:
      return !failure.server_failure_info().non_retryable();
    case Failure::kApplicationFailureInfo:
      return !failure.application_failure_info().non_retryable()
             && !listed(failure.application_failure_info().type());
    default:
      return true;
  }
}

duration interval_of(const api::common::v1::RetryPolicy& policy, std::int32_t attempt,
                     const Failure& failure) {
  auto longest = from_proto(policy.maximum_interval());
  if (longest.count() <= 0)
    longest = longest_duration;
  // A delay of nothing is as good as one without end: the longest interval holds.
  if (failure.application_failure_info().has_next_retry_delay()) {
    auto delay = from_proto(failure.application_failure_info().next_retry_delay());
    return delay.count() <= 0 ? longest : std::min(delay, longest);
  }
  auto interval = static_cast<double>(from_proto(policy.initial_interval()).count());
  for (std::int32_t i = 1; i < attempt && interval < static_cast<double>(longest.count()); ++i)
    interval *= std::max(policy.backoff_coefficient(), 1.0);
  if (interval >= static_cast<double>(longest.count()))
    return longest;
  return duration{static_cast<std::int64_t>(interval)};
}

} // namespace

run_retry retry_of_run(const execution& x, const Failure& failure, time_point now) {
  if (!x.started().has_retry_policy())
    return {.state = enums::RETRY_STATE_RETRY_POLICY_NOT_SET};
  const auto& policy = x.started().retry_policy();
  if (!is_retryable(failure, policy))
    return {.state = enums::RETRY_STATE_NON_RETRYABLE_FAILURE};
  if (policy.maximum_attempts() > 0 && x.started().attempt() >= policy.maximum_attempts())
    return {.state = enums::RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED};
  auto backoff = interval_of(policy, x.started().attempt(), failure);
  if (x.created().has_execution_deadline()
      && now + backoff > from_proto(x.created().execution_deadline()))
    return {.state = enums::RETRY_STATE_TIMEOUT};
  return {.state = enums::RETRY_STATE_IN_PROGRESS, .backoff = backoff};
}

} // namespace reprise::engine
