#pragma once

#include "engine/machine/feature.hpp"

#include <array>

// What is of no feature: the places and the buffer of events, wake-ups and offers, and the kinds
// that are none.

namespace reprise::engine {

void fold_buffered_event(execution& x, const journal::Fact& fact);
void fold_dropped_events(execution& x, const journal::Fact& fact);
void fold_transition_end(execution& x, const journal::Fact& fact);

step decide_wake(execution&& current, const cluster::ExecutionRequest& request, const context& c);
step decide_reoffer(execution&& current, const cluster::ExecutionRequest& request,
                    const context& c);
step decide_take_back(execution&& current, const cluster::ExecutionRequest& request,
                      const context& c);
std::int64_t events_of_wake(const execution& x, const cluster::ExecutionRequest& request,
                            const limits& bounds);

inline constexpr std::array machine_events{
  event_rule{.type = enums::EVENT_TYPE_UNSPECIFIED, .left_out = "no event"},
};

inline constexpr std::array machine_commands{
  command_rule{.type = enums::COMMAND_TYPE_UNSPECIFIED, .left_out = "no command: refused whole"},
};

inline constexpr std::array machine_facts{
  fact_rule{.type = journal::Fact::FACT_NOT_SET, .left_out = "of another version"},
  fact_rule{.type = journal::Fact::kPublicEvents, .left_out = "says where a row's events stand"},
  fact_rule{.type = journal::Fact::kBufferedEvent, .fold = fold_buffered_event},
  fact_rule{.type = journal::Fact::kDroppedEvents, .fold = fold_dropped_events},
  fact_rule{.type = journal::Fact::kTransitionEnd, .fold = fold_transition_end},
};

inline constexpr const char* answered_by_actors
  = "answered by the actors around the run: nothing of it is in a journal";

inline constexpr const char* of_another_kind = "asked of durable actors of another kind";

inline constexpr std::array machine_requests{
  request_rule{.type = cluster::ExecutionRequest::BODY_NOT_SET, .left_out = "no request"},
  request_rule{.type = cluster::ExecutionRequest::kWake,
               .decide = decide_wake,
               .otherwise = without_run::nothing,
               .events_at_most = events_of_wake},
  request_rule{.type = cluster::ExecutionRequest::kReoffer,
               .decide = decide_reoffer,
               .otherwise = without_run::nothing},
  request_rule{.type = cluster::ExecutionRequest::kTakeBack,
               .decide = decide_take_back,
               .otherwise = without_run::nothing},
  request_rule{.type = cluster::ExecutionRequest::kGetHistory, .left_out = answered_by_actors},
  request_rule{.type = cluster::ExecutionRequest::kQuery, .left_out = answered_by_actors},
  request_rule{.type = cluster::ExecutionRequest::kCompleteQuery, .left_out = answered_by_actors},
  request_rule{.type = cluster::ExecutionRequest::kStartQueryTask,
               .otherwise = without_run::obsolete,
               .left_out = answered_by_actors},
  request_rule{.type = cluster::ExecutionRequest::kUnpark, .left_out = answered_by_actors},
  request_rule{.type = cluster::ExecutionRequest::kRefuseQuery, .left_out = answered_by_actors},
  request_rule{.type = cluster::ExecutionRequest::kConfigureQueue, .left_out = of_another_kind},
  request_rule{.type = cluster::ExecutionRequest::kReportQueueConfig, .left_out = of_another_kind},
  request_rule{.type = cluster::ExecutionRequest::kStartBatch, .left_out = of_another_kind},
  request_rule{.type = cluster::ExecutionRequest::kStopBatch, .left_out = of_another_kind},
  request_rule{.type = cluster::ExecutionRequest::kDescribeBatch, .left_out = of_another_kind},
  request_rule{.type = cluster::ExecutionRequest::kReportBatch, .left_out = of_another_kind},
};

inline constexpr feature machine_feature{.events = machine_events,
                                         .commands = machine_commands,
                                         .facts = machine_facts,
                                         .requests = machine_requests};

} // namespace reprise::engine
