#pragma once

#include "protocol/cluster.pb.h"

// A start and an update in one call, where they come to nothing.

namespace reprise::protocol {

/// Why not both came to be, as the API tells it. `start` without code: it was done. Of the two that
/// of the culprit gives the code; the other one was aborted (operation_aborted).
cluster::Status update_with_start_failure(const cluster::Status& start,
                                          const cluster::Status& update);

/// Of an operation that was not done because another one could not be.
cluster::Status operation_aborted();

/// What becomes of an update that was not accepted when its run closed.
inline constexpr const char* aborted_by_close = "workflow update was aborted by closing workflow";

/// The failure says that the update alone failed, since the run that was there closed: the two may
/// be tried again.
bool was_aborted_by_close(const cluster::Status& failure);
/// The same failure as one that clients try again.
cluster::Status as_retryable(const cluster::Status& failure);

} // namespace reprise::protocol
