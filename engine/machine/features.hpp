#pragma once

#include "engine/machine/feature.hpp"

#include <array>
#include <cstddef>
#include <span>

// The tables: by type the rule of every event, command, fact, request and message that there can
// be.

namespace reprise::engine {

/// Numbers of a oneof's fields are below this.
inline constexpr std::size_t oneof_cases = 128;

extern const std::array<event_rule, enums::EventType_ARRAYSIZE> event_rules;
extern const std::array<command_rule, enums::CommandType_ARRAYSIZE> command_rules;
extern const std::array<fact_rule, oneof_cases> fact_rules;
extern const std::array<request_rule, oneof_cases> request_rules;
extern const std::array<message_rule, oneof_cases> message_rules;

/// All features; deadlines that have passed are looked at in this order.
std::span<const feature* const> features();

/// The rule of a kind. One that this version does not know has that of none (0): it does nothing.
template <class Rule, std::size_t Count>
const Rule& rule_in(const std::array<Rule, Count>& table, int type) {
  auto i = static_cast<std::size_t>(type);
  return table[i < Count ? i : 0];
}

inline const event_rule& rule_of(enums::EventType type) {
  return rule_in(event_rules, type);
}

inline const command_rule& rule_of(enums::CommandType type) {
  return rule_in(command_rules, type);
}

inline const fact_rule& rule_of(journal::Fact::FactCase type) {
  return rule_in(fact_rules, type);
}

inline const request_rule& rule_of(cluster::ExecutionRequest::BodyCase type) {
  return rule_in(request_rules, type);
}

inline const message_rule& rule_of(outbox::Message::ContentCase type) {
  return rule_in(message_rules, type);
}

} // namespace reprise::engine
