#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

command_result signal_external(transition& t, const api::command::v1::Command& command,
                               completion& c);
command_result cancel_external(transition& t, const api::command::v1::Command& command,
                               completion& c);

void fold_signal_initiated(execution& x, const history_event& event);
void fold_signal_over(execution& x, const history_event& event);
void fold_cancel_initiated(execution& x, const history_event& event);
void fold_cancel_over(execution& x, const history_event& event);
void reapply_signal_over(transition& t, const history_event& event);
void reapply_cancel_over(transition& t, const history_event& event);
std::int64_t signal_initiated_id(const history_event& event);
std::int64_t cancel_initiated_id(const history_event& event);

const std::string& run_of_signal(const outbox::Message& message);
const std::string& run_of_cancel(const outbox::Message& message);
bool is_remembered_signal(const outbox::Message& message);
bool is_remembered_cancel(const outbox::Message& message);
step take_signal(std::optional<execution>&& current, const cluster::Delivery& delivery,
                 const context& c);
step take_cancel(std::optional<execution>&& current, const cluster::Delivery& delivery,
                 const context& c);
std::optional<history_event> event_of_signal(const execution& x, const outbox::Message& message,
                                             const outbox::Answer& answer, const context& c);
std::optional<history_event> event_of_cancel(const execution& x, const outbox::Message& message,
                                             const outbox::Answer& answer, const context& c);

inline constexpr std::array external_events{
  event_rule{.type = enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
             .fold = fold_signal_initiated},
  event_rule{.type = enums::EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
             .fold = fold_signal_over,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_signal_over,
             .asked_for_by = signal_initiated_id,
             .reapply = reapply_signal_over},
  event_rule{.type = enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
             .fold = fold_signal_over,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_signal_over,
             .asked_for_by = signal_initiated_id,
             .reapply = reapply_signal_over},
  event_rule{.type = enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
             .fold = fold_cancel_initiated},
  event_rule{.type = enums::EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
             .fold = fold_cancel_over,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_cancel_over,
             .asked_for_by = cancel_initiated_id,
             .reapply = reapply_cancel_over},
  event_rule{.type = enums::EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
             .fold = fold_cancel_over,
             .while_started = buffering::waits,
             .fold_on_arrival = fold_cancel_over,
             .asked_for_by = cancel_initiated_id,
             .reapply = reapply_cancel_over},
};

inline constexpr std::array external_commands{
  command_rule{.type = enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
               .apply = signal_external},
  command_rule{.type = enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
               .apply = cancel_external},
};

inline constexpr std::array external_messages{
  message_rule{.type = outbox::Message::kSignal,
               .run_of = run_of_signal,
               .take = take_signal,
               .is_remembered = is_remembered_signal,
               .event_of = event_of_signal},
  message_rule{.type = outbox::Message::kCancel,
               .run_of = run_of_cancel,
               .take = take_cancel,
               .is_remembered = is_remembered_cancel,
               .event_of = event_of_cancel},
};

inline constexpr feature external_feature{.events = external_events,
                                          .commands = external_commands,
                                          .messages = external_messages};

} // namespace reprise::engine
