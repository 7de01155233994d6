// Nexus operations: there is no endpoint here that one could be scheduled on.

#include "engine/nexus/rules.hpp"

namespace reprise::engine {

/// There is no endpoint here that an operation could be scheduled on.
command_result schedule_nexus_operation(transition&, const api::command::v1::Command& command,
                                        completion&) {
  constexpr auto cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES;
  if (!command.has_schedule_nexus_operation_command_attributes())
    return refused(cause, "empty ScheduleNexusOperationCommandAttributes");
  const auto& a = command.schedule_nexus_operation_command_attributes();
  return refused(cause, "endpoint \"" + a.endpoint() + "\" not found");
}

command_result cancel_nexus_operation(transition&, const api::command::v1::Command& command,
                                      completion&) {
  constexpr auto cause
    = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES;
  if (!command.has_request_cancel_nexus_operation_command_attributes())
    return refused(cause, "empty CancelNexusOperationCommandAttributes");
  auto id = command.request_cancel_nexus_operation_command_attributes().scheduled_event_id();
  return refused(cause,
                 "requested cancelation for a non-existing or already completed operation with "
                 "scheduled event ID of "
                   + std::to_string(id));
}

} // namespace reprise::engine
