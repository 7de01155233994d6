#include "actors/queue/task_queue.hpp"

#include "actors/call/errors.hpp"
#include "actors/call/outcome.hpp"
#include "actors/queue/queue_description.hpp"
#include "actors/queue/queue_job.hpp"
#include "base/log.hpp"
#include "engine/machine/proto_time.hpp"
#include "temporal/api/enums/v1/task_queue.pb.h"

#include <caf/send.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace reprise::actors {

namespace enums = temporal::api::enums::v1;

task_queue::task_queue(caf::actor_config& config, services& shared, queue_directory& directory,
                       queue_hooks& watch, std::shared_ptr<queue_facts> facts)
  : queue_actor::base(config),
    shared_(shared),
    bounds_(shared.capacity.queue),
    directory_(directory),
    watch_(watch),
    facts_(std::move(facts)),
    tasks_(bounds_),
    backlog_(bounds_),
    pollers_(bounds_),
    last_use_(shared.time.now()) {
}

void task_queue::on_exit() {
  watch_.pending.add(-static_cast<std::int64_t>(tasks_.size()));
  watch_.polls_waiting.add(-static_cast<std::int64_t>(waiting_.size()));
  watch_.backlog_rows.add(-backlog_shown_);
}

queue_actor::behavior_type task_queue::make_behavior() {
  return {
    [this](offer_atom, cluster::Task& task) { on_offer(task); },
    [this](poll_atom, std::uint64_t id, bridge_actor& from, cluster::Poll& poll) {
      on_poll(id, from, poll);
    },
    [this](cancel_atom, std::uint64_t id, const bridge_actor& from) { on_cancel(id, from); },
    [this](finish_atom, std::uint64_t id, const bridge_actor& from) { on_finish(id, from); },
    [this](leave_atom, const std::string& key) { on_leave(key); },
    [this](obsolete_atom, std::uint64_t number) { on_obsolete(number); },
    [this](taken_atom, std::uint64_t number) { on_taken(number); },
    [this](later_atom, std::uint64_t number) { on_later(number); },
    [this](lost_atom) { on_worker_left(); },
    [this](lost_atom, std::uint64_t slot) { on_slot_lost(slot); },
    [this](describe_atom, std::uint64_t id, const bridge_actor& from, const std::string& request) {
      on_describe(id, from, request);
    },
    [this](configured_atom) { on_configured(); },
    [this](clock_atom) {
      alarms_.forget();
      on_tick();
    },
    [this](tick_atom) { on_tick(); },
    [this](tick_atom, std::uint64_t ticket) {
      alarms_.rang(ticket);
      on_tick();
    },
  };
}

template <class... Ts>
bool task_queue::pass_on(Ts&&... xs) {
  if (!retired_)
    return false;
  auto next = directory_.find(facts_->key);
  if (next)
    send(next, std::forward<Ts>(xs)...);
  return static_cast<bool>(next);
}

// -- tasks
// --------------------------------------------------------------------------------------------

void task_queue::on_offer(cluster::Task& task) {
  if (pass_on(offer_atom_v, task))
    return;
  // There are too many queues: the next one of this name finds it.
  if (retired_)
    return refuse(task, task.sticky());
  auto now = shared_.time.now();
  last_use_ = now;
  watch_.offers.add();
  sticky_ = sticky_ || task.sticky();
  auto alive = !waiting_.empty()
               || now.time_since_epoch().count()
                      - facts_->last_poll_ns.load(std::memory_order_relaxed)
                    <= sticky_worker_lives.count();
  if (task.sticky() && (!alive || tasks_.full()))
    return refuse(task, true);
  if (task.kind() == cluster::Task::QUERY)
    return on_query(task);
  auto identity = task_identity(task);
  if (held_.contains(identity))
    return;
  auto priority = task_buffer::priority_of(task);
  if (tasks_.full())
    shared_.watch.refused.queue_tasks.add();
  if (backlog_.goes_behind(priority) || tasks_.full()) {
    refuse(task, false);
    return go();
  }
  added_.add(now);
  if (!waiting_.empty() && tasks_.empty())
    watch_.sync_matches.add();
  held_.insert(std::move(identity));
  watch_.pending.add(1);
  tasks_.push_back({.task = std::move(task), .row = {}});
  shared_.watch.used.queue_tasks.note(tasks_.size());
  go();
}

void task_queue::on_query(cluster::Task& task) {
  // A query lives as long as its caller waits: one that gives way is refused, and its caller told.
  if (!held_.insert(task_identity(task)).second)
    return;
  if (queries_.size() + queries_kept_back_.size() >= bounds_.queries_max && !queries_.empty()) {
    shared_.watch.refused.queue_queries.add();
    refuse(queries_.front().task, false);
    drop_oldest_query();
  }
  queries_.push_back({.task = std::move(task), .row = {}});
  shared_.watch.used.queue_queries.note(queries_.size() + queries_kept_back_.size());
  go();
}

void task_queue::drop_oldest_query() {
  held_.erase(task_identity(queries_.front().task));
  queries_.pop_front();
}

void task_queue::refuse(const cluster::Task& task, bool sticky) {
  watch_.refused.add();
  if (!sticky && task.kind() != cluster::Task::QUERY)
    backlog_.on_refused(task_buffer::priority_of(task), shared_.time.now());
  send(shared_.slot_for(task), refuse_atom_v, task, sticky);
}

// -- pollers
// ------------------------------------------------------------------------------------------

void task_queue::seen(time_point now) {
  facts_->last_poll_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

void task_queue::on_poll(std::uint64_t id, bridge_actor& from, cluster::Poll& poll) {
  if (pass_on(poll_atom_v, id, from, poll))
    return;
  if (retired_) {
    send(from, reply_atom_v, id, to_reply(too_many_polls()));
    return;
  }
  auto now = shared_.time.now();
  last_use_ = now;
  watch_.polls.add();
  seen(now);
  pollers_.add(poll, now);
  sticky_ = sticky_ || !poll.normal_name().empty();
  if (poll.max_tasks_per_second() > 0) {
    workers_rate_ = poll.max_tasks_per_second();
    set_rate(now);
  }
  auto key = waiter_key{id, from->id()};
  auto expires = engine::from_proto(poll.expires_at());
  // Sent again because this queue was thought to be lost.
  if (waiting_by_key_.contains(key) || handed_.contains(key))
    return;
  waiter w{.id = id,
           .from = std::move(from),
           .poll = std::make_unique<const cluster::Poll>(std::move(poll)),
           .expires = expires};
  if (w.expires <= now)
    return end_poll(w);
  if (waiting_.size() >= bounds_.pollers_max) {
    // An empty answer would be followed by the next poll at once.
    shared_.watch.refused.queue_polls.add();
    send(w.from, reply_atom_v, w.id, to_reply(too_many_polls()));
    return;
  }
  add_waiter(waiting_.end(), std::move(w));
  go();
}

void task_queue::add_waiter(std::list<waiter>::iterator place, waiter&& w) {
  auto key = waiter_key{w.id, w.from->id()};
  poll_ends_ = poll_ends_ ? std::min(*poll_ends_, w.expires) : w.expires;
  waiting_by_key_.emplace(key, waiting_.insert(place, std::move(w)));
  watch_.polls_waiting.add(1);
  shared_.watch.used.queue_polls.note(waiting_.size());
}

void task_queue::on_cancel(std::uint64_t id, const bridge_actor& from) {
  if (pass_on(cancel_atom_v, id, from))
    return;
  auto key = waiter_key{id, from->id()};
  if (auto found = waiting_by_key_.find(key); found != waiting_by_key_.end()) {
    waiting_.erase(found->second);
    waiting_by_key_.erase(found);
    watch_.polls_waiting.add(-1);
  } else if (auto handed = handed_.find(key); handed != handed_.end()) {
    handed->second.cancelled = true;
  }
}

void task_queue::on_finish(std::uint64_t id, const bridge_actor& from) {
  if (pass_on(finish_atom_v, id, from))
    return;
  auto key = waiter_key{id, from->id()};
  if (auto found = waiting_by_key_.find(key); found != waiting_by_key_.end()) {
    end_poll(*found->second);
    waiting_.erase(found->second);
    waiting_by_key_.erase(found);
    watch_.polls_waiting.add(-1);
  } else if (auto handed = handed_.find(key); handed != handed_.end()) {
    handed->second.who.expires = {};
  }
}

void task_queue::on_leave(const std::string& worker_instance_key) {
  if (!pass_on(leave_atom_v, worker_instance_key))
    pollers_.remove(worker_instance_key);
}

void task_queue::end_poll(const waiter& w) {
  watch_.polls_empty.add();
  send(w.from, reply_atom_v, w.id, cluster::Reply{});
}

void task_queue::on_worker_left() {
  if (pass_on(lost_atom_v))
    return;
  facts_->last_poll_ns.store(0, std::memory_order_relaxed);
  pollers_ = recent_pollers{bounds_};
  if (sticky_)
    give_back();
}

void task_queue::give_back() {
  bring_forward(time_point::max());
  while (!tasks_.empty()) {
    auto waiting = tasks_.pop();
    watch_.pending.add(-1);
    held_.erase(task_identity(waiting.task));
    // Who gives a sticky queue the name of a normal one mixes both kinds.
    refuse(waiting.task, waiting.task.sticky());
  }
  for (; !queries_.empty(); drop_oldest_query())
    refuse(queries_.front().task, true);
}

void task_queue::expire_polls(time_point now) {
  if (!poll_ends_ || *poll_ends_ > now)
    return;
  poll_ends_.reset();
  for (auto w = waiting_.begin(); w != waiting_.end();) {
    if (w->expires > now) {
      poll_ends_ = poll_ends_ ? std::min(*poll_ends_, w->expires) : w->expires;
      ++w;
      continue;
    }
    seen(now);
    end_poll(*w);
    watch_.polls_waiting.add(-1);
    waiting_by_key_.erase({w->id, w->from->id()});
    w = waiting_.erase(w);
  }
}

/// In order, so that one behind a longer-lived one goes a little later.
void task_queue::expire_queries(time_point now) {
  while (!queries_.empty() && engine::from_proto(queries_.front().task.expires_at()) <= now)
    drop_oldest_query();
}

// -- hand-outs
// ----------------------------------------------------------------------------------------

bool task_queue::has_task() const {
  return !queries_.empty() || (tasks_.has_ready() && !backlog_.unknown() && rules_known_);
}

void task_queue::match(time_point now) {
  while (!waiting_.empty() && has_task() && handed_.size() < bounds_.handed_max) {
    held_task next;
    if (!queries_.empty()) {
      if (engine::from_proto(queries_.front().task.expires_at()) <= now) {
        drop_oldest_query();
        continue;
      }
      next = std::move(queries_.front());
      queries_.pop_front();
    } else {
      auto allowed = limit_.allows(now) ? tasks_.pop_allowed(now) : std::nullopt;
      if (!allowed)
        return held_back_.add(now);
      limit_.take();
      next = std::move(*allowed);
      watch_.pending.add(-1);
    }
    auto who = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_by_key_.erase({who.id, who.from->id()});
    watch_.polls_waiting.add(-1);
    seen(now);
    hand_out(std::move(who), std::move(next));
  }
}

void task_queue::hand_out(waiter&& who, held_task&& what) {
  auto key = waiter_key{who.id, who.from->id()};
  auto& handed = handed_[key];
  handed = {.who = std::move(who), .what = std::move(what)};
  auto number = ++last_handout_;
  handed_by_number_.emplace(number, key);
  shared_.watch.used.queue_handouts.note(handed_.size());
  auto task = handed.what.task;
  auto slot_id = store::slot_of(task.namespace_id(), kind_of(task), task.workflow_id());
  const auto& slot = shared_.routes.to(slot_id);
  handed.slot = slot.id();
  if (shared_.routes.elsewhere(slot_id) != nullptr)
    handed_elsewhere_.emplace_back(shared_.time.now() + outcome_within, number);
  auto request = start_request(handed.who, std::move(task));
  request.set_handout(number);
  send(slot, call_atom_v, handed.who.id, handed.who.from, std::move(request), queue_actor{this});
}

cluster::ExecutionRequest task_queue::start_request(const waiter& who, cluster::Task&& task) const {
  cluster::ExecutionRequest out;
  out.set_namespace_id(task.namespace_id());
  out.set_namespace_name(who.poll->namespace_name());
  out.set_machine(task.machine());
  out.set_workflow_id(task.workflow_id());
  out.set_run_id(task.run_id());
  auto& start = task.kind() == cluster::Task::QUERY      ? *out.mutable_start_query_task()
                : task.kind() == cluster::Task::ACTIVITY ? *out.mutable_start_activity_task()
                                                         : *out.mutable_start_workflow_task();
  *start.mutable_task() = std::move(task);
  start.set_identity(who.poll->identity());
  start.set_request_id(who.poll->request_id());
  auto& queue = *start.mutable_task_queue();
  queue.set_name(who.poll->task_queue());
  queue.set_kind(who.poll->normal_name().empty() ? enums::TASK_QUEUE_KIND_NORMAL
                                                 : enums::TASK_QUEUE_KIND_STICKY);
  if (!who.poll->normal_name().empty())
    queue.set_normal_name(who.poll->normal_name());
  if (who.poll->has_worker_version() && !who.poll->versioned())
    *start.mutable_worker_version() = who.poll->worker_version();
  // Nothing for a sticky queue: there SDKs answer a hint with all of their pollers, and answers
  // overtake each other, so that one that came late would leave nobody on the normal queue.
  start.set_backlog_count_hint(who.poll->normal_name().empty() ? backlog_count() : 0);
  return out;
}

std::int64_t task_queue::backlog_count() const {
  // Rows that are in memory are counted by both.
  return static_cast<std::int64_t>(tasks_.size() - tasks_.rows()) + backlog_.rows();
}

std::optional<task_queue::handout> task_queue::take_handout(std::uint64_t number) {
  auto key = handed_by_number_.extract(number);
  if (key.empty())
    return std::nullopt;
  return std::move(handed_.extract(key.mapped()).mapped());
}

void task_queue::expire_handouts(time_point now) {
  while (!handed_elsewhere_.empty() && handed_elsewhere_.front().first <= now) {
    auto number = handed_elsewhere_.front().second;
    handed_elsewhere_.pop_front();
    on_later(number);
  }
}

void task_queue::finish(const handout& h, time_point now) {
  held_.erase(task_identity(h.what.task));
  if (h.what.row)
    backlog_.on_done(*h.what.row, now);
}

void task_queue::wait_again(handout& h, time_point now) {
  if (!h.cancelled && h.who.expires <= now)
    end_poll(h.who);
  else if (!h.cancelled)
    add_waiter(waiting_.begin(), std::move(h.who));
}

void task_queue::bring_forward(time_point now) {
  tasks_.bring_forward(now);
  auto end = queries_kept_back_.upper_bound(now);
  for (auto at = end; at != queries_kept_back_.begin();)
    queries_.push_front(std::move((--at)->second));
  queries_kept_back_.erase(queries_kept_back_.begin(), end);
}

void task_queue::on_obsolete(std::uint64_t number) {
  auto now = shared_.time.now();
  auto h = take_handout(number);
  if (!h)
    return;
  watch_.obsolete.add();
  finish(*h, now);
  if (!h->is_query()) {
    limit_.give_back();
    tasks_.uncount(h->what.task);
  }
  wait_again(*h, now);
  go();
}

void task_queue::on_later(std::uint64_t number) {
  auto now = shared_.time.now();
  auto h = take_handout(number);
  if (!h)
    return;
  watch_.postponed.add();
  // Whatever was started for it meanwhile is taken back: it is not to be given that very start.
  auto other = std::make_unique<cluster::Poll>(*h->who.poll);
  auto& request_id = *other->mutable_request_id();
  // Behind a mark that no id has: it does not grow with the times.
  request_id.resize(std::min(request_id.find('+'), request_id.size()));
  request_id += '+' + std::to_string(++h->who.postponed);
  h->who.poll = std::move(other);
  auto until = now + pause_after(++h->what.tries);
  wait_again(*h, now);
  if (h->is_query()) {
    queries_kept_back_.emplace(until, std::move(h->what));
  } else {
    limit_.give_back();
    tasks_.uncount(h->what.task);
    keep_back(std::move(h->what), until);
  }
  go();
}

void task_queue::keep_back(held_task what, time_point until) {
  if (tasks_.has_room_to_keep_back()) {
    watch_.pending.add(1);
    return tasks_.keep_back(std::move(what), until);
  }
  held_.erase(task_identity(what.task));
  shared_.watch.refused.queue_tasks.add();
  if (what.row)
    backlog_.on_put_back(*what.row, shared_.time.now());
  else
    refuse(what.task, what.task.sticky());
}

void task_queue::forget_rows() {
  if (retired_)
    return;
  tasks_.forget_rows();
  for (auto& [key, h] : handed_)
    h.what.row.reset();
  backlog_ = queue_backlog{bounds_};
  // What they found is of the time before; who runs one only wakes this queue.
  std::erase_if(jobs_, [](const auto& job) { return job->what != backlog_job::kind::rules; });
  counting_ = false;
  go();
}

void task_queue::on_slot_lost(caf::actor_id slot) {
  if (slot == 0)
    return forget_rows();
  std::vector<std::uint64_t> lost;
  for (const auto& [number, key] : handed_by_number_)
    if (handed_.at(key).slot == slot)
      lost.push_back(number);
  for (auto number : lost)
    on_later(number);
}

void task_queue::on_taken(std::uint64_t number) {
  auto now = shared_.time.now();
  auto h = take_handout(number);
  if (!h)
    return;
  watch_.polls_served.add();
  dispatched_.add(now);
  finish(*h, now);
  go();
}

// -- backlog
// ------------------------------------------------------------------------------------------

void task_queue::post(std::shared_ptr<backlog_job> job) {
  jobs_.push_back(job);
  auto work = [&db = shared_.db, key = facts_->key, page_rows = bounds_.page_rows,
               me = queue_actor{this}, job] {
    // Its message alone was lost, and the queue may have the result.
    if (job->done.load(std::memory_order_acquire)) {
      caf::anon_send(me, tick_atom_v);
      return;
    }
    try {
      job->run(db, key, page_rows);
    } catch (...) {
      // The queue waits for its job, whatever became of it.
      log_thrown(log_level::error, {"the backlog of ", key.name, " could not be had"});
    }
    job->done.store(true, std::memory_order_release);
    caf::anon_send(me, tick_atom_v);
  };
  if (shared_.readers.post(lane::points, std::move(work)))
    return;
  // As if the store had failed.
  job->done.store(true, std::memory_order_release);
  send(this, tick_atom_v);
}

void task_queue::work_on_backlog(time_point now) {
  if (sticky_ && backlog_.unknown())
    backlog_.on_counted(0, now);
  if (backlog_.unknown() && !counting_) {
    counting_ = true;
    post(std::make_shared<backlog_job>());
  }
  if (auto place = backlog_.wanted(now, tasks_.has_room_for_a_page(), tasks_.rows_kept_back())) {
    backlog_.on_reading();
    auto job = std::make_shared<backlog_job>();
    job->what = backlog_job::kind::read;
    job->behind = *place;
    post(std::move(job));
  }
  if (auto places = backlog_.take_erasable(now); !places.empty()) {
    auto job = std::make_shared<backlog_job>();
    job->what = backlog_job::kind::erase;
    job->places = std::move(places);
    post(std::move(job));
  }
}

void task_queue::work_on_rules(time_point now) {
  if (sticky_)
    rules_known_ = true;
  if (sticky_ || reading_rules_ || (rules_known_ && now < read_rules_at_))
    return;
  reading_rules_ = true;
  auto job = std::make_shared<backlog_job>();
  job->what = backlog_job::kind::rules;
  job->number = ++rules_asked_;
  post(std::move(job));
}

void task_queue::on_rules(backlog_job& job, time_point now) {
  // What has changed since then is being read.
  if (job.number != rules_asked_)
    return;
  reading_rules_ = false;
  // Work does not wait for a store that fails: what was known stays.
  rules_known_ = true;
  read_rules_at_ = now + (job.ok ? reads_rules_every : queue_backlog::retry_after);
  if (job.ok) {
    rules_ = std::move(job.rules);
    tasks_.obey(rules_, now);
    set_rate(now);
  }
  for (const auto& d : std::exchange(asked_for_rules_, {}))
    if (job.ok)
      describe(d.id, d.from, d.request);
    else
      send(d.from, reply_atom_v, d.id, to_reply(store_unreadable()));
}

void task_queue::set_rate(time_point now) {
  limit_.set(rules_.queue_rate ? rules_.queue_rate : workers_rate_, now);
}

// What is being read may be from before the change.
void task_queue::on_configured() {
  if (pass_on(configured_atom_v))
    return;
  read_rules_at_ = {};
  reading_rules_ = false;
  go();
}

void task_queue::on_rows(backlog_job& job, time_point now) {
  std::vector<backlog_place> places;
  for (const auto& row : job.rows)
    places.emplace_back(row.priority, row.seq);
  auto fresh = backlog_.on_page(places, now);
  for (std::size_t i = 0; i < job.rows.size(); ++i) {
    if (!fresh[i])
      continue;
    cluster::Task task;
    if (!task.ParseFromString(job.rows[i].task)) {
      backlog_.on_done(places[i], now);
      continue;
    }
    if (!held_.insert(task_identity(task)).second) {
      on_row_of_held(task, places[i], now);
      continue;
    }
    watch_.pending.add(1);
    tasks_.push_back({.task = std::move(task), .row = places[i]});
  }
  shared_.watch.used.queue_tasks.note(tasks_.size());
}

// The row stays as long as the task: where another server owns it now, that one has it nowhere
// else. A row that the task had before is gone, since a task has but one.
void task_queue::on_row_of_held(const cluster::Task& task, const backlog_place& row,
                                time_point now) {
  auto handed = std::ranges::find_if(
    handed_, [&](const auto& h) { return same_task(h.second.what.task, task); });
  auto unneeded = handed != handed_.end() ? std::exchange(handed->second.what.row, row)
                                          : tasks_.exchange_row(task, row);
  if (unneeded)
    backlog_.on_done(*unneeded, now);
}

void task_queue::take_job_results(time_point now) {
  std::vector<std::shared_ptr<backlog_job>> done;
  std::erase_if(jobs_, [&](std::shared_ptr<backlog_job>& job) {
    if (!job->done.load(std::memory_order_acquire))
      return false;
    done.push_back(std::move(job));
    return true;
  });
  for (const auto& job : done) {
    if (!job->ok)
      shared_.watch.store_read_failures.add();
    switch (job->what) {
      case backlog_job::kind::count:
        backlog_.on_counted(job->ok ? std::optional{job->count} : std::nullopt, now);
        break;
      case backlog_job::kind::read:
        if (job->ok)
          on_rows(*job, now);
        else
          backlog_.on_page(std::nullopt, now);
        break;
      case backlog_job::kind::erase:
        backlog_.on_erased(job->places, job->ok, now);
        break;
      case backlog_job::kind::rules:
        on_rules(*job, now);
        break;
    }
  }
}

// -- time
// ---------------------------------------------------------------------------------------------

void task_queue::go() {
  auto now = shared_.time.now();
  if (!retired_) {
    work_on_backlog(now);
    work_on_rules(now);
  }
  bring_forward(now);
  match(now);
  // What was just handed out made room.
  if (!retired_)
    work_on_backlog(now);
  watch_.backlog_rows.add(backlog_.rows() - std::exchange(backlog_shown_, backlog_.rows()));
  arm_tick(now);
}

void task_queue::on_tick() {
  auto now = shared_.time.now();
  take_job_results(now);
  expire_polls(now);
  expire_queries(now);
  expire_handouts(now);
  if (retired_ && now - last_use_ >= retired_for) {
    quit(caf::exit_reason::normal);
    return;
  }
  retire_when_idle(now);
  go();
}

bool task_queue::idle() const {
  // What waits on a sticky queue for a worker that does not come keeps nothing alive.
  auto has_queries = !queries_.empty() || !queries_kept_back_.empty();
  auto has_work = !sticky_ && (!tasks_.empty() || has_queries);
  return waiting_.empty() && handed_.empty() && !has_work && backlog_.rests() && jobs_.empty();
}

void task_queue::retire_when_idle(time_point now) {
  if (retired_ || !idle() || now - last_use_ < idle_max)
    return;
  give_back();
  if (!backlog_.rests())
    return;
  directory_.retire(facts_->key, queue_actor{this});
  retired_ = true;
  last_use_ = now;
}

void task_queue::arm_tick(time_point now) {
  std::optional<time_point> next;
  auto sooner = [&next](time_point t) { next = next ? std::min(*next, t) : t; };
  if (retired_)
    sooner(last_use_ + retired_for);
  else if (idle())
    sooner(last_use_ + idle_max);
  if (poll_ends_)
    sooner(*poll_ends_);
  if (!handed_elsewhere_.empty())
    sooner(handed_elsewhere_.front().first);
  if (!queries_.empty())
    sooner(engine::from_proto(queries_.front().task.expires_at()));
  if (!queries_kept_back_.empty())
    sooner(queries_kept_back_.begin()->first);
  if (auto t = tasks_.next_time())
    sooner(*t);
  if (auto t = backlog_.next_time(tasks_.has_room_for_a_page(), tasks_.rows_kept_back()))
    sooner(*t);
  if (!waiting_.empty() && tasks_.has_ready() && !limit_.allows(now))
    sooner(limit_.next(now));
  if (!next)
    return;
  // What is due already waits for something else: it is no reason to turn in circles.
  if (auto alarm = alarms_.set(std::max(*next, now + std::chrono::milliseconds{1}), now))
    delayed_send(this, alarm->wait, tick_atom_v, alarm->ticket);
}

// -- describe
// -----------------------------------------------------------------------------------------

void task_queue::on_describe(std::uint64_t id, const bridge_actor& from,
                             const std::string& request) {
  if (pass_on(describe_atom_v, id, from, request))
    return;
  if (!retired_)
    work_on_rules(shared_.time.now());
  if (reading_rules_)
    asked_for_rules_.push_back({.id = id, .from = from, .request = request});
  else
    describe(id, from, request);
}

void task_queue::describe(std::uint64_t id, const bridge_actor& from, const std::string& request) {
  auto now = shared_.time.now();
  cluster::Reply reply;
  describe_queue(request,
                 {.kind = facts_->key.kind,
                  .now = now,
                  .tasks = tasks_,
                  .rows_in_store = backlog_.rows() - static_cast<std::int64_t>(tasks_.rows()),
                  .pollers = pollers_,
                  .added_per_second = added_.per_second(now),
                  .dispatched_per_second = dispatched_.per_second(now),
                  .held_back = held_back_.per_second(now) > 0,
                  .rules = rules_,
                  .workers_rate = workers_rate_})
    .SerializeToString(reply.mutable_response());
  send(from, reply_atom_v, id, std::move(reply));
}

} // namespace reprise::actors
