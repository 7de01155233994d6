#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_started(execution& x, const history_event& event);
void fold_closed(execution& x, const history_event& event);
void fold_options_updated(execution& x, const history_event& event);
void fold_options_on_arrival(execution& x, const history_event& event);
void reapply_options(transition& t, const history_event& event);
void fold_created(execution& x, const journal::Fact& fact);
void fold_request_id(execution& x, const journal::Fact& fact);

command_result complete_workflow(transition& t, const api::command::v1::Command& command,
                                 completion& c);
command_result fail_workflow(transition& t, const api::command::v1::Command& command,
                             completion& c);
command_result cancel_workflow(transition& t, const api::command::v1::Command& command,
                               completion& c);
command_result continue_as_new(transition& t, const api::command::v1::Command& command,
                               completion& c);

step decide_start(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                  const context& c);
step decide_signal_with_start(std::optional<execution>&& current,
                              const cluster::ExecutionRequest& request, const context& c);
step decide_terminate(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c);
step decide_delete(execution&& current, const cluster::ExecutionRequest& request, const context& c);
step decide_update_options(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c);
step decide_describe(execution&& current, const cluster::ExecutionRequest& request,
                     const context& c);

std::optional<time_point> run_deadline(const execution& x);
void time_out_run_if_due(transition& t, due_budget& budget);
void describe_callbacks(const execution& x, const context& c,
                        service::DescribeWorkflowExecutionResponse& out);

inline constexpr const char* no_pause = "workflows are not paused yet";

inline constexpr std::array workflow_events{
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, .fold = fold_started},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
             .fold = fold_closed,
             .closes_as = enums::WORKFLOW_EXECUTION_STATUS_COMPLETED},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
             .fold = fold_closed,
             .closes_as = enums::WORKFLOW_EXECUTION_STATUS_FAILED},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
             .fold = fold_closed,
             .closes_as = enums::WORKFLOW_EXECUTION_STATUS_TIMED_OUT},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
             .fold = fold_closed,
             .closes_as = enums::WORKFLOW_EXECUTION_STATUS_CANCELED},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
             .fold = fold_closed,
             .closes_as = enums::WORKFLOW_EXECUTION_STATUS_TERMINATED},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
             .fold = fold_closed,
             .closes_as = enums::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
             .fold = fold_options_updated,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_options_on_arrival,
             .reapply = reapply_options},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED,
             .while_started = buffering::waits,
             .left_out = no_pause},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED,
             .while_started = buffering::waits,
             .left_out = no_pause},
  event_rule{.type = enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
             .while_started = buffering::waits,
             .left_out = "time is not skipped: a start that asks for it is refused"},
};

inline constexpr std::array workflow_commands{
  command_rule{.type = enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
               .apply = complete_workflow,
               .closes = true},
  command_rule{.type = enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
               .apply = fail_workflow,
               .closes = true},
  command_rule{.type = enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
               .apply = cancel_workflow,
               .closes = true},
  command_rule{.type = enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
               .apply = continue_as_new,
               .closes = true},
};

inline constexpr std::array workflow_facts{
  fact_rule{.type = journal::Fact::kCreated, .fold = fold_created},
  fact_rule{.type = journal::Fact::kRequestId, .fold = fold_request_id},
};

inline constexpr std::array workflow_requests{
  request_rule{.type = cluster::ExecutionRequest::kReset,
               .left_out = "decided with the current run beside the one that is named (reset.cpp)"},
  request_rule{.type = cluster::ExecutionRequest::kStart, .decide_any = decide_start},
  request_rule{.type = cluster::ExecutionRequest::kSignalWithStart,
               .decide_any = decide_signal_with_start},
  request_rule{.type = cluster::ExecutionRequest::kTerminate, .decide = decide_terminate},
  request_rule{.type = cluster::ExecutionRequest::kDeleteExecution, .decide = decide_delete},
  request_rule{.type = cluster::ExecutionRequest::kUpdateOptions, .decide = decide_update_options},
  request_rule{.type = cluster::ExecutionRequest::kDescribe,
               .decide = decide_describe,
               .reads = true},
};

inline constexpr feature workflow_feature{.events = workflow_events,
                                          .commands = workflow_commands,
                                          .facts = workflow_facts,
                                          .requests = workflow_requests,
                                          .next_deadline = run_deadline,
                                          .wake = time_out_run_if_due,
                                          .describe = describe_callbacks};

} // namespace reprise::engine
