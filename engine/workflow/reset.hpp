#pragma once

#include "engine/machine/step.hpp"
#include "engine/workflow/fork.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reprise::engine {

/// What a reset makes of the runs of an id.
struct reset_step {
  std::optional<error> refusal{};
  /// Of the run that was reset: it knows the latest run that was made of it.
  record base_written{};
  /// Of the current run, when that is another one: its end.
  record current_written{};
  /// It begins with what was copied.
  std::optional<new_run> made{};
  std::vector<cluster::Task> offers{};
  std::vector<outbox::Message> messages{};
};

using reset_request = service::ResetWorkflowExecutionRequest;

/// What is wrong with the request whatever the history says.
std::optional<error> reset_problem(const execution& base, const reset_request& request);
/// What has to be read before the reset is decided. The ids and times of the new run are drawn
/// here.
std::shared_ptr<fork> plan_reset(const execution& base, const reset_request& request,
                                 const context& c);
/// Decides the reset of `base`; `known` is read up to the end. `other` is the id's current run,
/// null when that is the base. Both are changed in place, or not at all when it is refused.
reset_step reset(execution& base, execution* other, const reset_request& request, fork& known,
                 const context& c);

} // namespace reprise::engine
