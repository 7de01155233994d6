#include "engine/machine/retry.hpp"

#include "engine/machine/proto_time.hpp"

#include <algorithm>
#include <cmath>

namespace reprise::engine {

namespace {

using api::failure::v1::Failure;

bool is_listed(const api::common::v1::RetryPolicy& policy, const std::string& type) {
  const auto& types = policy.non_retryable_error_types();
  return std::ranges::find(types, type) != types.end();
}

verdict verdict_of_timeout(enums::TimeoutType type, const api::common::v1::RetryPolicy& policy) {
  auto unless_listed = [&](const char* name) {
    return is_listed(policy, std::string{"TemporalTimeout:"} + name) ? verdict::final
                                                                     : verdict::again;
  };
  if (type == enums::TIMEOUT_TYPE_START_TO_CLOSE)
    return unless_listed("StartToClose");
  if (type == enums::TIMEOUT_TYPE_HEARTBEAT)
    return unless_listed("Heartbeat");
  auto of_the_whole = type == enums::TIMEOUT_TYPE_SCHEDULE_TO_START
                      || type == enums::TIMEOUT_TYPE_SCHEDULE_TO_CLOSE;
  return of_the_whole ? verdict::out_of_time : verdict::final;
}

} // namespace

verdict verdict_of(const Failure* failure, const api::common::v1::RetryPolicy& policy) {
  if (failure == nullptr)
    return verdict::again;
  auto unless = [](bool final) { return final ? verdict::final : verdict::again; };
  if (failure->has_terminated_failure_info() || failure->has_canceled_failure_info())
    return verdict::final;
  if (failure->has_timeout_failure_info())
    return verdict_of_timeout(failure->timeout_failure_info().timeout_type(), policy);
  if (failure->has_server_failure_info())
    return unless(failure->server_failure_info().non_retryable());
  if (failure->has_application_failure_info())
    return unless(failure->application_failure_info().non_retryable()
                  || is_listed(policy, failure->application_failure_info().type()));
  return verdict::again;
}

std::optional<duration> own_delay(const Failure* failure) {
  if (failure == nullptr || !failure->application_failure_info().has_next_retry_delay())
    return std::nullopt;
  return from_proto(failure->application_failure_info().next_retry_delay());
}

duration retry_interval(const api::common::v1::RetryPolicy& policy, std::int32_t attempt) {
  auto longest = static_cast<double>(longest_duration.count());
  auto ns = static_cast<double>(from_proto(policy.initial_interval()).count())
            * std::pow(policy.backoff_coefficient(), attempt - 1);
  if (auto most = from_proto(policy.maximum_interval()); most.count() > 0)
    ns = std::min(ns, static_cast<double>(most.count()));
  // Not a number, or out of range: a policy that an operator bent out of shape.
  if (!(ns >= 0))
    return duration::zero();
  return duration{static_cast<duration::rep>(std::min(ns, longest))};
}

} // namespace reprise::engine
