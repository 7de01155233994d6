#pragma once

#include "base/result.hpp"
#include "protocol/cluster.pb.h"

#include <string>
#include <string_view>

// The tokens that clients hold and bring back. Opaque to them, hostile to us.

namespace reprise::frontend {

/// The task that a worker's token names.
struct task_token {
  cluster::TaskToken task{};
  /// Not of this server's making, but of the API's form (fields 1 to 3: namespace, workflow and run
  /// id), as test suites and workers of another server bring them. It names no task here, except by
  /// an activity's id; what it names may be absent.
  bool is_foreign = false;
};

/// Refused: absent, garbage, one of ours that names no run. A token of another kind of task than
/// `asked` is for the run to refuse: it has no such task.
result<task_token> parse_task_token(std::string_view bytes, cluster::TaskToken::Kind asked);

/// The page token of a history call; `reverse` tells the call. Refused: garbage, one of another run
/// than `run_id` (empty: any), the other call's.
result<cluster::HistoryToken> parse_history_token(std::string_view bytes, const std::string& run_id,
                                                  bool reverse);

} // namespace reprise::frontend
