#include "actors/call/errors.hpp"
#include "actors/run/execution.hpp"
#include "actors/slot/slot.hpp"
#include "base/log.hpp"
#include "base/log_format.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <exception>

namespace reprise::actors {

using store::commit_status;

namespace {

/// A rehydration may have to replay this part of what stands between two snapshots; an execution
/// that leaves memory with more rows behind its snapshot writes one first.
constexpr std::uint64_t part_without_snapshot = 8;
constexpr int failed_loads_max = 3;
constexpr int tries_max = 3;
constexpr duration raise_again = std::chrono::milliseconds{200};
/// Instead of an epoch: the time to try again has come.
constexpr store::epoch_number try_now = ~store::epoch_number{0};

error error_for(commit_status why) {
  return why == commit_status::too_large ? transaction_too_large() : write_lost();
}

} // namespace

void slot::spawn_execution(entry& e) {
  e.who = std::make_shared<incarnation>();
  e.who->number = ++shared_.incarnations;
  e.who->tenure = shared_.own_lease.tenure(number_);
  e.durable = 0;
  e.down = false;
  e.append_failed = false;
  e.drop_next = false;
  e.actor = spawn<execution, caf::monitored + caf::hidden + caf::lazy_init>(
    execution_options{.shared = shared_,
                      .machine = *shared_.machine_of(e.kind),
                      .slot = slot_actor{this},
                      .slot_number = number_,
                      .epoch = epoch_,
                      .who = e.who,
                      .namespace_id = e.namespace_id,
                      .workflow_id = e.workflow_id,
                      .load_first = e.load_first,
                      .left = e.early ? e.early->left : nullptr});
  e.is = entry::phase::live;
  by_actor_[e.actor.id()] = &e;
  shared_.watch.resident.add(1);
  shared_.residents[number_].fetch_add(1, std::memory_order_relaxed);
  touch_use(e);
  for (const auto& c : e.calls) {
    // What an earlier life found in the store is gone with it.
    c->tries_to_load = 0;
    forward(e, c);
  }
}

void slot::on_down(const caf::down_msg& m) {
  auto known = by_actor_.find(m.source.id());
  if (known == by_actor_.end())
    return;
  auto& e = *known->second;
  by_actor_.erase(known);
  e.down = true;
  auto by_itself = e.is == entry::phase::live;
  if (by_itself)
    begin_dying(e);
  if (!e.who->poison.empty()) {
    ++e.failed_loads;
    e.parked_text = e.who->poison;
    e.parked_run_id = e.who->poisoned_run_id;
    by_itself = false;
  }
  auto calls = e.calls;
  for (const auto& c : calls)
    if (c->threw) {
      by_itself = false;
      remove_call(e, *c);
      refuse(c, c->out_of_memory ? out_of_memory() : internal_failure());
      retry_later(e);
    }
  if (by_itself)
    count_death(e);
  settle(e);
}

/// Nobody knows which of the calls, if any, the execution died of: none goes from life to life
/// without end.
void slot::count_death(entry& e) {
  auto calls = e.calls;
  for (const auto& c : calls) {
    if (c->decided || ++c->tries <= tries_max)
      continue;
    remove_call(e, *c);
    refuse(c, call_lost());
    retry_later(e);
  }
}

void slot::begin_dying(entry& e, bool crashed) {
  if (e.is != entry::phase::live)
    return;
  e.is = entry::phase::dying;
  e.timer_at.reset();
  e.deadline_unknown = true;
  if (crashed) {
    ++e.deaths;
    shared_.watch.crashed.add();
  }
  leave_use_order(e);
  if (!e.down)
    send_exit(e.actor, caf::exit_reason::kill);
}

void slot::on_failed(entry& e, const outcome_ptr& x) {
  e.append_failed = true;
  // A start that was decided without reading the store, which knew better.
  auto guessed = !e.load_first && x->status == commit_status::already_exists;
  begin_dying(e, !guessed);
  if (x->status == commit_status::unknown) {
    e.needs_raise = true;
    raise_epoch();
    // Should it have landed, the next life knows of the current run only.
    if (x->released.other)
      arm(e, *x->released.other);
    ask_for_lost_messages(e, *x);
  }
  // An epoch that this slot raised itself makes its older appends stale; any other means that
  // somebody else owns the slot.
  auto lost = x->status == commit_status::stale_epoch && epoch_ != 0 && !raising_
              && x->write.epoch >= epoch_;
  // What is not durable was never started. What may be is taken back by the outcome: its queue
  // hands the task out again, perhaps to another poll.
  if (x->what->by == call::origin::queue && x->status != commit_status::unknown)
    x->returns = nullptr;
  if (lost) {
    log_about_slot about{number_};
    log(log_level::warn, "the slot belongs to another server");
    send(shared_.keeper, lost_atom_v);
  }
  if (x->status == commit_status::predecessor_lost && x->write.epoch == epoch_)
    on_lost_rows(e);
  again_or_refuse(e, x->what, x->status);
  settle(e);
}

// The store came back without its last commits. Of what else is missing nobody here knows: other
// executions remember it, and deadlines and tasks of the time before stand in the store again, for
// which no timer and no queue looks any more. So all is taken over anew, as from another server.
void slot::on_lost_rows(const entry& e) {
  shared_.watch.lost_rows.add();
  log_about_slot about{number_};
  log(log_level::error, "the store lost what it had committed of workflow " + e.workflow_id
                          + ": all workflows are loaded anew");
  send(shared_.keeper, lost_atom_v);
}

// Nothing of a lost append was shown to anybody, so where the store only said "not so", the call is
// decided again on what the store holds. Where the store cannot be written the caller must know.
bool slot::again_or_refuse(entry& e, const call_ptr& c, commit_status why) {
  auto again = why == commit_status::conflict || why == commit_status::already_exists
               || why == commit_status::stale_epoch || why == commit_status::predecessor_lost
               || why == commit_status::message_taken;
  // Perhaps it was this one: what was answered to it then stands in the inbox.
  if (why == commit_status::message_taken && c->request.has_deliver()) {
    remove_call(e, *c);
    look_up(c->id, c->request);
    return false;
  }
  if (again && c->tries < tries_max) {
    ++c->tries;
    c->decided = false;
    return true;
  }
  remove_call(e, *c);
  refuse(c, error_for(why));
  retry_later(e);
  return false;
}

void slot::settle(entry& e) {
  if (e.is != entry::phase::dying || !e.down)
    return;
  auto held = [&](const call_ptr& c) {
    return std::any_of(e.held.begin(), e.held.end(),
                       [&](const outcome_ptr& h) { return h->what == c; });
  };
  for (const auto& c : e.calls)
    if (c->decided && !held(c))
      return; // its append is still under way
  if (e.needs_raise && epoch_ != 0)
    return raise_epoch();
  for (const auto& h : std::exchange(e.held, {}))
    if (again_or_refuse(e, h->what, commit_status::conflict))
      h->returns = nullptr;
  // Counted all the while, for a node that ends.
  auto early = std::exchange(e.early, std::nullopt);
  end_life(e);
  ask_again(e);
  if (epoch_ == 0)
    e.orders.clear();
  if (early && (epoch_ == 0 || !e.orders.empty())) {
    shared_.early_starts.fetch_sub(1, std::memory_order_release);
    early.reset();
  }
  if (!e.orders.empty())
    return carry_out(e);
  if (early)
    hand_on(e, std::move(*early));
  if (e.failed_loads >= failed_loads_max)
    return park(e);
  if (epoch_ == 0)
    pass_on_all(e);
  if (!e.calls.empty())
    return spawn_execution(e);
  // The timer scans anew with the next epoch; in this one nobody else knows when it is due.
  if (e.deadline_unknown && epoch_ != 0)
    retry_later(e);
  reschedule(e);
  maybe_forget(e);
}

// Queries wait in the execution's memory alone; those of a dead one go to the next.
void slot::ask_again(entry& e) {
  e.staying_until.reset();
  for (auto& c : std::exchange(e.staying, {})) {
    c->decided = false;
    add_call(e, c);
  }
}

void slot::hand_on(entry& e, early_start early) {
  e.early = early_start{.left = std::move(early.left)};
  // Where the store failed it is too early to try again; the wake-up that is due then does.
  if (e.retry_at)
    return;
  auto c = std::make_shared<call>();
  c->by = call::origin::slot;
  c->request = request_to(e);
  c->request.mutable_reoffer()->set_queue_was_lost(true);
  add_call(e, c);
}

void slot::end_life(entry& e) {
  forget_early_start(e);
  e.is = entry::phase::absent;
  e.actor = nullptr;
  e.who.reset();
  e.needs_raise = false;
  e.append_failed = false;
  e.load_first = true;
  auto bytes = static_cast<std::int64_t>(e.resident_bytes);
  e.resident_bytes = 0;
  shared_.resident_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  shared_.watch.resident_bytes.add(-bytes);
  shared_.watch.resident.add(-1);
  shared_.residents[number_].fetch_sub(1, std::memory_order_relaxed);
}

void slot::let_go(entry& e) {
  // An outcome that is still on its way finds nobody.
  for (const auto& c : e.calls)
    c->owner = nullptr;
  shared_.calls_under_way.fetch_sub(static_cast<std::int64_t>(e.calls.size()),
                                    std::memory_order_release);
  shared_.watch.history_polls.add(-static_cast<std::int64_t>(e.polls.size()));
  if (e.is == entry::phase::parked)
    shared_.watch.parked.add(-1);
  auto actor = e.actor;
  if (e.is == entry::phase::live || e.is == entry::phase::dying)
    end_life(e);
  else
    forget_early_start(e);
  e.actor = std::move(actor);
}

void slot::send_away(const entry& e) {
  auto try_to = [this](auto f) {
    try {
      shared_.allocate(allocation::farewell);
      f();
    } catch (const std::exception&) {
      // The next one has its turn: an execution that nobody refers to ends by itself.
    }
  };
  if (e.actor)
    try_to([&] { caf::anon_send_exit(e.actor, caf::exit_reason::kill); });
  if (e.is == entry::phase::parked)
    try_to([&] { shared_.parked.remove(e.namespace_id, e.kind, e.workflow_id); });
}

void slot::park(entry& e) {
  log_about_slot about{number_};
  log(log_level::error, "workflow " + e.workflow_id + " is parked: " + e.parked_text);
  e.is = entry::phase::parked;
  forget_early_start(e);
  e.timer_at.reset();
  e.retry_at.reset();
  for (auto& task : std::exchange(e.returned, {}))
    task->is_done = true;
  shared_.watch.parked.add(1);
  shared_.parked.add({.namespace_id = e.namespace_id,
                      .kind = e.kind,
                      .workflow_id = e.workflow_id,
                      .run_id = e.parked_run_id,
                      .why = e.parked_text,
                      .since = shared_.time.now()});
  auto why = parked_execution(e.workflow_id, e.parked_text);
  refuse_all(e, why);
  for (const auto& p : std::exchange(e.polls, {})) {
    shared_.watch.history_polls.add(-1);
    refuse(p.what, why);
  }
  reschedule(e);
}

void slot::unpark(entry& e) {
  e.is = entry::phase::absent;
  e.failed_loads = 0;
  shared_.watch.parked.add(-1);
  shared_.parked.remove(e.namespace_id, e.kind, e.workflow_id);
}

void slot::retry_later(entry& e) {
  constexpr duration first = std::chrono::seconds{1};
  constexpr duration longest = std::chrono::seconds{10};
  constexpr int doublings_max = 8;
  if (e.retry_at)
    return;
  auto doublings = std::min(std::max(e.retries, e.deaths), doublings_max);
  ++e.retries;
  e.retry_at = shared_.time.now() + std::min(longest, first * (1 << doublings));
}

// -- passivation
// -------------------------------------------------------------------------------------

void slot::passivate(entry& e) {
  auto rows_max = shared_.capacity.run.rows_per_snapshot / part_without_snapshot;
  auto wants_snapshot = e.rows_behind_snapshot > rows_max && !e.drop_next;
  if (!wants_snapshot && !e.early)
    return drop_actor(e);
  ask_for(e, wants_snapshot ? call::chore::snapshot : call::chore::flush);
  e.drop_next = true;
}

void slot::ask_for(entry& e, call::chore what) {
  auto c = std::make_shared<call>();
  c->by = call::origin::slot;
  c->to_do = what;
  add_call(e, c);
  forward(e, c);
}

void slot::flush_early_start(entry& e) {
  e.early->flush_at.reset();
  if (e.is == entry::phase::live)
    ask_for(e, call::chore::flush);
}

void slot::forget_early_start(entry& e) {
  if (!e.early)
    return;
  e.early.reset();
  shared_.early_starts.fetch_sub(1, std::memory_order_release);
}

void slot::drop_actor(entry& e) {
  if (e.timer_at)
    send(shared_.timer.get(), arm_atom_v, e.namespace_id, number_of(e.kind), e.workflow_id,
         e.current_run_id, e.timer_at->time_since_epoch().count());
  e.timer_at.reset();
  leave_use_order(e);
  by_actor_.erase(e.actor.id());
  send_exit(e.actor, caf::exit_reason::user_shutdown);
  shared_.watch.passivated.add();
  end_life(e);
  reschedule(e);
  maybe_forget(e);
}

void slot::maybe_forget(entry& e) {
  if (e.is != entry::phase::absent || !e.calls.empty() || !e.polls.empty() || e.retry_at
      || !e.orders.empty())
    return;
  if (e.agenda_at)
    agenda_.erase({*e.agenda_at, &e});
  forget_early_start(e);
  entries_.erase(e);
}

void slot::touch_use(entry& e) {
  leave_use_order(e);
  e.use = use_order_.insert(use_order_.end(), &e);
  e.in_use_order = true;
}

void slot::leave_use_order(entry& e) {
  if (e.in_use_order)
    use_order_.erase(e.use);
  e.in_use_order = false;
}

// -- epochs
// ------------------------------------------------------------------------------------------

void slot::raise_epoch() {
  if (raising_ || epoch_ == 0)
    return;
  raising_ = true;
  auto job = [&shared = shared_, me = slot_actor{this}, number = number_, seen = epoch_] {
    auto raised = shared.epochs.raise(shared.db, number, seen);
    if (!raised && raised.error().code == errc::failed_precondition)
      caf::anon_send(shared.keeper, lost_atom_v);
    caf::anon_send(me, epoch_atom_v, seen, raised ? *raised : store::epoch_number{0});
  };
  if (!shared_.readers.post(lane::epochs, std::move(job)))
    on_raised(epoch_, 0);
}

void slot::on_raised(store::epoch_number seen, store::epoch_number now) {
  if (seen != epoch_ || !raising_)
    return;
  if (now == 0) {
    delayed_send(this, raise_again, epoch_atom_v, seen, try_now);
    return;
  }
  raising_ = false;
  if (now == try_now)
    return raise_epoch();
  epoch_ = now;
  std::vector<entry*> waiting;
  entries_.for_each([&](entry& e) {
    if (e.needs_raise)
      waiting.push_back(&e);
  });
  for (auto* e : waiting) {
    e->needs_raise = false;
    settle(*e);
  }
}

void slot::on_epoch(store::epoch_number epoch) {
  epoch_ = epoch;
  raising_ = false;
  // Whoever owns the slot sweeps for them.
  forget_messages();
  std::vector<entry*> all;
  entries_.for_each([&](entry& e) { all.push_back(&e); });
  for (auto* e : all) {
    for (auto& p : std::exchange(e->polls, {})) {
      shared_.watch.history_polls.add(-1);
      send(p.what->from, reply_atom_v, p.what->id, to_reply(std::move(p.until.expired)));
    }
    e->retry_at.reset();
    for (auto& task : std::exchange(e->returned, {}))
      keep_early(std::move(task));
    e->retries = 0;
    e->needs_raise = false;
    if (e->is == entry::phase::parked)
      unpark(*e);
    // Somebody else may have been here.
    if (e->is == entry::phase::absent)
      forget_early_start(*e);
    else if (epoch != 0 && e->early)
      e->early->left = nullptr;
    // Who gives the slot up writes first what left early; release() ends that life.
    if (epoch == 0 && e->early && e->is == entry::phase::live)
      flush_early_start(*e);
    else if (e->is == entry::phase::live)
      begin_dying(*e);
    // The timer scans the store anew.
    e->deadline_unknown = false;
    reschedule(*e);
    if (e->is == entry::phase::dying)
      settle(*e);
    else
      maybe_forget(*e);
  }
  take_back_early();
}

// -- deadlines
// ---------------------------------------------------------------------------------------

void slot::reschedule(entry& e) {
  std::optional<time_point> next = e.timer_at;
  auto sooner = [&next](time_point t) {
    if (!next || t < *next)
      next = t;
  };
  for (const auto& p : e.polls)
    sooner(p.until.expires);
  if (e.retry_at)
    sooner(*e.retry_at);
  if (e.staying_until)
    sooner(*e.staying_until);
  if (e.early && e.early->flush_at)
    sooner(*e.early->flush_at);
  if (next == e.agenda_at)
    return;
  if (e.agenda_at)
    agenda_.erase({*e.agenda_at, &e});
  e.agenda_at = next;
  if (next)
    agenda_.insert({*next, &e});
  arm_tick();
}

void slot::arm_tick() {
  auto next = messages_due();
  if (!agenda_.empty() && (!next || agenda_.begin()->first < *next))
    next = agenda_.begin()->first;
  if (!next)
    return;
  if (auto alarm = alarms_.set(*next, shared_.time.now()))
    delayed_send(this, alarm->wait, tick_atom_v, alarm->ticket);
}

} // namespace reprise::actors
