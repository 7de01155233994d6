#pragma once

#include "engine/machine/transition.hpp"

#include <string>

namespace reprise::engine {

/// What a request to cancel carries, whoever sent it.
struct cancel_parts {
  const std::string& reason;
  const std::string& identity;
  const google::protobuf::RepeatedPtrField<api::common::v1::Link>& links;
  /// The workflow that it comes from, and the event there; null: a client.
  const api::common::v1::WorkflowExecution* from = nullptr;
  std::int64_t initiated_event_id = 0;
};

/// Tells an open run that it is asked to cancel itself; nothing when it was asked before.
void ask_to_cancel(transition& t, const cancel_parts& parts);

} // namespace reprise::engine
