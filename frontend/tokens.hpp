#pragma once

#include "base/result.hpp"
#include "protocol/cluster.pb.h"

#include <string>
#include <string_view>

// The tokens that clients hold and bring back. Opaque to them, hostile to us.

namespace reprise::frontend {

/// Refused: absent, garbage, one that names no run. A token of another kind of task than the call
/// is about is for the run to refuse: it has no such task.
result<cluster::TaskToken> parse_task_token(std::string_view bytes);

/// The page token of a history call; `reverse` tells the call. Refused: garbage, one of another run
/// than `run_id` (empty: any), the other call's.
result<cluster::HistoryToken> parse_history_token(std::string_view bytes, const std::string& run_id,
                                                  bool reverse);

} // namespace reprise::frontend
