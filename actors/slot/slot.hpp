#pragma once

#include "actors/node/alarms.hpp"
#include "actors/node/services.hpp"
#include "actors/slot/sent_messages.hpp"
#include "actors/slot/slot_entry.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace reprise::actors {

/// Owner of one slot. Spawns an execution when a call needs it, gives it the calls, and releases
/// what comes of them when it is durable: replies, offers to queues, deadlines, long polls
/// (invariant 2). Keeps every call until its outcome is here, so calls survive the death of an
/// execution: those that it did not decide go to the next one. Never blocks. Should it die, its
/// supervisor begins it anew: without calls, and under a higher epoch.
class slot final : public slot_actor::base {
public:
  /// How long a workflow task's start may stay in memory alone while its worker is at work. A crash
  /// within that time costs the task's work, which is done again.
  static constexpr duration early_start_max = std::chrono::seconds{1};

  slot(caf::actor_config& config, services& shared, store::slot_id number);

  behavior_type make_behavior() override;
  /// Lets its executions go (they hold their slot, so neither would ever be freed) and takes back
  /// what it added to the node's numbers. Callers and queues hear of it from the supervisor.
  void on_exit() override;

private:
  /// How often a message made its receiver fail.
  struct failing_message {
    outbox::Address to{};
    int times = 0;
  };

  // -- calls (slot.cpp)
  // -------------------------------------------------------------------------------
  void accept(call_ptr c);
  /// Who stands here for the node that has the slot now; null: this one has it, or nobody knows.
  const slot_actor* elsewhere() const;
  /// A call that came when the slot was another node's already.
  bool pass_on(const call_ptr& c);
  /// Those of this entry, none of which was decided; what is for nobody else is refused.
  void pass_on_all(entry& e);
  /// A bound protects against clients: work of our own (hand-outs, wakes, offers) is taken always.
  /// What it would pass, or null.
  counter* full_bound(const entry& e, const call& c) const;
  void admit(entry& e, const call_ptr& c);
  void add_call(entry& e, const call_ptr& c);
  void count(entry& e, call& c);
  static void uncount(entry& e, call& c);
  /// `ticket`: of the timer, whose work it is then.
  void accept_internal(cluster::ExecutionRequest&& request, std::uint64_t ticket = 0);
  /// A request of our own to this actor.
  static cluster::ExecutionRequest request_to(const std::string& namespace_id, machine_kind kind,
                                              const std::string& id);
  static cluster::ExecutionRequest request_to(const entry& e);
  void on_cancel(std::uint64_t id, const bridge_actor& from);
  void on_refuse(cluster::Task& task, bool sticky);
  void on_query_gave_way(cluster::Task& task);
  void write_backlog(cluster::Task& task);
  void on_returned(returned_task_ptr task);
  /// Until there is an epoch.
  void keep_early(returned_task_ptr task);
  /// Of an epoch that was just told.
  void take_back_early();
  void end_return(const outcome& x);
  void keep_returned(call& c);
  void take_back_again(entry& e);
  void on_wake(const std::string& namespace_id, machine_kind kind, const std::string& id,
               std::string& run_id, std::uint64_t ticket);
  void on_reoffer(cluster::ExecutionRequest&& request, std::string& queue, std::uint64_t ticket);
  void forward(entry& e, const call_ptr& c);
  /// Ends a call that no execution decided. Whoever asked for this server comes again.
  void refuse(const call_ptr& c, const error& why);
  void on_tick(std::uint64_t ticket);
  void on_trim();

  // -- orders (slot_orders.cpp)
  // -----------------------------------------------------------------------------------------
  void on_order(const run_order_ptr& order);
  void carry_out(entry& e);
  void end_order(const outcome& x);
  void review(const run_order_ptr& order);

  // -- outcomes (slot_release.cpp)
  // -----------------------------------------------------------------------
  void on_outcomes(outcome_ptr first);
  void on_outcome(const outcome_ptr& x);
  void on_committed(entry& e, const outcome_ptr& x);
  void on_read(entry& e, const outcome_ptr& x);
  void start_load(outcome& x);
  void remove_call(entry& e, call& c);
  void refuse_all(entry& e, const error& why);
  void on_backlog_written(const outcome& x);
  /// `leased`: what it reads may be told.
  void release(entry& e, outcome& x, bool leased);
  void note_early_start(entry& e, const outcome& x);
  void release_answers(entry& e, outcome& x, bool leased);
  void read_answer(answer a);
  void wait_for_next_try(entry& e, const call& c);
  void keep_caller(entry& e, const call_ptr& c);
  /// False when the task's queue is not to be had.
  bool offer(cluster::Task task);
  void tell_asker(const entry& e, outcome& x, bool leased);
  void take_news(entry& e, effects& fx);
  /// Leaves the deadline of a run that is not the current one to the timer.
  void arm(const entry& e, const run_news& older);
  void add_poll(entry& e, const call_ptr& c, engine::event_wait until);
  void wake_polls(entry& e, const run_news& news);
  void expire_polls(entry& e, time_point now);
  void note_memory(entry& e, const outcome& x);

  // -- messages between durable actors (slot_messages.cpp)
  // -----------------------------------------------------------------------------------
  void send_messages(const entry& e, outcome& x);
  void send_due_messages();
  void ask_for_messages(const sent_messages::question& about);
  void ask_again_for_messages(const call& c);
  /// Of an append that may be durable.
  void ask_for_lost_messages(const entry& e, const outcome& x);
  void on_peer(std::uint64_t from_slot, cluster::ExecutionRequest& request);
  void on_delivery(std::uint64_t from_slot, cluster::ExecutionRequest& request);
  void look_up(std::uint64_t from_slot, cluster::ExecutionRequest request);
  void on_looked_up(inbox_look& look);
  void take_from_peer(std::uint64_t from_slot, cluster::ExecutionRequest& request);
  /// What a peer's call comes to, once that is durable.
  void end_peer_call(outcome& x);
  void drop_peer_call(call& c);
  void count_failure(const call& c);
  void end_failure(const std::string& id, const failing_message& failing);
  void forget_failures(const entry& e);
  void forget_failures();
  void answer_sender(const outbox::Address& to, outbox::Answered answered);
  void tell_to_forget(store::slot_id slot, std::string message_id);
  void send_forgets();
  void write_forgets(const cluster::Forget& forget);
  /// When messages are to be looked at next.
  std::optional<time_point> messages_due() const;
  void forget_messages();

  // -- lives of executions (slot_lives.cpp)
  // ----------------------------------------------------------------
  void spawn_execution(entry& e);
  void on_down(const caf::down_msg& m);
  void count_death(entry& e);
  void on_failed(entry& e, const outcome_ptr& x);
  void on_lost_rows(const entry& e);
  /// `crashed`: something went wrong; else the execution has to begin anew in the course of things.
  void begin_dying(entry& e, bool crashed = true);
  void ask_again(entry& e);
  /// Gives a start that is not durable to the next life, which writes it, or offers its task again.
  void hand_on(entry& e, early_start early);
  void end_life(entry& e);
  /// The slot itself ends: nothing of this entry is anybody's concern any more. Allocates nothing.
  void let_go(entry& e);
  /// The rest of that; what there is no memory for is left out.
  void send_away(const entry& e);
  void retry_later(entry& e);
  /// Goes on with a dying entry as soon as nothing of its old life is under way.
  void settle(entry& e);
  void park(entry& e);
  void unpark(entry& e);
  /// True when it is decided again.
  bool again_or_refuse(entry& e, const call_ptr& c, store::commit_status why);
  void passivate(entry& e);
  void ask_for(entry& e, call::chore what);
  void flush_early_start(entry& e);
  void forget_early_start(entry& e);
  void drop_actor(entry& e);
  void maybe_forget(entry& e);
  void raise_epoch();
  void on_raised(store::epoch_number seen, store::epoch_number now);
  void on_epoch(store::epoch_number epoch);
  void reschedule(entry& e);
  void arm_tick();
  void touch_use(entry& e);
  void leave_use_order(entry& e);

  services& shared_;
  store::slot_id number_;
  store::epoch_number epoch_ = 0;
  bool raising_ = false;
  /// Tasks that have to be taken back, for when there is an epoch. Should another server have the
  /// slot meanwhile, it finds them started; then they run into their time-outs.
  std::vector<returned_task_ptr> returned_early_;
  entry_map entries_;
  std::unordered_map<caf::actor_id, entry*> by_actor_;
  /// Messages that came, and are being looked up or decided.
  std::set<std::string> arriving_;
  /// Messages that made their receivers fail.
  std::map<std::string, failing_message> failing_;
  sent_messages sent_;
  /// Without a lease nothing is sent (boot time).
  duration sending_pauses_until_{0};
  /// What other slots' inboxes may forget, and when they are told (boot time).
  std::map<store::slot_id, std::vector<std::string>> forgets_;
  std::size_t forgets_count_ = 0;
  std::optional<duration> forgets_at_;
  /// There was no room for a message: a sweep finds it, from then on (boot time).
  std::optional<duration> sweep_at_;
  agenda agenda_;
  alarms alarms_;
  /// Least recently used first.
  std::list<entry*> use_order_;
};

} // namespace reprise::actors
