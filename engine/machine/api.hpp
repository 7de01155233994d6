#pragma once

#include "temporal/api/command/v1/message.pb.h"
#include "temporal/api/enums/v1/command_type.pb.h"
#include "temporal/api/enums/v1/event_type.pb.h"
#include "temporal/api/enums/v1/failed_cause.pb.h"
#include "temporal/api/enums/v1/workflow.pb.h"
#include "temporal/api/history/v1/message.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

// The public API by the names that the engine's files use.

namespace reprise::engine {

namespace api = temporal::api;
namespace enums = api::enums::v1;
namespace service = api::workflowservice::v1;
using history_event = api::history::v1::HistoryEvent;

/// Who does what the server does by itself.
inline constexpr const char* server_identity = "history-service";

} // namespace reprise::engine
