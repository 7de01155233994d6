#include "frontend/validate/start.hpp"

#include "base/cron.hpp"
#include "frontend/validate/callbacks.hpp"
#include "frontend/validate/fields.hpp"
#include "frontend/validate/search_attributes.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

result<void> check_timeout(const google::protobuf::Duration& d, const char* field) {
  auto bad = bad_duration(d);
  if (bad.empty())
    return {};
  return invalid_argument(std::string{"An invalid "} + field + " is set on request. cause: " + bad);
}

template <class Request>
result<void> check_timeouts(const Request& r) {
  if (auto ok = check_timeout(r.workflow_execution_timeout(), "WorkflowExecutionTimeoutSeconds");
      !ok)
    return ok;
  if (auto ok = check_timeout(r.workflow_run_timeout(), "WorkflowRunTimeoutSeconds"); !ok)
    return ok;
  return check_timeout(r.workflow_task_timeout(), "WorkflowTaskTimeoutSeconds");
}

template <class Request>
result<void> check_delay(const Request& r, time_point now) {
  if (!r.cron_schedule().empty() && r.has_workflow_start_delay())
    return invalid_argument("CronSchedule and WorkflowStartDelay may not be used together.");
  if (auto ok = check_timeout(r.workflow_start_delay(), "WorkflowStartDelaySeconds"); !ok)
    return ok;
  if (r.cron_schedule().empty())
    return {};
  auto bad = cron_problem(r.cron_schedule(), now);
  if (bad.empty())
    return {};
  return invalid_argument(std::move(bad));
}

std::string name_of(enums::WorkflowIdReusePolicy p) {
  return enums::WorkflowIdReusePolicy_Name(p);
}

std::string name_of(enums::WorkflowIdConflictPolicy p) {
  return enums::WorkflowIdConflictPolicy_Name(p);
}

/// Refuses policies that contradict each other and resolves the deprecated TERMINATE_IF_RUNNING.
template <class Request>
result<void> settle_policies(Request& r, enums::WorkflowIdConflictPolicy conflict_default,
                             bool fail_is_allowed) {
  auto reuse = r.workflow_id_reuse_policy();
  auto conflict = r.workflow_id_conflict_policy();
  if (!fail_is_allowed && conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_FAIL)
    return invalid_argument("Invalid WorkflowIDConflictPolicy: " + name_of(conflict)
                            + " is not supported for this operation.");
  if (conflict != enums::WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED
      && reuse == enums::WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING)
    return invalid_argument("Invalid WorkflowIDReusePolicy: " + name_of(reuse)
                            + " cannot be used together with a WorkflowIDConflictPolicy");
  if (conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
      && reuse == enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
    return invalid_argument("Invalid WorkflowIDReusePolicy: " + name_of(reuse)
                            + " cannot be used together with WorkflowIdConflictPolicy "
                            + name_of(conflict));
  if (reuse == enums::WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING) {
    r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE);
    r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING);
    return {};
  }
  if (reuse == enums::WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED)
    r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE);
  if (conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED)
    r.set_workflow_id_conflict_policy(conflict_default);
  return {};
}

/// What both calls check alike, in the order in which it is refused.
template <class Request>
result<void> check_rest(Request& r, const actors::namespace_entry& ns, const front_limits& limits) {
  if (r.has_retry_policy()) {
    if (auto ok = check_retry_policy(r.retry_policy()); !ok)
      return ok;
    complete_retry_policy(*r.mutable_retry_policy());
  }
  if (r.has_priority())
    if (auto ok = check_priority(r.priority()); !ok)
      return ok;
  if (auto ok = check_links(r.links()); !ok)
    return ok;
  if (r.has_versioning_override())
    if (auto ok = check_versioning_override(r.versioning_override(), r.task_queue().name()); !ok)
      return ok;
  if (r.has_search_attributes())
    if (auto ok = settle_search_attributes(*r.mutable_search_attributes(), ns); !ok)
      return ok;
  if (auto ok = check_blob(r.input(), limits); !ok)
    return ok;
  if (r.memo().ByteSizeLong() > limits.memo_bytes_max)
    return invalid_argument("Memo size exceeds limit.");
  return {};
}

} // namespace

result<void>
check_versioning_override(const temporal::api::workflow::v1::VersioningOverride& wanted,
                          const std::string& queue) {
  namespace workflow = temporal::api::workflow::v1;
  auto absent = [&](const auto& version) {
    // Worker deployments are not offered, so no version is known to any queue.
    return make_error(errc::failed_precondition,
                      "Pinned version '" + version.deployment_name() + ":" + version.build_id()
                        + "' is not present in task queue '" + queue + "' of type 'Workflow'");
  };
  switch (wanted.override_case()) {
    case workflow::VersioningOverride::kPinned:
      if (!wanted.pinned().has_version())
        return invalid_argument("must provide version if override is pinned.");
      if (wanted.pinned().behavior() == 0)
        return invalid_argument("must specify pinned override behavior if override is pinned.");
      return absent(wanted.pinned().version());
    case workflow::VersioningOverride::kAutoUpgrade:
      if (!wanted.auto_upgrade())
        return invalid_argument("auto-upgrade override must be true");
      return {};
    case workflow::VersioningOverride::kOneTime:
      if (!wanted.one_time().has_target_deployment_version())
        return invalid_argument("must provide target deployment version if override is one-time.");
      return absent(wanted.one_time().target_deployment_version());
    case workflow::VersioningOverride::OVERRIDE_NOT_SET:
      break;
  }
  const auto& version = wanted.pinned_version();
  if (wanted.behavior() == enums::VERSIONING_BEHAVIOR_UNSPECIFIED)
    return invalid_argument("override behavior is required");
  if (wanted.behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE) {
    if (wanted.has_deployment() || !version.empty())
      return invalid_argument("only provide pinned version if behavior is 'PINNED'");
    return {};
  }
  if (version.empty()) {
    if (!wanted.has_deployment())
      return invalid_argument(
        "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'");
    temporal::api::deployment::v1::WorkerDeploymentVersion named;
    named.set_deployment_name(wanted.deployment().series_name());
    named.set_build_id(wanted.deployment().build_id());
    return absent(named);
  }
  auto dot = version.find('.');
  if (dot == std::string::npos)
    return invalid_argument("invalid version string \"" + version
                            + "\", expected format is \"<deployment_name>.<build_id>\"");
  temporal::api::deployment::v1::WorkerDeploymentVersion named;
  named.set_deployment_name(version.substr(0, dot));
  named.set_build_id(version.substr(dot + 1));
  return absent(named);
}

result<void> check_start(api::StartWorkflowExecutionRequest& r, const actors::namespace_entry& ns,
                         time_point now, const front_limits& limits) {
  if (r.workflow_id().empty())
    return invalid_argument("WorkflowId is not set on request.");
  if (auto ok = check_length_counted("WorkflowId", r.workflow_id()); !ok)
    return ok;
  if (auto ok = check_delay(r, now); !ok)
    return ok;
  if (r.workflow_type().name().empty())
    return invalid_argument("WorkflowType is not set on request.");
  if (auto ok = check_length(r.workflow_type().name(), "WorkflowType length exceeds limit."); !ok)
    return ok;
  if (auto ok = check_task_queue(r.has_task_queue(), r.task_queue(), true); !ok)
    return ok;
  if (auto ok = check_timeouts(r); !ok)
    return ok;
  if (auto ok = check_length(r.identity(), "Identity length exceeds limit."); !ok)
    return ok;
  if (auto ok = check_length(r.request_id(), "RequestId length exceeds limit."); !ok)
    return ok;
  if (auto ok = settle_policies(r, enums::WORKFLOW_ID_CONFLICT_POLICY_FAIL, true); !ok)
    return ok;
  if (r.has_on_conflict_options() && r.on_conflict_options().attach_completion_callbacks()
      && !r.on_conflict_options().attach_request_id())
    return invalid_argument("attaching request ID is required for attaching completion callbacks");
  if (auto ok = settle_callbacks(*r.mutable_completion_callbacks()); !ok)
    return ok;
  return check_rest(r, ns, limits);
}

result<void> check_signal_with_start(api::SignalWithStartWorkflowExecutionRequest& r,
                                     const actors::namespace_entry& ns, time_point now,
                                     const front_limits& limits) {
  if (r.workflow_id().empty())
    return invalid_argument("WorkflowId is not set on request.");
  if (auto ok = check_length_counted("WorkflowId", r.workflow_id()); !ok)
    return ok;
  if (r.signal_name().empty())
    return invalid_argument("signal not set");
  if (auto ok = check_length_counted("signal name", r.signal_name()); !ok)
    return ok;
  if (r.workflow_type().name().empty())
    return invalid_argument("workflow type not set");
  if (auto ok = check_length_counted("workflow type name", r.workflow_type().name()); !ok)
    return ok;
  if (auto ok = check_task_queue(r.has_task_queue(), r.task_queue(), true); !ok)
    return ok;
  if (auto ok = check_length_counted("Request ID", r.request_id()); !ok)
    return ok;
  if (auto ok = check_length(r.identity(), "Identity length exceeds limit."); !ok)
    return ok;
  if (auto ok = check_timeouts(r); !ok)
    return ok;
  if (auto ok = check_delay(r, now); !ok)
    return ok;
  if (auto ok = settle_policies(r, enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, false); !ok)
    return ok;
  if (auto ok = check_blob(r.signal_input(), limits); !ok)
    return ok;
  return check_rest(r, ns, limits);
}

} // namespace reprise::frontend
