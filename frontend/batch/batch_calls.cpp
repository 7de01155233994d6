#include "frontend/batch/batch_calls.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

/// A request to a run, with the part that all have alike.
template <class Request, class Operation>
Request request_to(const batch_request& job, const Operation& operation) {
  Request out;
  out.set_namespace_(job.namespace_());
  out.set_identity(operation.identity());
  return out;
}

void set_run(temporal::api::common::v1::WorkflowExecution& to, const batch::Target& run) {
  to.set_workflow_id(run.workflow_id());
  to.set_run_id(run.run_id());
}

batch_call terminate(const batch_request& job, const batch::Target& run) {
  const auto& o = job.termination_operation();
  auto r = request_to<api::TerminateWorkflowExecutionRequest>(job, o);
  set_run(*r.mutable_workflow_execution(), run);
  r.set_reason(job.reason());
  if (o.has_details())
    *r.mutable_details() = o.details();
  return {"TerminateWorkflowExecution", r.SerializeAsString()};
}

batch_call signal(const batch_request& job, const batch::Target& run,
                  const std::string& request_id) {
  const auto& o = job.signal_operation();
  auto r = request_to<api::SignalWorkflowExecutionRequest>(job, o);
  set_run(*r.mutable_workflow_execution(), run);
  r.set_signal_name(o.signal());
  r.set_request_id(request_id);
  if (o.has_input())
    *r.mutable_input() = o.input();
  if (o.has_header())
    *r.mutable_header() = o.header();
  return {"SignalWorkflowExecution", r.SerializeAsString()};
}

batch_call cancel(const batch_request& job, const batch::Target& run,
                  const std::string& request_id) {
  auto r = request_to<api::RequestCancelWorkflowExecutionRequest>(job,
                                                                  job.cancellation_operation());
  set_run(*r.mutable_workflow_execution(), run);
  r.set_request_id(request_id);
  return {"RequestCancelWorkflowExecution", r.SerializeAsString()};
}

batch_call erase(const batch_request& job, const batch::Target& run) {
  api::DeleteWorkflowExecutionRequest r;
  r.set_namespace_(job.namespace_());
  set_run(*r.mutable_workflow_execution(), run);
  return {"DeleteWorkflowExecution", r.SerializeAsString()};
}

batch_call update_options(const batch_request& job, const batch::Target& run) {
  const auto& o = job.update_workflow_options_operation();
  auto r = request_to<api::UpdateWorkflowExecutionOptionsRequest>(job, o);
  set_run(*r.mutable_workflow_execution(), run);
  *r.mutable_workflow_execution_options() = o.workflow_execution_options();
  *r.mutable_update_mask() = o.update_mask();
  return {"UpdateWorkflowExecutionOptions", r.SerializeAsString()};
}

batch_call unpause(const batch_request& job, const batch::Target& run) {
  const auto& o = job.unpause_activities_operation();
  auto r = request_to<api::UnpauseActivityRequest>(job, o);
  set_run(*r.mutable_execution(), run);
  if (o.has_match_all())
    r.set_unpause_all(true);
  else
    r.set_type(o.type());
  r.set_reset_attempts(o.reset_attempts());
  r.set_reset_heartbeat(o.reset_heartbeat());
  if (o.has_jitter())
    *r.mutable_jitter() = o.jitter();
  return {"UnpauseActivity", r.SerializeAsString()};
}

batch_call reset_activities(const batch_request& job, const batch::Target& run) {
  const auto& o = job.reset_activities_operation();
  auto r = request_to<api::ResetActivityRequest>(job, o);
  set_run(*r.mutable_execution(), run);
  if (o.has_match_all())
    r.set_match_all(true);
  else
    r.set_type(o.type());
  r.set_reset_heartbeat(o.reset_heartbeat());
  r.set_keep_paused(o.keep_paused());
  if (o.has_jitter())
    *r.mutable_jitter() = o.jitter();
  r.set_restore_original_options(o.restore_original_options());
  return {"ResetActivity", r.SerializeAsString()};
}

batch_call update_activities(const batch_request& job, const batch::Target& run) {
  const auto& o = job.update_activity_options_operation();
  auto r = request_to<api::UpdateActivityOptionsRequest>(job, o);
  set_run(*r.mutable_execution(), run);
  if (o.has_match_all())
    r.set_match_all(true);
  else
    r.set_type(o.type());
  if (o.has_activity_options())
    *r.mutable_activity_options() = o.activity_options();
  // A mask that is not there is an empty one, as in the API.
  *r.mutable_update_mask() = o.update_mask();
  r.set_restore_original(o.restore_original());
  return {"UpdateActivityOptions", r.SerializeAsString()};
}

/// FNV-1a from a beginning of one's own.
std::uint64_t hash_of(std::uint64_t hash, std::string_view text) {
  constexpr std::uint64_t prime = 0x100'0000'01B3U;
  for (char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  // So that what stands on both sides of a seam matters.
  return (hash ^ 0xFFU) * prime;
}

std::string rfc3339(time_point t) {
  std::chrono::sys_time<std::chrono::nanoseconds> at{t.time_since_epoch()};
  auto day = std::chrono::floor<std::chrono::days>(at);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss<std::chrono::nanoseconds> time{at - day};
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09lldZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<long long>(time.subseconds().count()));
  return out.data();
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\')
      out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('\'');
  return out;
}

} // namespace

std::optional<batch_call> call_on(const batch_request& job, const batch::Target& to,
                                  const std::string& request_id) {
  switch (job.operation_case()) {
    case batch_request::kTerminationOperation:
      return terminate(job, to);
    case batch_request::kSignalOperation:
      return signal(job, to, request_id);
    case batch_request::kCancellationOperation:
      return cancel(job, to, request_id);
    case batch_request::kDeletionOperation:
      return erase(job, to);
    case batch_request::kUpdateWorkflowOptionsOperation:
      return update_options(job, to);
    case batch_request::kUnpauseActivitiesOperation:
      return unpause(job, to);
    case batch_request::kResetActivitiesOperation:
      return reset_activities(job, to);
    case batch_request::kUpdateActivityOptionsOperation:
      return update_activities(job, to);
    default:
      return std::nullopt;
  }
}

std::string request_id_of(const std::string& batch_run_id, const batch::Target& to) {
  constexpr std::uint64_t begin = 0xCBF2'9CE4'8422'2325U;
  auto of = [&](std::uint64_t hash) {
    return hash_of(hash_of(hash_of(hash, batch_run_id), to.workflow_id()), to.run_id());
  };
  auto high = of(begin);
  auto low = of(~begin);
  std::array<char, 40> out{};
  // Of version 8: made as its maker likes.
  std::snprintf(out.data(), out.size(), "%08x-%04x-8%03x-%04x-%012llx",
                static_cast<unsigned>(high >> 32U), static_cast<unsigned>(high >> 16U & 0xFFFFU),
                static_cast<unsigned>(high & 0xFFFU),
                static_cast<unsigned>(low >> 48U & 0x3FFFU) | 0x8000U,
                static_cast<unsigned long long>(low & 0xFFFF'FFFF'FFFFU));
  return out.data();
}

std::string list_query(const batch_request& job, time_point began) {
  // A comment at the query's end ends with its line.
  auto out = "(" + job.visibility_query() + "\n) AND StartTime <= '" + rfc3339(began) + "'";
  // A list has the open runs first, so those that a reset ended would come again among the others.
  if (job.has_reset_operation())
    out += " AND NOT (ExecutionStatus = 'Terminated' AND CloseTime >= '" + rfc3339(began) + "')";
  else if (!job.has_deletion_operation())
    out += " AND ExecutionStatus = 'Running'";
  const auto& unpause = job.unpause_activities_operation();
  if (job.has_unpause_activities_operation() && unpause.has_type())
    out += " AND TemporalPauseInfo = " + quoted("property:activityType=" + unpause.type());
  return out;
}

std::int64_t count_named(const batch_request& job) {
  return std::max(job.executions_size(), job.target_executions_size());
}

std::vector<batch::Target> named_targets(const batch_request& job, std::int64_t place,
                                         std::size_t most) {
  std::vector<batch::Target> out;
  for (auto i = std::max<std::int64_t>(place, 0); i < count_named(job) && out.size() < most; ++i) {
    auto at = static_cast<int>(i);
    auto& target = out.emplace_back();
    if (job.executions_size() > 0) {
      target.set_workflow_id(job.executions(at).workflow_id());
      target.set_run_id(job.executions(at).run_id());
    } else {
      target.set_workflow_id(job.target_executions(at).business_id());
      target.set_run_id(job.target_executions(at).run_id());
    }
  }
  return out;
}

batch_verdict verdict_on(const error& why) {
  switch (why.code) {
    case errc::not_found:
      // Somebody else was faster: what is over needs nothing.
      return batch_verdict::done;
    case errc::invalid_argument:
    case errc::failed_precondition:
    case errc::already_exists:
    case errc::permission_denied:
    case errc::unimplemented:
    case errc::out_of_range:
      return batch_verdict::failed;
    default:
      return batch_verdict::again;
  }
}

batch_verdict verdict_on_absence(const batch_request& job) {
  // Where a history has to be looked at, there has to be one.
  const auto& reset = job.reset_operation();
  auto looks = job.has_reset_operation()
               && (!reset.has_options() || reset.options().has_first_workflow_task()
                   || reset.options().has_last_workflow_task());
  return looks ? batch_verdict::failed : batch_verdict::done;
}

} // namespace reprise::frontend
