#pragma once

#include "actors/call/outcome.hpp"
#include "actors/node/services.hpp"
#include "actors/run/gathering.hpp"
#include "actors/run/hosted_run.hpp"
#include "base/ids.hpp"
#include "engine/machine/machine.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace reprise::actors {

/// What a slot gives an execution that it spawns.
struct execution_options {
  services& shared;
  const engine::machine& machine;
  slot_actor slot{};
  store::slot_id slot_number = 0;
  /// The slot's when it was spawned; what it reads and writes belongs to this one. An execution
  /// that outlives its epoch for a moment must not write: its state may be older than the next
  /// owner's.
  store::epoch_number epoch = 0;
  incarnation_ptr who{};
  std::string namespace_id{};
  std::string workflow_id{};
  /// Read the store before the first call, whatever it is. Else a start is decided as if the
  /// workflow id had no run; the store refuses it when that is wrong.
  bool load_first = true;
  /// What the life before held back when it ended.
  early_entry_ptr left{};
};

/// An id as an actor: its current run, and a few older ones that late calls named. Lets the machine
/// of its kind decide calls and hands what comes of them to the writer (or, when nothing was
/// written, straight to its slot). State runs ahead of the store; nothing leaves before it is
/// durable, since everything leaves through the slot. Dies when it throws; never blocks; lives in
/// its slot's care.
class execution final : public execution_actor::base {
public:
  execution(caf::actor_config& config, execution_options options);

  behavior_type make_behavior() override;
  /// From now on it touches nothing that its node owns.
  void on_exit() override;

private:
  enum class phase : std::uint8_t {
    unknown,
    loading,
    known
  };

  struct waiting_call {
    std::string run_id{};
    call_ptr what{};
  };

  /// A caller in the session.
  struct staying {
    engine::caller_number number = 0;
    call_ptr what{};
  };

  void on_call(call_ptr& c);
  void on_loaded(loaded_run& loaded);
  void on_current_loaded(loaded_run& loaded);
  void on_older_loaded(loaded_run& loaded);
  void on_gathered(const gathering_ptr& g);
  void note_copy_in_vain(const gathering& g);

  store_job load_job(const std::string& run_id);
  std::unique_ptr<hosted_run> host(loaded_run& loaded);
  void load_current();
  void load_older(const std::string& run_id, const call_ptr& c);

  /// Has readers read, and copy, what is left; the call is decided again then.
  void gather(const gathering_ptr& g);
  gathering_ptr begin_gathering(const call_ptr& c, engine::inquiry_ptr asked);
  /// Tells the inquiry what only this actor knows. False: readers have to go on.
  bool completes(gathering& g);

  void handle(const call_ptr& c);
  /// What is thrown at the call ends this life, and the call with it: its slot is told so. Whoever
  /// delivers anything of a call does so in here, or a call may seem to be under way for ever.
  template <class Work>
  void guard(const call_ptr& c, Work&& work);
  void route(const call_ptr& c);
  void decide(const call_ptr& c, hosted_run* run);
  void decide_nothing(const call_ptr& c, const hosted_run* run, bool has_record);
  engine::decision ask_machine(const call_ptr& c, hosted_run* run, const namespace_entry& ns,
                               const gathering* known);
  void settle_callers(outcome& out, engine::decision& done);
  void on_gone(std::uint64_t id, const bridge_actor& from);
  void do_chore(const call_ptr& c);

  /// The writes of a decision; moves runs to where they belong afterwards.
  void write_decision(outcome& out, engine::decision& done, hosted_run* run,
                      const engine::namespace_facts& ns, const gathering* known);
  void take_message(outcome& out, engine::message_answer said, const hosted_run* run);
  void write_other(outcome& out, engine::decision& done,
                   const protocol::search_attribute_types& types);
  void begin_successor(outcome& out, engine::decision& done,
                       const protocol::search_attribute_types& types, const gathering* known);
  /// True when the answer is made, and its history ends with it; else a reader makes it, or more
  /// pages follow. (A task that was loaded from the store with this life is handed out so: that
  /// a start may be lost happens to it once.)
  bool add_answer(outcome& out, engine::answer& said, const hosted_run* run);
  void keep_older(std::unique_ptr<hosted_run> run);
  hosted_run* find_run(const std::string& run_id);

  outcome_ptr make_outcome(const call_ptr& c);
  static void add_reply(outcome& out, const call& c, cluster::Reply r);
  /// `where`: it may hold tasks that were started for its caller.
  void reply(outcome& out, cluster::Reply r, cluster::Reply::TaskPlace where);
  void fail(const call_ptr& c, const error& e, bool try_again = false);
  void deliver(outcome_ptr out);
  /// Estimated, of all runs; there is a current one.
  std::size_t resident_bytes();

  services& shared_;
  execution_options options_;
  const engine::machine& machine_;
  seeded_ids ids_;
  phase phase_ = phase::unknown;
  bool dead_ = false;
  /// A run was loaded: the slot shall hear of it, and of its memory, with the next outcome.
  bool news_due_ = false;
  std::uint64_t appends_ = 0;
  /// Bytes written since the slot last heard of this execution's memory.
  std::size_t unreported_ = 0;
  engine::session_bounds room_;
  engine::session_ptr session_;
  engine::caller_number callers_ = 0;
  std::vector<staying> staying_;
  std::unique_ptr<hosted_run> current_;
  std::vector<std::unique_ptr<hosted_run>> older_;
  /// For the current run.
  std::vector<call_ptr> waiting_;
  std::vector<waiting_call> waiting_for_older_;
  /// Of calls that are to be decided once more.
  std::vector<gathering_ptr> gathered_;
};

} // namespace reprise::actors
