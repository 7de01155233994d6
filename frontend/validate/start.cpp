#include "frontend/validate/start.hpp"

#include "base/cron.hpp"
#include "frontend/validate/callbacks.hpp"
#include "frontend/validate/fields.hpp"
#include "frontend/validate/search_attributes.hpp"
#include "protocol/options.hpp"
#include "protocol/versioning_override.hpp"

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
result<void> check_delay(const Request& r) {
  if (!r.cron_schedule().empty() && r.has_workflow_start_delay())
    return invalid_argument("CronSchedule and WorkflowStartDelay may not be used together.");
  return check_timeout(r.workflow_start_delay(), "WorkflowStartDelaySeconds");
}

result<void> check_cron(const std::string& schedule, time_point now) {
  if (schedule.empty())
    return {};
  auto bad = cron_problem(schedule, now);
  if (bad.empty())
    return {};
  return invalid_argument(std::move(bad));
}

/// Fills in what a retry policy leaves open.
template <class Request>
result<void> settle_retry_policy(Request& r) {
  if (!r.has_retry_policy())
    return {};
  if (auto ok = check_retry_policy(r.retry_policy()); !ok)
    return ok;
  protocol::complete_retry_policy(*r.mutable_retry_policy());
  return {};
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
  if (conflict != enums::WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED
      && reuse == enums::WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING)
    return invalid_argument("Invalid WorkflowIDReusePolicy: " + name_of(reuse)
                            + " cannot be used together with a WorkflowIDConflictPolicy");
  if (conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
      && reuse == enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
    return invalid_argument("Invalid WorkflowIDReusePolicy: " + name_of(reuse)
                            + " cannot be used together with WorkflowIdConflictPolicy "
                            + name_of(conflict));
  if (!fail_is_allowed && conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_FAIL)
    return invalid_argument("Invalid WorkflowIDConflictPolicy: " + name_of(conflict)
                            + " is not supported for this operation.");
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

template <class Request>
result<void>
settle_attributes(Request& r, const actors::namespace_entry& ns, const front_limits& limits) {
  if (!r.has_search_attributes())
    return {};
  return settle_search_attributes(*r.mutable_search_attributes(), ns, limits);
}

/// What is looked at last, in both calls.
template <class Request>
result<void> check_sizes_and_version(const Request& r, const front_limits& limits) {
  if (r.has_time_skipping_config())
    return make_error(errc::unimplemented,
                      "The Time-Skipping feature is not enabled for namespace.");
  if (auto ok = check_blob(r.input(), limits); !ok)
    return ok;
  if (r.memo().ByteSizeLong() > limits.memo_bytes_max)
    return invalid_argument("Memo size exceeds limit.");
  if (r.has_versioning_override())
    if (auto problem = protocol::versioning_override_problem(r.versioning_override(),
                                                             r.task_queue().name()))
      return make_error(problem->lacks_version ? errc::failed_precondition : errc::invalid_argument,
                        std::move(problem->text));
  return {};
}

/// The links of a start and of its callbacks count together.
result<void> check_all_links(const api::StartWorkflowExecutionRequest& r,
                             const front_limits& limits) {
  auto count = r.links_size();
  for (const auto& callback : r.completion_callbacks())
    count += callback.links_size();
  if (auto ok = check_link_count(count, limits); !ok)
    return ok;
  if (auto ok = check_links(r.links(), limits); !ok)
    return ok;
  for (const auto& callback : r.completion_callbacks())
    if (auto ok = check_links(callback.links(), limits); !ok)
      return ok;
  return {};
}

result<void> check_start_names(const api::StartWorkflowExecutionRequest& r,
                               const front_limits& limits) {
  if (r.workflow_type().name().empty())
    return invalid_argument("WorkflowType is not set on request.");
  if (auto ok = check_length(r.workflow_type().name(), "WorkflowType length exceeds limit.",
                             limits);
      !ok)
    return ok;
  return check_user_queue(r.has_task_queue(), r.task_queue(), limits);
}

result<void> check_signal_names(const api::SignalWithStartWorkflowExecutionRequest& r,
                                const front_limits& limits) {
  if (r.workflow_id().empty())
    return invalid_argument("WorkflowId is not set on request.");
  if (auto ok = check_length_counted("WorkflowId", r.workflow_id(), limits); !ok)
    return ok;
  if (r.signal_name().empty())
    return invalid_argument("signal not set");
  if (auto ok = check_length_counted("signal name", r.signal_name(), limits); !ok)
    return ok;
  if (r.workflow_type().name().empty())
    return invalid_argument("workflow type not set");
  if (auto ok = check_length_counted("workflow type name", r.workflow_type().name(), limits); !ok)
    return ok;
  if (auto ok = check_user_queue(r.has_task_queue(), r.task_queue(), limits); !ok)
    return ok;
  return check_length_counted("Request ID", r.request_id(), limits);
}

} // namespace

// Callers who err twice hear of what the API looks at first, so the order is part of both.

result<void> check_start(api::StartWorkflowExecutionRequest& r, const actors::namespace_entry& ns,
                         time_point now, const front_limits& limits) {
  if (r.workflow_id().empty())
    return invalid_argument("WorkflowId is not set on request.");
  if (auto ok = check_length_counted("WorkflowId", r.workflow_id(), limits); !ok)
    return ok;
  if (auto ok = settle_retry_policy(r); !ok)
    return ok;
  if (auto ok = check_delay(r); !ok)
    return ok;
  if (auto ok = check_cron(r.cron_schedule(), now); !ok)
    return ok;
  if (auto ok = check_start_names(r, limits); !ok)
    return ok;
  if (auto ok = check_timeouts(r); !ok)
    return ok;
  if (auto ok = check_length(r.request_id(), "RequestId length exceeds limit.", limits); !ok)
    return ok;
  if (auto ok = settle_policies(r, enums::WORKFLOW_ID_CONFLICT_POLICY_FAIL, true); !ok)
    return ok;
  if (r.has_on_conflict_options() && r.on_conflict_options().attach_completion_callbacks()
      && !r.on_conflict_options().attach_request_id())
    return invalid_argument("attaching request ID is required for attaching completion callbacks");
  if (auto ok = settle_attributes(r, ns, limits); !ok)
    return ok;
  if (auto ok = check_priority(r.priority()); !ok)
    return ok;
  if (auto ok = settle_callbacks(*r.mutable_completion_callbacks(), limits); !ok)
    return ok;
  if (auto ok = check_all_links(r, limits); !ok)
    return ok;
  return check_sizes_and_version(r, limits);
}

result<void> check_signal_with_start(api::SignalWithStartWorkflowExecutionRequest& r,
                                     const actors::namespace_entry& ns, time_point now,
                                     const front_limits& limits) {
  if (auto ok = check_cron(r.cron_schedule(), now); !ok)
    return ok;
  if (auto ok = check_signal_names(r, limits); !ok)
    return ok;
  if (auto ok = check_timeouts(r); !ok)
    return ok;
  if (auto ok = settle_retry_policy(r); !ok)
    return ok;
  if (auto ok = check_delay(r); !ok)
    return ok;
  if (auto ok = settle_policies(r, enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, false); !ok)
    return ok;
  if (auto ok = settle_attributes(r, ns, limits); !ok)
    return ok;
  if (auto ok = check_priority(r.priority()); !ok)
    return ok;
  if (auto ok = check_links(r.links(), limits); !ok)
    return ok;
  if (auto ok = check_blob(r.signal_input(), limits); !ok)
    return ok;
  return check_sizes_and_version(r, limits);
}

} // namespace reprise::frontend
