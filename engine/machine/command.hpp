#pragma once

#include "engine/machine/transition.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

// What the commands of all features share.

namespace reprise::engine {

/// Why a command fails its workflow task; `terminate` when the whole run must end (size
/// violations).
struct command_failure {
  enums::WorkflowTaskFailedCause cause{};
  std::string message{};
  bool terminate = false;
  /// The request says nothing that can be read: it is refused, and the task stays as it was.
  bool of_request = false;
};

/// Nothing: it was done.
using command_result = std::optional<command_failure>;

/// What has to be known of the completion while its commands are applied.
struct completion {
  std::int64_t completed_event_id = 0;
  const service::RespondWorkflowTaskCompletedRequest& request;
  service::RespondWorkflowTaskCompletedResponse& response;
  /// Events that were buffered when the task was completed: the workflow has not seen them, so a
  /// close command is refused. What the completion's own commands buffer does not count.
  int unseen_events = 0;
  /// A command asks for a new workflow task (an activity was cancelled before it started).
  bool wants_new_task = false;
  /// Scheduled event ids of activities that shall go back with the answer instead of through a
  /// queue, if they are still pending when all commands were applied.
  std::vector<std::int64_t> eager_activities{};
  /// Which of its messages were dealt with, by their place; none yet: empty.
  std::vector<bool> messages_done{};
  /// Updates that it rejects.
  std::set<std::string> rejected_updates{};
  /// The first sound command that this server cannot do; into `request`.
  const api::command::v1::Command* unsupported = nullptr;
};

/// The completion ends its run, if all goes well.
bool closes_run(const completion& c);
/// Applies one command of a completion. A failure means that the caller throws the whole transition
/// away.
command_result apply_command(transition& t, const api::command::v1::Command& command,
                             completion& c);
/// How the task of a completion with an unsupported command fails.
command_failure unsupported_command(const api::command::v1::Command& command);

/// The beginning of the event that a command makes: its type, and what every command hands on to
/// its event whatever it asks for.
history_event event_for(const api::command::v1::Command& command, enums::EventType type);

// -- refusals -------------------------------------------------------------------------------------

command_result refused(enums::WorkflowTaskFailedCause cause, std::string message);
/// Not only the task ends, the run does.
command_result ends_run(enums::WorkflowTaskFailedCause cause, std::string message);
/// "`field` exceeds size limit.": ends the run.
command_result too_large(enums::WorkflowTaskFailedCause cause, const std::string& field);
/// "XCommandAttributes is not set on XCommand."
command_result not_set(enums::WorkflowTaskFailedCause cause, const std::string& command);
/// "the number of `what`, 2000, has reached the per-workflow limit of 2000"; nothing: below it.
command_result too_many(enums::WorkflowTaskFailedCause cause, const std::string& what,
                        std::size_t pending, std::size_t most);
/// Of ids that are too long: "`field`=... Length=... Limit=..."
std::string length_text(const std::string& field, const std::string& value, const limits& bounds);
/// Whether the namespace exists at all was checked before; nobody may reach into another one.
command_result leaves_namespace(enums::WorkflowTaskFailedCause cause, const std::string& target,
                                const context& c);

/// Bytes of a map's names and values, as limits count them.
template <class Map>
std::size_t bytes_of_fields(const Map& fields) {
  std::size_t sum = 0;
  for (const auto& [name, value] : fields)
    sum += name.size() + value.ByteSizeLong();
  return sum;
}

} // namespace reprise::engine
