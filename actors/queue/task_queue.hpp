#pragma once

#include "actors/node/alarms.hpp"
#include "actors/queue/queue_backlog.hpp"
#include "actors/queue/queue_directory.hpp"
#include "actors/queue/queue_rules.hpp"
#include "actors/queue/rate_limit.hpp"
#include "actors/queue/recent_pollers.hpp"
#include "actors/queue/task_buffer.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace reprise::actors {

/// What a reader did for a queue; the queue reads it when a tick tells it to look.
struct backlog_job;

/// Matches the workers that wait on one task queue with its tasks. Holds no truth: it may die at
/// any time (invariant 6). Never blocks; its memory is bounded, what it cannot hold it refuses.
class task_queue final : public queue_actor::base {
public:
  /// How long a worker that was seen on a sticky queue counts as alive.
  static constexpr duration sticky_worker_lives = std::chrono::seconds{10};
  /// What was configured is told when it changes; this heals a message that was lost.
  static constexpr duration reads_rules_every = std::chrono::minutes{1};
  static constexpr duration idle_max = std::chrono::minutes{5};
  /// A hand-out to a slot in another node that is not heard of for so long counts as "later".
  static constexpr duration outcome_within = std::chrono::seconds{10};
  /// How long a queue that was replaced passes messages on.
  static constexpr duration retired_for = std::chrono::minutes{1};

  task_queue(caf::actor_config& config, services& shared, queue_directory& directory,
             queue_hooks& watch, std::shared_ptr<queue_facts> facts);

  behavior_type make_behavior() override;
  /// Not in the destructor: a delayed message may keep the object longer than what it refers to.
  void on_exit() override;

private:
  struct waiter {
    std::uint64_t id = 0;
    bridge_actor from{};
    std::unique_ptr<const cluster::Poll> poll{};
    time_point expires{};
    /// How often a task that it was to have could not be decided.
    unsigned postponed = 0;
  };

  using waiter_key = std::pair<std::uint64_t, caf::actor_id>;

  struct handout {
    waiter who{};
    /// The slot has it, too, until it is known what becomes of it.
    held_task what{};
    bool cancelled = false;
    /// The actor that has it: should that die, no other one has.
    caf::actor_id slot = 0;

    bool is_query() const noexcept {
      return what.task.kind() == cluster::Task::QUERY;
    }
  };

  void on_offer(cluster::Task& task);
  void on_query(cluster::Task& task);
  void drop_oldest_query();
  void on_poll(std::uint64_t id, bridge_actor& from, cluster::Poll& poll);
  void on_cancel(std::uint64_t id, const bridge_actor& from);
  void on_finish(std::uint64_t id, const bridge_actor& from);
  void on_leave(const std::string& worker_instance_key);
  void on_obsolete(std::uint64_t number);
  void on_later(std::uint64_t number);
  /// Told later: it waits here, or gives way to the backlog.
  void keep_back(held_task what, time_point until);
  /// 0: another server may have had all of them.
  void on_slot_lost(caf::actor_id slot);
  /// Of rows that it knows, another server's queue may have erased any.
  void forget_rows();
  void on_taken(std::uint64_t number);
  void on_worker_left();
  void on_describe(std::uint64_t id, const bridge_actor& from, const std::string& request);
  void describe(std::uint64_t id, const bridge_actor& from, const std::string& request);
  void on_configured();
  void on_tick();

  /// Brings everything forward that can go forward; after every message.
  void go();
  void match(time_point now);
  void hand_out(waiter&& who, held_task&& what);
  void refuse(const cluster::Task& task, bool sticky);
  void add_waiter(std::list<waiter>::iterator place, waiter&& w);
  void end_poll(const waiter& w);
  void expire_polls(time_point now);
  void expire_queries(time_point now);
  /// Only the run can decide what becomes of a sticky task, so each one goes back as if it were
  /// offered to a queue that nobody serves.
  void give_back();
  void seen(time_point now);
  /// Nothing: it is over, and the poller may have another one.
  std::optional<handout> take_handout(std::uint64_t number);
  /// Those to nodes that said nothing.
  void expire_handouts(time_point now);
  void finish(const handout& h, time_point now);
  /// The poller of a hand-out that came to nothing is the next one to be served.
  void wait_again(handout& h, time_point now);
  /// Those that were kept back long enough.
  void bring_forward(time_point now);
  cluster::ExecutionRequest start_request(const waiter& who, cluster::Task&& task) const;
  bool has_task() const;
  bool idle() const;
  std::int64_t backlog_count() const;

  void work_on_backlog(time_point now);
  /// Reads what was configured, when that was long ago or has changed.
  void work_on_rules(time_point now);
  void on_rules(backlog_job& job, time_point now);
  void set_rate(time_point now);
  void post(std::shared_ptr<backlog_job> job);
  void on_rows(backlog_job& job, time_point now);
  /// A row was read of a task that is here already.
  void on_row_of_held(const cluster::Task& task, const backlog_place& row, time_point now);
  void take_job_results(time_point now);
  void arm_tick(time_point now);
  void retire_when_idle(time_point now);
  /// To the next queue of this name, when this one is retired; false when there is none to be had.
  template <class... Ts>
  bool pass_on(Ts&&... xs);

  services& shared_;
  const queue_bounds& bounds_;
  queue_directory& directory_;
  queue_hooks& watch_;
  std::shared_ptr<queue_facts> facts_;
  bool retired_ = false;
  /// A sticky queue has no backlog.
  bool sticky_ = false;

  std::list<waiter> waiting_;
  std::map<waiter_key, std::list<waiter>::iterator> waiting_by_key_;
  /// No poll ends before.
  std::optional<time_point> poll_ends_;
  std::map<waiter_key, handout> handed_;
  std::map<std::uint64_t, waiter_key> handed_by_number_;
  std::uint64_t last_handout_ = 0;
  /// By when their slots, which are in other nodes, have told: what they said may be lost.
  std::deque<std::pair<time_point, std::uint64_t>> handed_elsewhere_;
  task_buffer tasks_;
  std::deque<held_task> queries_;
  /// Queries that were handed out in vain, by the time at which they are tried again.
  std::multimap<time_point, held_task> queries_kept_back_;
  std::unordered_set<std::string> held_;

  queue_backlog backlog_;
  std::vector<std::shared_ptr<backlog_job>> jobs_;
  bool counting_ = false;
  /// What this queue added to the metric.
  std::int64_t backlog_shown_ = 0;

  /// What was configured, as of the last time that it was read; false: never yet.
  queue_rules rules_;
  bool rules_known_ = false;
  bool reading_rules_ = false;
  std::uint64_t rules_asked_ = 0;
  time_point read_rules_at_{};
  /// What its workers asked for last.
  std::optional<double> workers_rate_;

  /// Who asked for what is configured while that was being read.
  struct description {
    std::uint64_t id = 0;
    bridge_actor from{};
    std::string request{};
  };

  std::vector<description> asked_for_rules_;
  rate_limit limit_;
  recent_pollers pollers_;
  rate_meter added_;
  rate_meter dispatched_;
  /// How often a worker got no task because the queue, or each of its keys, would have been too
  /// fast.
  rate_meter held_back_;
  time_point last_use_{};
  alarms alarms_;
};

} // namespace reprise::actors
