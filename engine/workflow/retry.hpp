#pragma once

#include "engine/machine/transition.hpp"

namespace reprise::engine {

/// Whether a failed or timed-out run is tried again, and after what time.
struct run_retry {
  api::enums::v1::RetryState state{};
  duration backoff{0};
};

/// Decides by the run's retry policy. IN_PROGRESS: a new run follows after `backoff`.
run_retry retry_of_run(const execution& x, const api::failure::v1::Failure& failure,
                       time_point now);

} // namespace reprise::engine
