#pragma once

#include "engine/machine/command.hpp"
#include "engine/machine/deadlines.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// What the machine knows of a feature: one row for each event, command, fact, request and message
// that is the feature's own, and what it has to say of deadlines, offers, describe. Rows stand in
// `<feature>/rules.hpp`, what they name beside it; features.cpp puts the rows of all features into
// tables and refuses, while compiling, a kind that has no row or two.

namespace reprise::engine {

/// When an event gets its id that comes while a workflow task is started.
enum class buffering : std::uint8_t {
  /// At once: it is of the task, or ends it.
  never,
  /// When the task has ended, in the order of arrival.
  waits,
  /// Then too, behind all others: what it ends must have begun before.
  waits_as_result,
};

/// What an event of one type does to its run.
struct event_rule {
  enums::EventType type{};
  /// Folds it when it has its id.
  void (*fold)(execution& x, const history_event& event) = nullptr;
  buffering while_started = buffering::never;
  /// Folds it when it comes and has to wait for its id; it is folded once more when it has that.
  void (*fold_on_arrival)(execution& x, const history_event& event) = nullptr;
  /// The status of a run that it closes.
  enums::WorkflowExecutionStatus closes_as = enums::WORKFLOW_EXECUTION_STATUS_UNSPECIFIED;
  /// Of what belongs to an earlier event, which asked for it: that event's id.
  std::int64_t (*asked_for_by)(const history_event& event) = nullptr;
  /// It tells that what was asked for has begun: results that waited beside it learn its id.
  bool is_begin = false;
  /// Of a result: writes down the id of the event that told of the begin.
  void (*set_begin)(history_event& event, std::int64_t id) = nullptr;
  /// Of what came to a run from outside: adds it to the run that a reset made, when it came behind
  /// the point of the reset.
  void (*reapply)(transition& t, const history_event& event) = nullptr;
  /// By what a reset may ask to leave it out.
  enums::ResetReapplyExcludeType reapplied_unless = enums::RESET_REAPPLY_EXCLUDE_TYPE_UNSPECIFIED;
  /// Why it does nothing: no run here has such an event.
  const char* left_out = nullptr;
};

/// What a completion may ask for.
struct command_rule {
  enums::CommandType type{};
  /// Validates it and adds its events. A failure throws the whole transition away.
  command_result (*apply)(transition& t, const api::command::v1::Command& command, completion& c)
    = nullptr;
  /// It is the last of its completion.
  bool closes = false;
  /// It is validated, but a sound one fails its task, since this is why the server cannot do it.
  const char* not_served = nullptr;
  /// Why it is no command.
  const char* left_out = nullptr;
};

/// What a private fact does to its run.
struct fact_rule {
  journal::Fact::FactCase type{};
  void (*fold)(execution& x, const journal::Fact& fact) = nullptr;
  /// Why it does nothing to the state.
  const char* left_out = nullptr;
};

/// What a request hears for which there is no run.
enum class without_run : std::uint8_t {
  /// A caller: that there is none.
  not_found,
  /// A queue: that its task is obsolete.
  obsolete,
  /// Whoever waits for nothing.
  nothing,
};

/// How a request is decided.
struct request_rule {
  cluster::ExecutionRequest::BodyCase type{};
  /// Decides it on the run that it names.
  step (*decide)(execution&& current, const cluster::ExecutionRequest& request, const context& c)
    = nullptr;
  /// Instead, for what may begin a run: there need be none.
  step (*decide_any)(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                     const context& c)
    = nullptr;
  without_run otherwise = without_run::not_found;
  /// How many events its transition may write; nothing: no more than that of any request.
  std::int64_t (*events_at_most)(const execution& x, const cluster::ExecutionRequest& request,
                                 const limits& bounds)
    = nullptr;
  /// It writes nothing, whatever the run.
  bool reads = false;
  /// Why the engine does not decide it.
  const char* left_out = nullptr;
};

/// What becomes of messages of one kind to another durable actor, on both sides.
struct message_rule {
  outbox::Message::ContentCase type{};
  /// The run that it is for; empty: the current one.
  const std::string& (*run_of)(const outbox::Message& message) = nullptr;
  /// Decides it at its receiver, on that run, or on none. The step's answer is for the sender.
  step (*take)(std::optional<execution>&& current, const cluster::Delivery& delivery,
               const context& c)
    = nullptr;
  /// The state does not tell a copy from the first one: the receiving id remembers the answer.
  bool (*is_remembered)(const outbox::Message& message) = nullptr;
  /// The event that tells a run of the answer; nothing: it does not wait for it.
  std::optional<history_event> (*event_of)(const execution& x, const outbox::Message& message,
                                           const outbox::Answer& answer, const context& c)
    = nullptr;
  /// What the answer does to a run that has closed meanwhile. The message has left the outbox.
  void (*answered_late)(transition& t, const outbox::Message& message, const outbox::Answer& answer)
    = nullptr;
  /// It may begin a run, whether or not the id has one.
  bool begins = false;
  /// Why this server neither sends nor takes it.
  const char* left_out = nullptr;
};

/// One feature. What it has nothing to say of stays empty.
struct feature {
  std::span<const event_rule> events{};
  std::span<const command_rule> commands{};
  std::span<const fact_rule> facts{};
  std::span<const request_rule> requests{};
  std::span<const message_rule> messages{};

  /// When the open run has to be woken for the feature's sake.
  std::optional<time_point> (*next_deadline)(const execution& x) = nullptr;
  /// Does what is due. The features take turns, in the order of the list (features.cpp).
  void (*wake)(transition& t, due_budget& budget) = nullptr;
  /// How many things may be due at a time.
  std::size_t (*may_be_due)(const execution& x) = nullptr;
  /// Since when the open run has work that no worker was given.
  std::optional<time_point> (*undelivered_since)(const execution& x) = nullptr;
  /// Appends that work, but for what still backs off at `now`.
  void (*undelivered)(const execution& x, time_point now, std::vector<cluster::Task>& out)
    = nullptr;
  /// Its part of describe.
  void (*describe)(const execution& x, const context& c,
                   service::DescribeWorkflowExecutionResponse& out)
    = nullptr;
};

/// An event of another run as it is told to one that a reset made: at a place of its own.
inline history_event told_again(const history_event& event) {
  auto out = event;
  out.clear_event_id();
  out.clear_task_id();
  out.clear_event_time();
  return out;
}

/// Of events that change no state: history has them for its readers.
inline void tells_only(execution&, const history_event&) {
}

} // namespace reprise::engine
