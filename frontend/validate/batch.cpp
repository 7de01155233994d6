#include "frontend/validate/batch.hpp"

#include "frontend/query/syntax.hpp"
#include "frontend/validate/fields.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace reprise::frontend {

namespace enums = temporal::api::enums::v1;
using request = temporal::api::workflowservice::v1::StartBatchOperationRequest;

namespace {

constexpr const char* one_of_type_and_all
  = "Either activity type must be set, or match all should be set to true";

bool is_of_activities(const request& r) {
  return r.has_terminate_activities_operation() || r.has_cancel_activities_operation()
         || r.has_delete_activities_operation();
}

/// "TerminationOperation" for the field termination_operation, as the API's texts have it.
std::string operation_name(const request& r) {
  const auto* field = request::descriptor()->FindFieldByNumber(r.operation_case());
  std::string out = "*workflowservice.StartBatchOperationRequest_";
  auto upper = true;
  for (char c : field->name()) {
    if (c != '_')
      out.push_back(upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    upper = c == '_';
  }
  return out;
}

std::string type_name(int type) {
  switch (type) {
    case enums::EXECUTION_TYPE_UNSPECIFIED:
      return "Unspecified";
    case enums::EXECUTION_TYPE_WORKFLOW:
      return "Workflow";
    case enums::EXECUTION_TYPE_ACTIVITY:
      return "Activity";
    default:
      return std::to_string(type);
  }
}

result<void> check_targets(const request& r, const front_limits& limits) {
  auto selectors = (r.visibility_query().empty() ? 0 : 1) + (r.executions().empty() ? 0 : 1)
                   + (r.target_executions().empty() ? 0 : 1);
  if (r.operation_case() == request::OPERATION_NOT_SET || r.reason().empty() || selectors == 0)
    return invalid_argument("must provide required parameters: BatchType,Reason,Namespace, AND one "
                            "of (Query OR Executions OR TargetExecutions)");
  if (r.job_id().empty())
    return invalid_argument("JobId is not set on request.");
  if (selectors > 1)
    return invalid_argument(
      "visibility query, executions, and target executions are mutually exclusive");
  if (std::max(r.executions_size(), r.target_executions_size()) > limits.batch_runs_max)
    return invalid_argument("Workflow executions count exceeded.");
  for (int i = 0; i < r.target_executions_size(); ++i)
    if (auto type = r.target_executions(i).type(); type != enums::EXECUTION_TYPE_WORKFLOW)
      return invalid_argument("target_executions[" + std::to_string(i) + "] has type "
                              + type_name(type) + ", but operation " + operation_name(r)
                              + " requires Workflow");
  return {};
}

/// All of them, or those of one type.
template <class Operation>
result<void> check_activities(const Operation& o) {
  auto named = o.activity_case() == Operation::kType ? !o.type().empty() : o.match_all();
  if (o.activity_case() != Operation::ACTIVITY_NOT_SET && !named)
    return invalid_argument(one_of_type_and_all);
  return {};
}

result<void> check_reset(const temporal::api::batch::v1::BatchOperationReset& o) {
  using options = temporal::api::common::v1::ResetOptions;
  if (o.has_options() && o.options().target_case() == options::TARGET_NOT_SET)
    return invalid_argument("batch reset missing target");
  if (o.has_options())
    return {};
  auto type = static_cast<int>(o.reset_type());
  if (type == enums::RESET_TYPE_UNSPECIFIED || !enums::ResetType_IsValid(type))
    return invalid_argument("unknown batch reset type "
                            + (type == enums::RESET_TYPE_UNSPECIFIED ? std::string{"Unspecified"}
                                                                     : std::to_string(type)));
  return {};
}

result<void> check_operation(const request& r) {
  switch (r.operation_case()) {
    case request::kSignalOperation:
      if (r.signal_operation().signal().empty())
        return invalid_argument("must provide signal name");
      return {};
    case request::kUpdateWorkflowOptionsOperation:
      if (!r.update_workflow_options_operation().has_workflow_execution_options())
        return invalid_argument("must provide UpdateOptions");
      if (!r.update_workflow_options_operation().has_update_mask())
        return invalid_argument("must provide UpdateMask");
      return {};
    case request::kResetOperation:
      return check_reset(r.reset_operation());
    case request::kUnpauseActivitiesOperation: {
      const auto& o = r.unpause_activities_operation();
      if (o.activity_case() == o.ACTIVITY_NOT_SET)
        return invalid_argument("activity filter must be set");
      return check_activities(o);
    }
    case request::kResetActivitiesOperation: {
      const auto& o = r.reset_activities_operation();
      if (o.activity_case() == o.ACTIVITY_NOT_SET)
        return invalid_argument("must provide ActivityType or MatchAll");
      return check_activities(o);
    }
    case request::kUpdateActivityOptionsOperation: {
      const auto& o = r.update_activity_options_operation();
      if (o.has_activity_options() && o.restore_original())
        return invalid_argument("cannot set both activity options and restore original");
      if (!o.has_activity_options() && !o.restore_original())
        return invalid_argument(
          "Either activity type must be set, or restore original should be set to true");
      return check_activities(o);
    }
    default:
      return {};
  }
}

result<void> check_query(const std::string& text) {
  constexpr std::string_view prefix = "invalid query: malformed SQL query: ";
  if (text.empty())
    return {};
  auto parsed = query::parse(text);
  // In the query that finds its runs it is a part: an order, say, or nothing, is none.
  if (parsed)
    parsed = query::parse("(" + text + "\n) AND StartTime <= '2000-01-01T00:00:00Z'");
  if (parsed)
    return {};
  std::string_view why = parsed.error().message;
  if (why.starts_with(prefix))
    why.remove_prefix(prefix.size());
  return invalid_argument("invalid visibility query: " + std::string{why});
}

bool skips_time(const temporal::api::workflow::v1::WorkflowExecutionOptions& options) {
  return options.has_time_skipping_config();
}

} // namespace

result<void> check_batch(const request& r, const front_limits& limits) {
  if (is_of_activities(r))
    return invalid_argument("The operation type " + operation_name(r)
                            + " is not supported for this namespace");
  if (auto ok = check_targets(r, limits); !ok)
    return ok;
  if (auto ok = check_operation(r); !ok)
    return ok;
  if (auto ok = check_query(r.visibility_query()); !ok)
    return ok;
  return check_length(r.job_id(), "WorkflowId length exceeds limit.", limits);
}

result<void> check_batch_options(const request& r) {
  auto skips = skips_time(r.update_workflow_options_operation().workflow_execution_options());
  for (const auto& operation : r.reset_operation().post_reset_operations())
    skips = skips || skips_time(operation.update_workflow_options().workflow_execution_options());
  if (skips)
    return make_error(errc::unimplemented,
                      "The Time-Skipping feature is not enabled for namespace.");
  return {};
}

} // namespace reprise::frontend
