#pragma once

#include "actors/history_pager.hpp"
#include "actors/hosted_run.hpp"
#include "actors/outcome.hpp"
#include "actors/query_registry.hpp"
#include "actors/services.hpp"
#include "base/ids.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace reprise::actors {

/// What a slot gives an execution that it spawns.
struct execution_options {
  services& shared;
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

/// A workflow id as an actor: its current run, and a few older ones that late calls named. Decides
/// calls with the engine and hands what comes of them to the writer (or, when nothing was written,
/// straight to its slot). State runs ahead of the store; nothing leaves before it is durable, since
/// everything leaves through the slot. Dies when it throws; never blocks; lives in its slot's care.
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

  void on_call(call_ptr& c);
  void on_loaded(loaded_run& loaded);
  void on_current_loaded(loaded_run& loaded);
  void on_older_loaded(loaded_run& loaded);

  store_job load_job(const std::string& run_id);
  std::unique_ptr<hosted_run> host(loaded_run& loaded);
  void load_current();
  void load_older(const std::string& run_id, const call_ptr& c);

  void handle(const call_ptr& c);
  void route(const call_ptr& c);
  void decide(const call_ptr& c, hosted_run* run);
  void decide_transition(const call_ptr& c, hosted_run* run, const namespace_entry& ns);
  void answer_history(const call_ptr& c, hosted_run* run);
  void answer_describe(const call_ptr& c, hosted_run* run, const namespace_entry& ns);
  void answer_unpark(const call_ptr& c, const hosted_run* run);
  void do_chore(const call_ptr& c);

  // -- queries (execution_queries.cpp)
  // -------------------------------------------------------------------
  void answer_query(const call_ptr& c, const hosted_run* run);
  void start_query_task(const call_ptr& c, const hosted_run* run);
  void complete_query(const call_ptr& c);
  void take_back_query(const call_ptr& c);
  void refuse_query(const call_ptr& c);
  /// What a transition means for the queries, and time for those that waited too long. `run`: the
  /// one that it changed, if any.
  void queries_after(outcome& out, engine::step& step, const hosted_run* run);
  void add_queries(outcome& out, query_step done);

  /// The writes of a step; moves runs to where they belong afterwards.
  void write_step(outcome& out, engine::step& step, hosted_run* run, const namespace_entry& ns);
  /// True when the answer is made, and its history ends with it; else a reader makes it, or more
  /// pages follow. (A task that was loaded from the store with this life is handed out so: that
  /// a start may be lost happens to it once.)
  bool add_answer(outcome& out, engine::step& step, hosted_run* run);
  bool add_page(outcome& out, page_plan plan, const hosted_run& run);
  void keep_older(std::unique_ptr<hosted_run> run);
  hosted_run* find_run(const std::string& run_id);

  outcome_ptr make_outcome(const call_ptr& c);
  void reply(outcome& out, cluster::Reply r);
  void fail(const call_ptr& c, const error& e, bool try_again = false);
  void deliver(outcome_ptr out);
  /// Estimated, of all runs; there is a current one.
  std::size_t resident_bytes();
  engine::context make_context(const namespace_entry& ns);

  services& shared_;
  execution_options options_;
  seeded_ids ids_;
  phase phase_ = phase::unknown;
  bool dead_ = false;
  /// A run was loaded: the slot shall hear of it, and of its memory, with the next outcome.
  bool news_due_ = false;
  std::uint64_t appends_ = 0;
  /// Bytes written since the slot last heard of this execution's memory.
  std::size_t unreported_ = 0;
  query_registry queries_;
  std::unique_ptr<hosted_run> current_;
  std::vector<std::unique_ptr<hosted_run>> older_;
  /// For the current run.
  std::vector<call_ptr> waiting_;
  std::vector<waiting_call> waiting_for_older_;
};

} // namespace reprise::actors
