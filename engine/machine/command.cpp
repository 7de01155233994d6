#include "engine/machine/parts.hpp"

namespace reprise::engine {

std::optional<command_failure>
apply_command(transition& t, const api::command::v1::Command& command, completion& c) {
  switch (command.command_type()) {
    case enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
      return apply_schedule_activity(t, command, c);
    case enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
      return apply_cancel_activity(t, command, c);
    case enums::COMMAND_TYPE_START_TIMER:
      return apply_start_timer(t, command, c);
    case enums::COMMAND_TYPE_CANCEL_TIMER:
      return apply_cancel_timer(t, command, c);
    case enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
      return apply_complete(t, command, c);
    case enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
      return apply_fail(t, command, c);
    case enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:
      return apply_cancel(t, command, c);
    case enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
      return apply_continue_as_new(t, command, c);
    case enums::COMMAND_TYPE_RECORD_MARKER:
      return apply_record_marker(t, command, c);
    case enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
      return apply_upsert_search_attributes(t, command, c);
    case enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES:
      return apply_modify_properties(t, command, c);
    default:
      return apply_outside_command(t, command, c);
  }
}

} // namespace reprise::engine
