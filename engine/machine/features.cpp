#include "engine/machine/features.hpp"

#include "engine/activity/rules.hpp"
#include "engine/cancel/rules.hpp"
#include "engine/child/rules.hpp"
#include "engine/external/rules.hpp"
#include "engine/machine/enumerators.hpp"
#include "engine/machine/rules.hpp"
#include "engine/marker/rules.hpp"
#include "engine/nexus/rules.hpp"
#include "engine/outbox/rules.hpp"
#include "engine/properties/rules.hpp"
#include "engine/signal/rules.hpp"
#include "engine/task/rules.hpp"
#include "engine/timer/rules.hpp"
#include "engine/update/rules.hpp"
#include "engine/workflow/rules.hpp"

namespace reprise::engine {

namespace {

/// Deadlines that have passed are looked at in this order: one of the whole run before those of
/// what is in it.
constexpr std::array all{
  &workflow_feature,   //
  &task_feature,       //
  &timer_feature,      //
  &activity_feature,   //
  &signal_feature,     //
  &cancel_feature,     //
  &child_feature,      //
  &external_feature,   //
  &update_feature,     //
  &nexus_feature,      //
  &marker_feature,     //
  &properties_feature, //
  &outbox_feature,     //
  &machine_feature,    //
};

/// The rows of all features by their type.
template <class Rule, std::size_t Count, auto Rows>
consteval std::array<Rule, Count> table() {
  std::array<Rule, Count> out{};
  std::array<bool, Count> seen{};
  for (const auto* f : all)
    for (const auto& rule : f->*Rows) {
      auto i = static_cast<std::size_t>(rule.type);
      if (seen[i])
        throw "two features claim the same";
      seen[i] = true;
      out[i] = rule;
    }
  return out;
}

// -- complete? ------------------------------------------------------------------------------------

// Each of these gives the first type whose row is missing or wrong, as a number; -1: none is.

consteval bool says_what_it_does(const event_rule& rule) {
  return (rule.fold == nullptr) != (rule.left_out == nullptr);
}

consteval bool says_what_it_does(const command_rule& rule) {
  return (rule.apply == nullptr) != (rule.left_out == nullptr);
}

consteval bool says_what_it_does(const fact_rule& rule) {
  return (rule.fold == nullptr) != (rule.left_out == nullptr);
}

consteval bool says_what_it_does(const request_rule& rule) {
  auto decides = (rule.decide != nullptr) + (rule.decide_any != nullptr);
  return decides + (rule.left_out != nullptr) == 1;
}

consteval bool says_what_it_does(const message_rule& rule) {
  auto complete = rule.take != nullptr && rule.run_of != nullptr;
  return complete != (rule.left_out != nullptr);
}

template <class Rule, std::size_t Count>
consteval int first_wrong(const std::array<Rule, Count>& table) {
  constexpr auto exists = enumerators<decltype(Rule::type), Count>();
  for (std::size_t i = 0; i < Count; ++i)
    if (says_what_it_does(table[i]) != exists[i])
      return static_cast<int>(i);
  return -1;
}

/// A result knows what it is the result of; what never waits has nothing to do on arrival.
consteval int first_unsound(const std::array<event_rule, enums::EventType_ARRAYSIZE>& table) {
  for (const auto& rule : table) {
    if (rule.left_out != nullptr)
      continue;
    auto waits_in_vain = rule.while_started == buffering::never && rule.fold_on_arrival != nullptr;
    auto lost = (rule.is_begin || rule.set_begin != nullptr) && rule.asked_for_by == nullptr;
    auto rootless = rule.while_started == buffering::waits_as_result && rule.set_begin == nullptr;
    if (waits_in_vain || lost || rootless)
      return rule.type;
  }
  return -1;
}

} // namespace

constexpr std::array<event_rule, enums::EventType_ARRAYSIZE> event_rules
  = table<event_rule, enums::EventType_ARRAYSIZE, &feature::events>();
constexpr std::array<command_rule, enums::CommandType_ARRAYSIZE> command_rules
  = table<command_rule, enums::CommandType_ARRAYSIZE, &feature::commands>();
constexpr std::array<fact_rule, oneof_cases> fact_rules
  = table<fact_rule, oneof_cases, &feature::facts>();
constexpr std::array<request_rule, oneof_cases> request_rules
  = table<request_rule, oneof_cases, &feature::requests>();
constexpr std::array<message_rule, oneof_cases> message_rules
  = table<message_rule, oneof_cases, &feature::messages>();

static_assert(first_wrong(event_rules) == -1);
static_assert(first_wrong(command_rules) == -1);
static_assert(first_wrong(fact_rules) == -1);
static_assert(first_wrong(request_rules) == -1);
static_assert(first_wrong(message_rules) == -1);
static_assert(first_unsound(event_rules) == -1);

std::span<const feature* const> features() {
  return all;
}

} // namespace reprise::engine
