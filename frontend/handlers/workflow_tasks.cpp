#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/poll.hpp"
#include "frontend/token/task_token.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

void poll(const call::ptr& c, api::PollWorkflowTaskQueueRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  if (auto wanted = make_poll(c, r, ns, cluster::Task::WORKFLOW))
    c->send_poll(std::move(*wanted));
}

/// The namespace that a command reaches into; empty: it stays at home.
std::string_view target_of(const temporal::api::command::v1::Command& command) {
  switch (command.command_type()) {
    case enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
      return command.start_child_workflow_execution_command_attributes().namespace_();
    case enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
      return command.signal_external_workflow_execution_command_attributes().namespace_();
    case enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
      return command.request_cancel_external_workflow_execution_command_attributes().namespace_();
    default:
      return {};
  }
}

/// A namespace that nobody knows refuses the whole answer; that an existing one may not be reached
/// is the engine's to say.
result<void> check_targets(const call::ptr& c, const call::entry_ptr& home,
                           const api::RespondWorkflowTaskCompletedRequest& r) {
  for (const auto& command : r.commands()) {
    std::string name{target_of(command)};
    if (!name.empty() && name != home->facts.name && !c->back().namespaces().find(name))
      return namespace_not_found(name);
  }
  return {};
}

constexpr const char* checksum_too_long = "Binary checksum length exceeds limit.";

void complete(const call::ptr& c, api::RespondWorkflowTaskCompletedRequest& r) {
  auto opened = open_token(c, r.task_token(), r.namespace_(), cluster::TaskToken::WORKFLOW);
  if (!opened)
    return;
  if (auto ok = check_length(r.identity(), "Identity length exceeds limit.", c->limits()); !ok)
    return c->fail(std::move(ok).error());
  if (auto ok = check_length(r.binary_checksum(), checksum_too_long, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  if (auto ok = check_version(r.worker_version_stamp(), r.has_deployment_options(),
                              r.deployment_options(), r.sticky_attributes().worker_task_queue(),
                              c->limits());
      !ok)
    return c->fail(std::move(ok).error());
  if (auto ok = check_targets(c, opened->ns, r); !ok)
    return c->fail(std::move(ok).error());
  opened->request.mutable_complete_workflow_task()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

void fail_task(const call::ptr& c, api::RespondWorkflowTaskFailedRequest& r) {
  auto opened = open_token(c, r.task_token(), r.namespace_(), cluster::TaskToken::WORKFLOW);
  if (!opened)
    return;
  if (auto ok = check_length(r.identity(), "Identity length exceeds limit.", c->limits()); !ok)
    return c->fail(std::move(ok).error());
  if (auto ok = check_length(r.binary_checksum(), checksum_too_long, c->limits()); !ok)
    return c->fail(std::move(ok).error());
  opened->request.mutable_fail_workflow_task()->Swap(&r);
  c->send(opened->ns, std::move(opened->request));
}

} // namespace

void add_workflow_task_handlers(handler_table& table) {
  table["PollWorkflowTaskQueue"] = parsed(poll);
  table["RespondWorkflowTaskCompleted"] = parsed(complete);
  table["RespondWorkflowTaskFailed"] = parsed(fail_task);
}

} // namespace reprise::frontend
