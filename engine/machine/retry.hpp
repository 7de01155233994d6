#pragma once

#include "base/clock.hpp"
#include "engine/machine/api.hpp"
#include "temporal/api/failure/v1/message.pb.h"

#include <cstdint>
#include <optional>

// Whether, and after what time, something that failed is tried again by its retry policy: a run, an
// activity's attempt.

namespace reprise::engine {

/// What a failure says of another attempt.
enum class verdict : std::uint8_t {
  /// There may be one.
  again,
  /// It is not of a kind that is tried again.
  final,
  /// A deadline of the whole has passed, so there is no time for one.
  out_of_time,
};

/// `failure` may be null: who failed need not give any.
verdict verdict_of(const api::failure::v1::Failure* failure,
                   const api::common::v1::RetryPolicy& policy);
/// The delay that the failure itself asks for, however senseless.
std::optional<duration> own_delay(const api::failure::v1::Failure* failure);
/// How long the attempt after `attempt` waits by the policy alone.
duration retry_interval(const api::common::v1::RetryPolicy& policy, std::int32_t attempt);

} // namespace reprise::engine
