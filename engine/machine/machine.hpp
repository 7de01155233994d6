#pragma once

#include "engine/machine/context.hpp"
#include "engine/machine/decision.hpp"
#include "engine/machine/listing.hpp"
#include "engine/machine/machine_of.hpp"
#include "engine/machine/run_state.hpp"
#include "engine/machine/session.hpp"
#include "protocol/machine_kind.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reprise::engine {

/// What a shell knows of the world around a run.
class outlook {
public:
  virtual ~outlook() = default;
  /// A worker waited on this queue of the run's namespace at or after that moment.
  virtual bool
  polled_since(const std::string& queue, cluster::Task::Kind kind, time_point since) const
    = 0;
};

/// A request, and what its decision may know besides the state. Lives for one decision.
struct asked {
  /// The session of a caller that stays shares it, and writes into it what the next session has to
  /// know should this one be lost (when the caller's time is over).
  const std::shared_ptr<cluster::ExecutionRequest>& request;
  caller_number caller = 0;
  const context& c;
  const outlook& around;
  const session_bounds& room;
  /// The id's current run, if the request names another one; changed in place like that.
  run_state* current = nullptr;
  /// What an earlier look at the request asked for (decision::asks).
  inquiry_ptr known{};
  /// It was decided before, and what became of that is not known: perhaps it is durable.
  bool again = false;
};

/// What a run is to its shell. The texts are the state's: good until that changes.
struct standing {
  std::string_view namespace_id{};
  std::string_view id{};
  std::string_view run_id{};
  std::int64_t next_event_id = 1;
  /// As the store's head has it: 1 while the run is open.
  int status = 1;
  bool open = true;
  /// Names the task whose start may leave early, as long as there is one; else 0.
  std::int64_t early_task = 0;
};

/// A kind of durable actor: pure functions over one state, which is the fold of a journal. Its
/// shell (slot, execution, loader, timer, writer) knows this interface and bytes. An instance holds
/// nothing and serves all threads.
class machine {
public:
  virtual ~machine() = default;

  virtual machine_kind kind() const noexcept = 0;

  // -- requests -----------------------------------------------------------------------------------

  /// The request may begin a run, whether or not the id has one: its current run is asked.
  virtual bool begins(const cluster::ExecutionRequest& request) const = 0;
  /// The run that the request names; empty: the current one.
  virtual const std::string& run_of(const cluster::ExecutionRequest& request) const = 0;
  /// The request is about what this run, the current one of its id, has in hand, whichever run it
  /// names: the answer to a message that moved into its outbox.
  virtual bool concerns(const run_state& current, const cluster::ExecutionRequest& request) const;
  /// What is wrong with the request whatever the state is; asked before a run is looked for.
  virtual std::optional<error> refusal(const cluster::ExecutionRequest& request) const = 0;
  /// Decides one request. `run`: the one that it names, changed in place to the state behind the
  /// decision; without state when there is none, and it stays so. When this throws, neither state
  /// nor session is to be used any more. A decision that writes nothing is delayed by the shell
  /// until what it read is durable.
  virtual decision decide(run_state& run, session_ptr& held, const asked& q) const = 0;

  // -- the fold -----------------------------------------------------------------------------------

  /// The state before the first row.
  virtual run_state make_state() const = 0;
  /// What it takes in memory.
  virtual std::size_t least_bytes() const noexcept = 0;
  /// Folds one journal row. False when its bytes cannot be understood (the journal is poisoned).
  [[nodiscard]] virtual bool evolve(run_state& run, const record& row) const = 0;
  /// Two transitions that come one behind the other, as one row. Asked only of a machine whose
  /// decisions may leave early.
  virtual record joined(record first, record then) const;

  // -- what a run's shell and the world see of its state ------------------------------------------

  virtual standing standing_of(const run_state& run) const = 0;
  /// The next moment at which the run wants a Wake; nothing when it waits for messages only.
  virtual std::optional<time_point> next_deadline(const run_state& run) const = 0;
  /// Since when the run has work that no worker was given; nothing when it has none.
  virtual std::optional<time_point> undelivered_since(const run_state& run) const = 0;
  /// All tasks that are scheduled and not started; `now` leaves out those that still back off.
  virtual std::vector<cluster::Task> undelivered_tasks(const run_state& run, time_point now) const
    = 0;
  /// What lists and queries are told of the run; `types`: of all search attributes that its
  /// namespace has.
  virtual listing list(const run_state& run, const protocol::search_attribute_types& types) const
    = 0;
};

} // namespace reprise::engine
