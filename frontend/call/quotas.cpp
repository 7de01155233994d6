#include "frontend/call/quotas.hpp"

#include "frontend/call/errors.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"

#include <algorithm>

namespace reprise::frontend {

namespace enums = temporal::api::enums::v1;

namespace {

using namespace std::string_view_literals;

constexpr std::array lists{"CountActivityExecutions"sv,
                           "CountSchedules"sv,
                           "CountWorkflowExecutions"sv,
                           "ListActivityExecutions"sv,
                           "ListArchivedWorkflowExecutions"sv,
                           "ListBatchOperations"sv,
                           "ListClosedWorkflowExecutions"sv,
                           "ListOpenWorkflowExecutions"sv,
                           "ListSchedules"sv,
                           "ListWorkerDeployments"sv,
                           "ListWorkers"sv,
                           "ListWorkflowExecutions"sv,
                           "ScanWorkflowExecutions"sv};

constexpr std::array changes{"RegisterNamespace"sv, "UpdateNamespace"sv,
                             "UpdateWorkerBuildIdCompatibility"sv, "UpdateWorkerVersioningRules"sv};

constexpr std::array waiting{
  "ExecuteMultiOperation"sv, "GetWorkflowExecutionHistory"sv, "PollActivityTaskQueue"sv,
  "PollNexusTaskQueue"sv,    "PollWorkflowExecutionUpdate"sv, "PollWorkflowTaskQueue"sv,
  "QueryWorkflow"sv,         "UpdateWorkflowExecution"sv};

bool is_in(const auto& all, std::string_view method) {
  return std::ranges::find(all, method) != all.end();
}

rate_limits::group group_of(std::string_view method) {
  if (is_in(lists, method))
    return rate_limits::group::lists;
  return is_in(changes, method) ? rate_limits::group::changes_of_namespaces
                                : rate_limits::group::others;
}

error refused(enums::ResourceExhaustedCause cause, const char* text) {
  temporal::api::errordetails::v1::ResourceExhaustedFailure detail;
  detail.set_cause(cause);
  detail.set_scope(enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  return with_detail(errc::resource_exhausted, text, detail);
}

} // namespace

bool quotas::bucket::take(const rate& most, std::chrono::nanoseconds now) {
  // One call has to fit in, however seldom that is, but for a rate that allows none.
  auto room = *most.per_second > 0 ? std::max(1.0, *most.per_second * most.burst) : 0.0;
  auto passed = at ? std::chrono::duration<double>(now - *at).count() : 0;
  tokens = at ? std::min(room, tokens + *most.per_second * std::max(passed, 0.0)) : room;
  at = now;
  if (tokens < 1)
    return false;
  tokens -= 1;
  return true;
}

quotas::usage& quotas::used_by(const std::string& namespace_name) {
  // Of namespaces that came and went.
  constexpr std::size_t remembered_max = 10'000;
  if (used_.size() >= remembered_max && !used_.contains(namespace_name))
    std::erase_if(used_, [](const auto& known) {
      return std::ranges::all_of(known.second.waiting,
                                 [](const auto& count) { return count.second->load() == 0; });
    });
  return used_[namespace_name];
}

bool quotas::takes_token(const rate_limits& limits, const std::string& namespace_name,
                         std::string_view method, std::chrono::nanoseconds now) {
  auto group = static_cast<std::size_t>(group_of(method));
  const auto& most = limits.rates[group];
  if (!most.per_second)
    return true;
  std::lock_guard lock{mutex_};
  return used_by(namespace_name).rates[group].take(most, now);
}

quotas::call_count quotas::count_of(const std::string& namespace_name, std::string_view method) {
  std::lock_guard lock{mutex_};
  auto& by_method = used_by(namespace_name).waiting;
  auto known = by_method.find(method);
  if (known == by_method.end())
    known
      = by_method.emplace(std::string{method}, std::make_shared<std::atomic<std::size_t>>()).first;
  return known->second;
}

quotas::verdict quotas::admit(const rate_limits& limits, const std::string& namespace_name,
                              std::string_view method, bool waits, std::chrono::nanoseconds now) {
  if (!limits.any())
    return {};
  // First, so that who may not wait has used up no token.
  place kept;
  if (limits.waiting_max && waits && is_in(waiting, method)) {
    auto count = count_of(namespace_name, method);
    auto before = count->fetch_add(1, std::memory_order_acq_rel);
    kept = place{count.get(), [count](void*) { count->fetch_sub(1, std::memory_order_acq_rel); }};
    if (before >= *limits.waiting_max)
      return {.refusal = refused(enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
                                 "namespace concurrent poller limit exceeded")};
  }
  if (!takes_token(limits, namespace_name, method, now))
    return {.refusal = refused(enums::RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT,
                               "namespace rate limit exceeded")};
  return {.kept = std::move(kept)};
}

} // namespace reprise::frontend
