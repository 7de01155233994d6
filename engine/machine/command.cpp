#include "engine/machine/command.hpp"

#include "base/ensure.hpp"
#include "engine/machine/features.hpp"

namespace reprise::engine {

bool closes_run(const completion& c) {
  const auto& commands = c.request.commands();
  return !commands.empty() && rule_of(commands.rbegin()->command_type()).closes;
}

command_result apply_command(transition& t, const api::command::v1::Command& command,
                             completion& c) {
  const auto& rule = rule_of(command.command_type());
  ENSURE(rule.apply != nullptr, "a command that check_commands lets through");
  auto failure = rule.apply(t, command, c);
  if (!failure && rule.not_served != nullptr && c.unsupported == nullptr)
    c.unsupported = &command;
  return failure;
}

command_failure unsupported_command(const api::command::v1::Command& command) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_FEATURE_DISABLED,
          .message = enums::CommandType_Name(command.command_type())
                     + " is not supported by this server yet."};
}

history_event event_for(const api::command::v1::Command& command, enums::EventType type) {
  history_event event;
  event.set_event_type(type);
  if (command.has_user_metadata())
    *event.mutable_user_metadata() = command.user_metadata();
  *event.mutable_event_group_markers() = command.event_group_markers();
  return event;
}

command_result refused(enums::WorkflowTaskFailedCause cause, std::string message) {
  return command_failure{.cause = cause, .message = std::move(message)};
}

command_result ends_run(enums::WorkflowTaskFailedCause cause, std::string message) {
  return command_failure{.cause = cause, .message = std::move(message), .terminate = true};
}

command_result too_large(enums::WorkflowTaskFailedCause cause, const std::string& field) {
  return ends_run(cause, field + " exceeds size limit.");
}

command_result not_set(enums::WorkflowTaskFailedCause cause, const std::string& command) {
  return refused(cause, command + "CommandAttributes is not set on " + command + "Command.");
}

command_result too_many(enums::WorkflowTaskFailedCause cause, const std::string& what,
                        std::size_t pending, std::size_t most) {
  if (pending < most)
    return std::nullopt;
  return refused(cause, "the number of " + what + ", " + std::to_string(pending)
                          + ", has reached the per-workflow limit of " + std::to_string(most));
}

std::string length_text(const std::string& field, const std::string& value, const limits& bounds) {
  return field + "=" + value + " Length=" + std::to_string(value.size())
         + " Limit=" + std::to_string(bounds.id_length_max);
}

command_result leaves_namespace(enums::WorkflowTaskFailedCause cause, const std::string& target,
                                const context& c) {
  if (target.empty() || target == c.ns.name)
    return std::nullopt;
  return refused(cause, "cross namespace commands are not allowed");
}

} // namespace reprise::engine
