// Updates: none is ever sent to a worker, so no answer of a worker finds the one that it is for.

#include "engine/update/update.hpp"

#include "engine/update/rules.hpp"

namespace reprise::engine {

namespace {

constexpr auto bad_message
  = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE;

} // namespace

command_result apply_message(transition&, const api::command::v1::Command& command, completion& c) {
  if (!command.has_protocol_message_command_attributes())
    return not_set(bad_message, "ProtocolMessage");
  const auto& id = command.protocol_message_command_attributes().message_id();
  if (id.empty())
    return refused(bad_message, "MessageID is not set on ProtocolMessageCommand.");
  for (const auto& message : c.request.messages())
    if (message.id() == id)
      return update_message_problem(message);
  return refused(bad_message, "ProtocolMessageCommand referenced absent message ID " + id);
}

command_result update_message_problem(const api::protocol::v1::Message& message) {
  return refused(bad_message,
                 "update " + message.protocol_instance_id()
                   + " wasn't found on the server. This is most likely a transient error "
                     "which will be resolved automatically by retries");
}

} // namespace reprise::engine
