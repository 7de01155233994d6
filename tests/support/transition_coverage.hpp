#pragma once

// Which transitions of the engine's tables the tests of a process took: every event and command in
// every state in which it can come, every request in any state. The fixture notes what it sees;
// tests/engine/main.cpp prints what nobody saw.

#include "engine/engine.hpp"
#include "engine/machine/features.hpp"
#include "protocol/parse_stored.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace reprise::testing {

/// Where a run stands: what decides about an entry is its workflow task first of all.
enum class stage : std::uint8_t {
  none,
  held_back,
  idle,
  waiting,
  waiting_again,
  started,
  started_again,
  taken_back,
  closed,
};

inline constexpr std::array stage_names{"none",          "held_back",     "idle",
                                        "waiting",       "waiting_again", "started",
                                        "started_again", "taken_back",    "closed"};

inline stage stage_of(const engine::execution& x) {
  if (x.status() == engine::enums::WORKFLOW_EXECUTION_STATUS_UNSPECIFIED)
    return stage::none;
  if (!engine::is_open(x))
    return stage::closed;
  const auto& task = x.workflow_task();
  if (task.scheduled_event_id() == 0)
    return x.created().has_first_task_at() ? stage::held_back : stage::idle;
  if (task.taken_back())
    return stage::taken_back;
  if (task.started_event_id() == 0)
    return task.transient() ? stage::waiting_again : stage::waiting;
  return task.transient() ? stage::started_again : stage::started;
}

/// The stages in which an event can come: what no run can get into is no gap of the tests. An event
/// that is of no run here comes in none.
inline std::vector<stage> stages_of(engine::enums::EventType type) {
  using enum stage;
  namespace enums = engine::enums;
  const auto& rule = engine::rule_of(type);
  if (rule.left_out != nullptr)
    return {};
  // Signals, cancels and options come from outside, whenever the run is open.
  std::vector open{held_back, idle, waiting, waiting_again, started, started_again, taken_back};
  // What a task asked for begins and ends behind that task.
  std::vector behind_first_task{idle, waiting, waiting_again, started, started_again, taken_back};
  switch (type) {
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
      return {none};
    // A later attempt's is written by its answer, and earlier when events came in between.
    case enums::EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
      return {held_back, idle, waiting_again, started_again};
    case enums::EVENT_TYPE_WORKFLOW_TASK_STARTED:
      return {waiting};
    case enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
      return {started};
    case enums::EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
      return {waiting, started};
    case enums::EVENT_TYPE_WORKFLOW_TASK_FAILED:
      return {started, taken_back};
    // A close from outside ends a started task first.
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
      return {held_back, idle, waiting, waiting_again};
    // Only a reset admits by an event.
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:
      return {};
    default:
      break;
  }
  if (rule.while_started == engine::buffering::never)
    return {idle};
  return rule.asked_for_by != nullptr || type == enums::EVENT_TYPE_TIMER_FIRED ? behind_first_task
                                                                               : open;
}

/// How a completion's command ended.
enum class command_end : std::uint8_t {
  applied,
  refused
};

class transition_coverage {
public:
  /// Of this process.
  static transition_coverage& all() {
    static transition_coverage one;
    return one;
  }

  void request(const engine::execution* before, const cluster::ExecutionRequest& r) {
    auto at = before == nullptr ? stage::none : stage_of(*before);
    requests_.insert({static_cast<int>(r.body_case()), at});
  }

  /// The entries that a step wrote, each in the state that it met.
  void entries(engine::execution x, const engine::record& written) {
    journal::Facts facts;
    temporal::api::history::v1::History history;
    if (!protocol::parse_stored(facts, written.facts)
        || !protocol::parse_stored(history, written.events))
      return;
    int next = 0;
    auto fold = [&](int count) {
      for (; count > 0 && next < history.events_size(); --count) {
        events_.insert({history.events(next).event_type(), stage_of(x)});
        engine::evolve(x, history.events(next++));
      }
    };
    for (const auto& fact : facts.facts()) {
      if (fact.has_buffered_event())
        events_.insert({fact.buffered_event().event_type(), stage_of(x)});
      if (fact.fact_case() == journal::Fact::kPublicEvents)
        fold(fact.public_events());
      else
        engine::evolve(x, fact);
    }
    fold(history.events_size());
  }

  /// A completion that was decided. Which command a refusal is about is certain when it has but
  /// one.
  void commands(const engine::execution& before, const cluster::ExecutionRequest& r,
                const engine::step& done) {
    const auto& commands = r.complete_workflow_task().commands();
    auto refused = done.answer.failure && done.answer.failure->code == errc::invalid_argument;
    if ((done.answer.failure && !refused) || (refused && commands.size() != 1))
      return;
    auto end = refused ? command_end::refused : command_end::applied;
    for (const auto& command : commands)
      commands_.insert(
        {command.command_type(), stage_of(before), before.buffered_events_size() > 0, end});
  }

  /// What no test has done, one line each, and what a test has done though nothing can.
  std::vector<std::string> gaps() const {
    std::vector<std::string> out;
    each_request(out);
    each_event(out);
    each_command(out);
    return out;
  }

private:
  struct command_seen {
    int type = 0;
    stage at{};
    bool unseen_events = false;
    command_end end{};
    auto operator<=>(const command_seen&) const = default;
  };

  void each_request(std::vector<std::string>& out) const {
    const auto* body = cluster::ExecutionRequest::descriptor()->FindOneofByName("body");
    for (int i = 0; i < body->field_count(); ++i) {
      auto number = body->field(i)->number();
      auto type = static_cast<cluster::ExecutionRequest::BodyCase>(number);
      if (engine::rule_of(type).left_out != nullptr)
        continue;
      for (std::size_t at = 0; at < stage_names.size(); ++at)
        if (!requests_.contains({number, static_cast<stage>(at)}))
          out.push_back("request " + body->field(i)->name() + " in " + stage_names[at]);
    }
  }

  void each_event(std::vector<std::string>& out) const {
    for (const auto& rule : engine::event_rules) {
      if (!engine::enums::EventType_IsValid(rule.type))
        continue;
      auto possible = stages_of(rule.type);
      const auto& name = engine::enums::EventType_Name(rule.type);
      for (std::size_t at = 0; at < stage_names.size(); ++at) {
        auto can = std::ranges::find(possible, static_cast<stage>(at)) != possible.end();
        auto seen = events_.contains({rule.type, static_cast<stage>(at)});
        if (can != seen)
          out.push_back("event " + name + " in " + stage_names[at]
                        + (can ? "" : ": seen, though it cannot come"));
      }
    }
  }

  void each_command(std::vector<std::string>& out) const {
    for (const auto& rule : engine::command_rules) {
      if (rule.apply == nullptr)
        continue;
      for (auto at : {stage::started, stage::started_again})
        for (auto unseen : {false, true})
          for (auto end : {command_end::applied, command_end::refused}) {
            auto applied = end == command_end::applied;
            // Unseen events forbid a close, unless a command before it takes them back.
            if (applied && rule.closes && unseen)
              continue;
            auto can = !applied || rule.not_served == nullptr;
            if (can != commands_.contains({rule.type, at, unseen, end}))
              out.push_back("command " + engine::enums::CommandType_Name(rule.type) + " in "
                            + stage_names[static_cast<std::size_t>(at)]
                            + (unseen ? " behind unseen events" : "")
                            + (applied ? " applied" : " refused")
                            + (can ? "" : ": seen, though it cannot be"));
          }
    }
  }

  std::set<std::pair<int, stage>> requests_;
  std::set<std::pair<int, stage>> events_;
  std::set<command_seen> commands_;
};

} // namespace reprise::testing
