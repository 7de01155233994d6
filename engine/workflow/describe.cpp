#include "engine/child/child.hpp"
#include "engine/engine.hpp"
#include "engine/machine/failures.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/workflow/rules.hpp"
#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

namespace {

namespace workflow = api::workflow::v1;

/// What the reference shows where there is no expiration: the zero of its clock, year 1.
constexpr std::int64_t year_one = -62135596800;

workflow::WorkflowExecutionExtendedInfo extended_info(const execution& x) {
  workflow::WorkflowExecutionExtendedInfo out;
  if (x.created().has_execution_deadline())
    *out.mutable_execution_expiration_time() = x.created().execution_deadline();
  if (x.created().has_run_deadline())
    *out.mutable_run_expiration_time() = x.created().run_deadline();
  else
    out.mutable_run_expiration_time()->set_seconds(year_one);
  out.set_cancel_requested(x.cancel_requested());
  *out.mutable_original_start_time() = x.created().has_original_start_time()
                                         ? x.created().original_start_time()
                                         : x.created().start_time();
  if (x.created().has_reset_time())
    *out.mutable_last_reset_time() = x.created().reset_time();
  out.set_reset_run_id(x.header().reset_run_id());
  for (const auto& [id, request] : x.request_ids()) {
    auto& info = (*out.mutable_request_id_infos())[id];
    info.set_event_id(request.event_id());
    info.set_event_type(static_cast<enums::EventType>(request.event_type()));
    info.set_buffered(request.event_id() == 0);
  }
  return out;
}

void add_versioning(const execution& x, workflow::WorkflowExecutionInfo& out) {
  if (!x.has_versioning_override())
    return;
  auto& info = *out.mutable_versioning_info();
  const auto& known = x.versioning_override();
  using override_type = workflow::VersioningOverride;
  if (known.override_case() == override_type::OVERRIDE_NOT_SET
      && known.behavior() == enums::VERSIONING_BEHAVIOR_UNSPECIFIED)
    return;
  // Both spellings of an override are shown, for clients of either age.
  auto& shown = *info.mutable_versioning_override();
  shown = known;
  if (known.auto_upgrade())
    shown.set_behavior(enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE);
  else if (known.has_pinned())
    shown.set_behavior(enums::VERSIONING_BEHAVIOR_PINNED);
  else if (known.behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE)
    shown.set_auto_upgrade(true);
}

} // namespace

bool goes_on(const history_event& close) {
  return close.has_workflow_execution_continued_as_new_event_attributes()
         || !close.workflow_execution_completed_event_attributes().new_execution_run_id().empty()
         || !close.workflow_execution_failed_event_attributes().new_execution_run_id().empty()
         || !close.workflow_execution_timed_out_event_attributes().new_execution_run_id().empty();
}

void describe_callbacks(const execution& x, const context&,
                        service::DescribeWorkflowExecutionResponse& out) {
  for (const auto& callback : x.completion_callbacks()) {
    auto& info = *out.add_callbacks();
    *info.mutable_callback() = callback;
    info.mutable_trigger()->mutable_workflow_closed();
    *info.mutable_registration_time() = x.created().start_time();
    info.set_state(enums::CALLBACK_STATE_STANDBY);
    if (is_open(x) || goes_on(x.close_event()))
      continue;
    info.set_state(enums::CALLBACK_STATE_FAILED);
    *info.mutable_last_attempt_failure()
      = server_failure("completion callbacks are not delivered by this version", true);
  }
}

workflow::WorkflowExecutionInfo info_of(const execution& x) {
  workflow::WorkflowExecutionInfo out;
  out.mutable_execution()->set_workflow_id(x.created().workflow_id());
  out.mutable_execution()->set_run_id(x.created().run_id());
  *out.mutable_type() = x.started().workflow_type();
  *out.mutable_start_time() = x.created().start_time();
  *out.mutable_execution_time() = x.execution_time();
  if (x.has_close_time()) {
    *out.mutable_close_time() = x.close_time();
    *out.mutable_execution_duration()
      = to_proto(from_proto(x.close_time()) - from_proto(x.execution_time()));
  }
  out.set_status(x.status());
  out.set_history_length(x.next_event_id() - 1);
  out.set_history_size_bytes(x.history_size_bytes());
  out.set_state_transition_count(x.state_transition_count());
  *out.mutable_memo()->mutable_fields() = x.memo();
  *out.mutable_search_attributes()->mutable_indexed_fields() = x.search_attributes();
  *out.mutable_auto_reset_points()->mutable_points() = x.reset_points();
  out.set_task_queue(x.started().task_queue().name());
  if (x.has_last_worker_version())
    *out.mutable_most_recent_worker_version_stamp() = x.last_worker_version();
  *out.mutable_root_execution() = root_of(x);
  if (x.started().has_parent_workflow_execution()) {
    *out.mutable_parent_execution() = x.started().parent_workflow_execution();
    out.set_parent_namespace_id(x.started().parent_workflow_namespace_id());
  }
  out.set_first_run_id(x.started().first_execution_run_id());
  if (x.has_priority())
    *out.mutable_priority() = x.priority();
  out.set_external_payload_count(x.external_payload_count());
  out.set_external_payload_size_bytes(x.external_payload_size_bytes());
  add_versioning(x, out);
  return out;
}

service::DescribeWorkflowExecutionResponse describe(const execution& x, const context& c) {
  service::DescribeWorkflowExecutionResponse out;
  auto& config = *out.mutable_execution_config();
  config.mutable_task_queue()->set_name(x.started().task_queue().name());
  config.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  if (x.started().has_workflow_execution_timeout())
    *config.mutable_workflow_execution_timeout() = x.started().workflow_execution_timeout();
  if (x.started().has_workflow_run_timeout())
    *config.mutable_workflow_run_timeout() = x.started().workflow_run_timeout();
  *config.mutable_default_workflow_task_timeout() = x.started().workflow_task_timeout();
  if (x.created().has_user_metadata())
    *config.mutable_user_metadata() = x.created().user_metadata();
  *out.mutable_workflow_execution_info() = info_of(x);
  *out.mutable_workflow_extended_info() = extended_info(x);
  for (const auto* f : features())
    if (f->describe != nullptr)
      f->describe(x, c, out);
  return out;
}

step decide_describe(execution&& current, const cluster::ExecutionRequest&, const context& c) {
  auto answer = describe(current, c);
  return transition{std::move(current), c}.finish(answer);
}

} // namespace reprise::engine
