// The calls on a run that are neither starts, signals nor task answers: cancel, terminate, delete,
// options, stickiness.

#include "engine/machine/errors.hpp"
#include "engine/machine/parts.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/versioning_override.hpp"

#include <set>

namespace reprise::engine {

namespace {

constexpr const char* default_terminate_reason = "terminated by user via frontend";
constexpr const char* default_terminate_identity = "frontend-service";

/// A call may be meant for one chain of runs only.
bool is_chain(const execution& x, const std::string& first_run_id) {
  return first_run_id.empty() || first_run_id == x.started().first_execution_run_id();
}

using options_type = api::workflow::v1::WorkflowExecutionOptions;
using override_type = api::workflow::v1::VersioningOverride;

bool is_set(const override_type& x) {
  return x.override_case() != override_type::OVERRIDE_NOT_SET
         || x.behavior() != enums::VERSIONING_BEHAVIOR_UNSPECIFIED;
}

options_type options_of_run(const execution& x) {
  options_type out;
  if (is_set(x.versioning_override()))
    *out.mutable_versioning_override() = x.versioning_override();
  if (x.has_priority())
    *out.mutable_priority() = x.priority();
  return out;
}

std::optional<error> refused_merge(const std::string& why) {
  return invalid_argument("error applying update_options: " + why);
}

/// The paths of a mask, in one spelling.
std::set<std::string> paths_of(const google::protobuf::FieldMask& mask) {
  std::set<std::string> out;
  for (const auto& path : mask.paths())
    out.insert(camel_case(path));
  return out;
}

/// Takes over what the mask names.
std::optional<error> merge(options_type& into, const options_type& from,
                           const google::protobuf::FieldMask& mask) {
  auto paths = paths_of(mask);
  auto named = [&](const char* path) { return paths.contains(path); };
  if (named("versioningOverride.deployment") != named("versioningOverride.behavior"))
    return refused_merge("versioning_override fields must be updated together");
  for (const auto& path : paths)
    if (path.starts_with("versioningOverride.") && path != "versioningOverride.deployment"
        && path != "versioningOverride.behavior")
      return refused_merge("versioning_override doesn't support partial updates");
  if (named("versioningOverride") || named("versioningOverride.behavior")) {
    into.clear_versioning_override();
    if (from.has_versioning_override())
      *into.mutable_versioning_override() = from.versioning_override();
  }
  if (named("priority")) {
    into.clear_priority();
    if (from.has_priority())
      *into.mutable_priority() = from.priority();
  }
  if (named("priority.priorityKey"))
    into.mutable_priority()->set_priority_key(from.priority().priority_key());
  if (named("priority.fairnessKey"))
    into.mutable_priority()->set_fairness_key(from.priority().fairness_key());
  if (named("priority.fairnessWeight"))
    into.mutable_priority()->set_fairness_weight(from.priority().fairness_weight());
  for (const auto& path : paths)
    if (path.starts_with("timeSkippingConfig."))
      return refused_merge("time_skipping_config doesn't support partial update");
  return std::nullopt;
}

/// Whatever the mask names, what is given of an override has to make sense.
std::optional<error> check_override(const execution& x, const options_type& given) {
  if (!given.has_versioning_override())
    return std::nullopt;
  const auto& wanted = given.versioning_override();
  auto upgraded = x.versioning_override().auto_upgrade()
                  || x.versioning_override().behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE;
  // The version that the run is pinned to would be meant; without worker deployments it has none.
  if (wanted.pinned().behavior() != 0 && !wanted.pinned().has_version())
    return make_error(errc::failed_precondition,
                      "must specify a specific pinned override version because workflow with id "
                        + x.created().workflow_id() + " has behavior "
                        + (upgraded ? "AutoUpgrade" : "Unspecified")
                        + " and is not yet pinned to any version");
  auto problem = protocol::versioning_override_problem(wanted, x.started().task_queue().name());
  if (!problem)
    return std::nullopt;
  return make_error(problem->lacks_version ? errc::failed_precondition : errc::invalid_argument,
                    std::move(problem->text));
}

} // namespace

step decide_request_cancel(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c) {
  const auto& r = request.request_cancel();
  service::RequestCancelWorkflowExecutionResponse done;
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(done);
  if (!is_chain(t.state(), r.first_execution_run_id()))
    return std::move(t).finish(not_found("workflow execution not found"));
  // One request is all a workflow can be told; whoever asks again has what they want.
  if (t.state().cancel_requested())
    return std::move(t).finish(done);
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED);
  *event.mutable_links() = r.links();
  auto& a = *event.mutable_workflow_execution_cancel_requested_event_attributes();
  a.set_cause(r.reason());
  a.set_identity(r.identity());
  t.add_or_buffer(std::move(event));
  force_workflow_task(t);
  return std::move(t).finish(done);
}

step decide_terminate(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c) {
  const auto& r = request.terminate();
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(already_completed());
  if (!is_chain(t.state(), r.first_execution_run_id()))
    return std::move(t).finish(not_found("workflow execution not found"));
  api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
  a.set_reason(r.reason().empty() ? default_terminate_reason : r.reason());
  a.set_identity(r.identity().empty() ? default_terminate_identity : r.identity());
  if (r.has_details())
    *a.mutable_details() = r.details();
  terminate_run(t, std::move(a), r.links());
  return std::move(t).finish(service::TerminateWorkflowExecutionResponse{});
}

step decide_delete(execution&& current, const cluster::ExecutionRequest&, const context& c) {
  transition t{std::move(current), c};
  if (is_open(t.state())) {
    api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
    a.set_reason("Delete workflow execution");
    a.set_identity(server_identity);
    terminate_run(t, std::move(a));
  }
  t.erase();
  return std::move(t).finish(service::DeleteWorkflowExecutionResponse{});
}

step decide_update_options(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c) {
  const auto& r = request.update_options();
  transition t{std::move(current), c};
  const auto& x = t.state();
  if (!is_open(x))
    return std::move(t).finish(already_completed());
  if (auto refusal = check_override(x, r.workflow_execution_options()))
    return std::move(t).finish(std::move(*refusal));
  auto before = options_of_run(x);
  auto after = before;
  if (auto refusal = merge(after, r.workflow_execution_options(), r.update_mask()))
    return std::move(t).finish(std::move(*refusal));
  service::UpdateWorkflowExecutionOptionsResponse out;
  *out.mutable_workflow_execution_options() = after;
  if (after.SerializeAsString() == before.SerializeAsString())
    return std::move(t).finish(out);
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED);
  event.set_worker_may_ignore(true);
  auto& a = *event.mutable_workflow_execution_options_updated_event_attributes();
  a.set_identity(r.identity());
  if (after.has_versioning_override())
    *a.mutable_versioning_override() = protocol::told_override(after.versioning_override());
  else
    a.set_unset_versioning_override(true);
  if (after.has_priority())
    *a.mutable_priority() = after.priority();
  t.add_or_buffer(std::move(event));
  t.visibility_changed();
  return std::move(t).finish(out);
}

step decide_reset_sticky(execution&& current, const context& c) {
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(already_completed());
  if (t.state().has_sticky()) {
    t.set_sticky({});
    // A task that waits on the queue of a worker that is gone would wait for its timeout.
    if (auto task = workflow_task_offer(t.state()))
      t.offer(std::move(*task));
  }
  return std::move(t).finish(service::ResetStickyTaskQueueResponse{});
}

} // namespace reprise::engine
