#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_task_scheduled(execution& x, const history_event& event);
void fold_task_started(execution& x, const history_event& event);
void fold_task_completed(execution& x, const history_event& event);
void fold_task_ended(execution& x, const history_event& event);
void fold_task_failed(execution& x, const history_event& event);
void fold_workflow_task(execution& x, const journal::Fact& fact);
void fold_sticky(execution& x, const journal::Fact& fact);
void fold_header(execution& x, const journal::Fact& fact);

step decide_start_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                                const context& c);
step decide_complete_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                                   const context& c);
step decide_fail_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                               const context& c);
step decide_reset_sticky(execution&& current, const cluster::ExecutionRequest& request,
                         const context& c);
std::int64_t events_of_completion(const execution& x, const cluster::ExecutionRequest& request,
                                  const limits& bounds);

std::optional<time_point> next_task_deadline(const execution& x);
void wake_task(transition& t, due_budget& budget);
std::optional<time_point> undelivered_task_since(const execution& x);
void append_undelivered_task(const execution& x, time_point now, std::vector<cluster::Task>& out);
void describe_task(const execution& x, const context& c,
                   service::DescribeWorkflowExecutionResponse& out);

inline constexpr std::array task_events{
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, .fold = fold_task_scheduled},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_TASK_STARTED, .fold = fold_task_started},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED, .fold = fold_task_completed},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, .fold = fold_task_ended},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_TASK_FAILED, .fold = fold_task_failed},
};

inline constexpr std::array task_facts{
  fact_rule{.type = journal::Fact::kWorkflowTask, .fold = fold_workflow_task},
  fact_rule{.type = journal::Fact::kSticky, .fold = fold_sticky},
  fact_rule{.type = journal::Fact::kHeader, .fold = fold_header},
};

inline constexpr std::array task_requests{
  request_rule{.type = cluster::ExecutionRequest::kStartWorkflowTask,
               .decide = decide_start_workflow_task,
               .otherwise = without_run::obsolete},
  request_rule{.type = cluster::ExecutionRequest::kCompleteWorkflowTask,
               .decide = decide_complete_workflow_task,
               .events_at_most = events_of_completion},
  request_rule{.type = cluster::ExecutionRequest::kFailWorkflowTask,
               .decide = decide_fail_workflow_task},
  request_rule{.type = cluster::ExecutionRequest::kResetSticky, .decide = decide_reset_sticky},
};

inline constexpr feature task_feature{.events = task_events,
                                      .facts = task_facts,
                                      .requests = task_requests,
                                      .next_deadline = next_task_deadline,
                                      .wake = wake_task,
                                      .undelivered_since = undelivered_task_since,
                                      .undelivered = append_undelivered_task,
                                      .describe = describe_task};

} // namespace reprise::engine
