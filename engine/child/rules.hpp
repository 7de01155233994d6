#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result start_child(transition& t, const api::command::v1::Command& command, completion& c);

void fold_child_initiated(execution& x, const history_event& event);
void fold_child_started(execution& x, const history_event& event);
void fold_child_not_started(execution& x, const history_event& event);
void fold_child_over(execution& x, const history_event& event);
std::int64_t child_started_for(const history_event& event);
std::int64_t child_not_started_for(const history_event& event);
std::int64_t child_over_for(const history_event& event);
void set_child_begin(history_event& event, std::int64_t id);
void reapply_child(transition& t, const history_event& event);

const std::string& run_of_start(const outbox::Message& message);
const std::string& run_of_report(const outbox::Message& message);
const std::string& run_of_terminate(const outbox::Message& message);
bool is_remembered_start(const outbox::Message& message);
step take_start(std::optional<execution>&& current, const cluster::Delivery& delivery,
                const context& c);
step take_report(std::optional<execution>&& current, const cluster::Delivery& delivery,
                 const context& c);
step take_terminate(std::optional<execution>&& current, const cluster::Delivery& delivery,
                    const context& c);
step take_withdrawal(std::optional<execution>&& current, const cluster::Delivery& delivery,
                     const context& c);
std::optional<history_event> event_of_start(const execution& x, const outbox::Message& message,
                                            const outbox::Answer& answer, const context& c);
void start_answered_late(transition& t, const outbox::Message& message,
                         const outbox::Answer& answer);
void fold_children_of(execution& x, const journal::Fact& fact);
void fold_over_behind_close(execution& x, const journal::Fact& fact);

void describe_children(const execution& x, const context& c,
                       service::DescribeWorkflowExecutionResponse& out);

/// Of the event that tells of a child's end.
constexpr event_rule child_end(enums::EventType type) {
  return {.type = type,
          .fold = fold_child_over,
          .while_started = buffering::waits_as_result,
          .fold_on_arrival = fold_child_over,
          .asked_for_by = child_over_for,
          .set_begin = set_child_begin,
          .reapply = reapply_child};
}

inline constexpr std::array child_events{
  event_rule{.type = enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
             .fold = fold_child_initiated},
  event_rule{.type = enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED,
             .fold = fold_child_not_started,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_child_not_started,
             .asked_for_by = child_not_started_for,
             .reapply = reapply_child},
  event_rule{.type = enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
             .fold = fold_child_started,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_child_started,
             .asked_for_by = child_started_for,
             .is_begin = true,
             .reapply = reapply_child},
  child_end(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED),
  child_end(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED),
  child_end(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED),
  child_end(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT),
  child_end(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED),
};

inline constexpr std::array child_commands{
  command_rule{.type = enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION, .apply = start_child},
};

inline constexpr std::array child_facts{
  fact_rule{.type = journal::Fact::kChildrenOf, .fold = fold_children_of},
  fact_rule{.type = journal::Fact::kChildOver, .fold = fold_over_behind_close},
};

inline constexpr std::array child_messages{
  message_rule{.type = outbox::Message::kStartChild,
               .run_of = run_of_start,
               .take = take_start,
               .is_remembered = is_remembered_start,
               .event_of = event_of_start,
               .answered_late = start_answered_late,
               .begins = true},
  message_rule{.type = outbox::Message::kChildClosed, .run_of = run_of_report, .take = take_report},
  message_rule{.type = outbox::Message::kTerminate,
               .run_of = run_of_terminate,
               .take = take_terminate},
  message_rule{.type = outbox::Message::kWithdraw, .run_of = run_of_start, .take = take_withdrawal},
};

inline constexpr feature child_feature{.events = child_events,
                                       .commands = child_commands,
                                       .facts = child_facts,
                                       .messages = child_messages,
                                       .describe = describe_children};

} // namespace reprise::engine
