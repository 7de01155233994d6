#pragma once

#include "engine/machine/api.hpp"
#include "engine/machine/context.hpp"
#include "engine/machine/step.hpp"

namespace reprise::engine {

/// A step in the making. Owns the run's state while a request is decided: each entry is folded into
/// it at once with evolve(), and written down, so the state at the end is the fold of the entries
/// by construction. Lives on the stack of one decide().
class transition {
public:
  /// Continues a run.
  transition(execution&& state, const context& c);

  const context& ctx() const {
    return context_;
  }

  const execution& state() const {
    return *out_.current;
  }

  // -- entries ------------------------------------------------------------------------------------

  /// Gives the event its id and its time (now, unless it carries one; never before the last
  /// event's), appends it and folds it. Returns its id.
  std::int64_t add_event(history_event event);
  /// The same; but while a workflow task is started, an event that may be buffered becomes a
  /// private fact until flush_buffered. Returns its id, 0 when it was buffered.
  std::int64_t add_or_buffer(history_event event);
  /// Appends a private fact and folds it.
  void add_fact(journal::Fact fact);

  /// Gives all buffered events their ids: first those that are not completions of activities,
  /// children or Nexus operations, then those, each in order of arrival; wires the started ids of
  /// completions. Call when no workflow task is started any more.
  void flush_buffered();

  // -- the workflow task that is nowhere written --------------------------------------------------

  /// The run's speculative task; null when it has none. The first entry of the transition writes it
  /// down, but for a close that no worker is at work for: then it is gone.
  const journal::WorkflowTaskState* speculative() const {
    return speculative_ ? &*speculative_ : nullptr;
  }

  /// The run's workflow task, written or not.
  const journal::WorkflowTaskState& workflow_task() const {
    return speculative_ ? *speculative_ : state().workflow_task();
  }

  /// Replaces the speculative task; nothing: there is none any more, and no trace of it.
  void set_speculative(std::optional<journal::WorkflowTaskState> task);
  /// Makes it a task as any other.
  void write_speculative();

  // -- outputs ------------------------------------------------------------------------------------

  void offer(cluster::Task task);
  /// A message of the outbox leaves with the step.
  void send(outbox::Message message);

  void visibility_changed() {
    out_.visibility_changed = true;
  }

  void obsolete_task() {
    out_.obsolete_task = true;
  }

  void erase() {
    out_.erase = true;
  }

  void may_leave_early() {
    out_.may_leave_early = true;
  }

  void begin_successor(new_run run);

  /// Ends with an answer. The transition must not be used afterwards.
  step finish(reply answer) &&;
  step finish(const google::protobuf::Message& response) &&;
  /// Ends with a refusal. Entries made so far stay (a failed workflow task is both).
  step finish(error refusal) &&;

  /// Gives the state up, with all that was written; what was written is thrown away.
  execution take_state() && {
    return std::move(*out_.current);
  }

  /// Bytes of events and facts so far.
  std::size_t bytes() const {
    return events_.size() + facts_bytes_;
  }

  bool wrote_anything() const {
    return event_count_ > 0 || !facts_.facts().empty();
  }

private:
  execution& mine() {
    return *out_.current;
  }

  void close_event_run();
  record take_record();

  context context_;
  /// Holds the state from the beginning on: it is large, and moving it is work.
  step out_;
  std::string events_;
  std::optional<journal::WorkflowTaskState> speculative_;
  std::int64_t first_event_id_;
  std::int32_t event_count_ = 0;
  /// Public events since the last fact: the run that a Facts.public_events entry stands for.
  std::int32_t events_since_fact_ = 0;
  journal::Facts facts_;
  std::size_t facts_bytes_ = 0;
};

} // namespace reprise::engine
