#pragma once

#include "engine/machine/feature.hpp"

#include <array>

namespace reprise::engine {

void fold_message_sent(execution& x, const journal::Fact& fact);
void fold_message_answered(execution& x, const journal::Fact& fact);
void fold_message_rested(execution& x, const journal::Fact& fact);
step decide_deliver(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                    const context& c);
step decide_answered(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                     const context& c);

inline constexpr std::array outbox_facts{
  fact_rule{.type = journal::Fact::kMessageSent, .fold = fold_message_sent},
  fact_rule{.type = journal::Fact::kMessageAnswered, .fold = fold_message_answered},
  fact_rule{.type = journal::Fact::kMessageRested, .fold = fold_message_rested},
};

inline constexpr std::array outbox_requests{
  request_rule{.type = cluster::ExecutionRequest::kDeliver,
               .decide_any = decide_deliver,
               .otherwise = without_run::nothing},
  request_rule{.type = cluster::ExecutionRequest::kAnswered,
               .decide_any = decide_answered,
               .otherwise = without_run::nothing},
  request_rule{.type = cluster::ExecutionRequest::kForget,
               .left_out = "marked by the slot that took the messages: nothing of it is a run's"},
};

inline constexpr std::array outbox_messages{
  message_rule{.type = outbox::Message::CONTENT_NOT_SET, .left_out = "of another version"},
};

inline constexpr feature outbox_feature{.facts = outbox_facts,
                                        .requests = outbox_requests,
                                        .messages = outbox_messages};

} // namespace reprise::engine
