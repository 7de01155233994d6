#pragma once

#include "temporal/api/failure/v1/message.pb.h"

#include <cstddef>
#include <string>

// Failures that the server makes, and what it leaves of those that are too large.

namespace reprise::engine {

/// A failure that this server made.
temporal::api::failure::v1::Failure server_failure(std::string message, bool non_retryable = false);
/// Cuts a failure down to about `bytes_max`, keeping what decides about retries.
temporal::api::failure::v1::Failure truncated(const temporal::api::failure::v1::Failure& failure,
                                              std::size_t bytes_max);
/// The server's failure that stands for one that is too large, with what is left of it as cause.
temporal::api::failure::v1::Failure cut_failure(const temporal::api::failure::v1::Failure& failure,
                                                std::size_t bytes_max, bool non_retryable);

} // namespace reprise::engine
