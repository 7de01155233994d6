#include "actors/call/errors.hpp"
#include "actors/queue/task_returns.hpp"
#include "actors/slot/slot.hpp"
#include "base/log.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace reprise::actors {

using store::commit_status;

namespace {

cluster::Reply read_guarded(const std::function<cluster::Reply(store::store&)>& read,
                            store::store& db) {
  try {
    return read(db);
  } catch (...) {
    log_thrown(log_level::error, "an answer could not be read");
    return to_reply(failure_at_hand());
  }
}

} // namespace

void slot::on_outcomes(outcome_ptr first) {
  while (first) {
    auto next = std::move(first->next);
    on_outcome(first);
    first = std::move(next);
  }
}

void slot::on_outcome(const outcome_ptr& x) {
  if (!x->what)
    return on_backlog_written(*x);
  auto* e = x->what->owner;
  // The call is over already, or was another slot's, which is dead; nobody waits for this.
  if (e == nullptr || e->who != x->who)
    return;
  if (!x->appended)
    return on_read(*e, x);
  if (x->status == commit_status::committed)
    return on_committed(*e, x);
  on_failed(*e, x);
}

void slot::on_committed(entry& e, const outcome_ptr& x) {
  if (!e.append_failed)
    e.durable = std::max(e.durable, x->number);
  if (e.early && e.durable > e.early->behind)
    forget_early_start(e);
  // The calls under way keep the entry; when this was the last one, release() may forget it.
  std::vector<outcome_ptr> ready;
  std::erase_if(e.held, [&](outcome_ptr& h) {
    if (h->number > e.durable)
      return false;
    ready.push_back(std::move(h));
    return true;
  });
  auto rests = ready.empty();
  // A write is fenced by its commit.
  release(e, *x, true);
  if (rests)
    return;
  for (const auto& h : ready)
    if (h->what->owner != nullptr)
      on_read(*h->what->owner, h);
}

void slot::on_read(entry& e, const outcome_ptr& x) {
  if (x->number > e.durable) {
    e.held.push_back(x);
    return;
  }
  if (x->released.load)
    return start_load(*x);
  // A read is only as good as the lease (invariant 3). One look for all that leaves: what is kept
  // back as started must not be kept from its worker.
  auto leased = shared_.own_lease.valid_for(number_);
  // No commit fences what leaves early, and a query's task: it takes a lease, and an execution that
  // remembers it.
  auto may_leave = e.is == entry::phase::live && leased;
  auto hands_out = x->what->by == call::origin::queue && !x->released.obsolete_task
                   && !x->released.try_again;
  // Another server may have written since it was read.
  auto outlived = leased && x->who->tenure != shared_.own_lease.tenure(number_);
  if (outlived || (hands_out && !may_leave)) {
    e.held.push_back(x);
    begin_dying(e, false);
    return settle(e);
  }
  release(e, *x, leased);
}

void slot::note_early_start(entry& e, const outcome& x) {
  forget_early_start(e);
  e.early = early_start{.left = x.released.early_start,
                        .behind = x.number,
                        .flush_at = shared_.time.now() + early_start_max};
  shared_.early_starts.fetch_add(1, std::memory_order_relaxed);
}

void slot::start_load(outcome& x) {
  if (shared_.readers.post(lane::points, std::move(x.released.load)))
    return;
  // The call waits in the execution for what will not come: only a new life helps.
  begin_dying(*x.what->owner);
}

void slot::on_backlog_written(const outcome& x) {
  if (x.order)
    return end_order(x);
  if (x.status == commit_status::committed || x.released.offers.empty())
    return;
  // The task has no place in its queue now: have it offered again.
  const auto& task = x.released.offers.front();
  auto& e = entries_.find_or_add(task);
  retry_later(e);
  reschedule(e);
}

void slot::remove_call(entry& e, call& c) {
  c.owner = nullptr;
  uncount(e, c);
  auto found = std::find_if(e.calls.begin(), e.calls.end(),
                            [&](const call_ptr& x) { return x.get() == &c; });
  if (found == e.calls.end())
    return;
  e.calls.erase(found);
  shared_.calls_under_way.fetch_sub(1, std::memory_order_release);
}

void slot::refuse_all(entry& e, const error& why) {
  auto calls = e.calls;
  for (const auto& c : calls) {
    remove_call(e, *c);
    refuse(c, why);
  }
}

// The one place where something leaves an execution; everything that it rests on is durable here,
// but for the start of a workflow task.
void slot::release(entry& e, outcome& x, bool leased) {
  auto c = x.what;
  // Before the call is gone: a node that ends waits for both to be none.
  if (x.released.early_start)
    note_early_start(e, x);
  remove_call(e, *c);
  if (x.released.try_again) {
    ++e.deaths;
  } else {
    e.failed_loads = 0;
    e.deaths = 0;
  }
  release_answers(e, x, leased);
  if (x.released.caller_stays)
    keep_caller(e, c);
  e.staying_until = x.released.callers_due;
  auto offered = true;
  for (auto& task : x.released.offers)
    offered = offer(std::move(task)) && offered;
  send_messages(e, x);
  tell_asker(e, x, leased);
  end_return(x);
  if (c->order)
    c->order->is_done = !x.released.try_again;
  if (!x.released.try_again && e.is == entry::phase::live)
    e.deadline_unknown = false;
  take_news(e, x.released);
  if (x.released.try_again)
    wait_for_next_try(e, *c);
  if (!offered || (x.released.try_again && (e.deadline_unknown || c->by == call::origin::slot)))
    retry_later(e);
  else if (!e.retry_at && (x.appended || c->by == call::origin::slot))
    e.retries = 0;
  if (x.released.wait)
    add_poll(e, c, std::move(*x.released.wait));
  note_memory(e, x);
  reschedule(e);
  if (e.is == entry::phase::dying)
    return settle(e);
  if (e.is != entry::phase::live)
    return;
  touch_use(e);
  if (e.drop_next && e.rests())
    drop_actor(e);
  else if (epoch_ == 0 && e.calls.empty())
    begin_dying(e, false);
}

/// Whoever sent the call comes again after a pause; what was due is not to be done at once.
void slot::wait_for_next_try(entry& e, const call& c) {
  ask_again_for_messages(c);
  auto is_current = c.request.run_id().empty() || c.request.run_id() == e.current_run_id;
  if (c.request.has_wake() && is_current && e.timer_at && *e.timer_at <= shared_.time.now())
    e.timer_at.reset();
}

void slot::keep_caller(entry& e, const call_ptr& c) {
  if (!c->gone) {
    count(e, *c);
    e.staying.push_back(c);
  } else if (e.is == entry::phase::live) {
    send(e.actor, cancel_atom_v, c->id, c->from);
  }
}

void slot::release_answers(entry& e, outcome& x, bool leased) {
  for (auto& a : x.released.answers) {
    std::erase_if(e.staying, [&](const call_ptr& c) {
      auto is_answered = c->id == a.id && c->from == a.to;
      if (is_answered)
        uncount(e, *c);
      return is_answered;
    });
    // What brings tasks and is not sent stays here, and goes back with the outcome.
    if (!leased)
      send(a.to, reply_atom_v, a.id, to_reply(not_served()));
    else if (a.read)
      read_answer(std::move(a));
    else if (a.reply.tasks() != cluster::Reply::NOWHERE)
      send(a.to, reply_atom_v, a.id,
           std::make_shared<task_reply>(shared_.returns, std::exchange(a.reply, {})));
    else
      send(a.to, reply_atom_v, a.id, std::move(a.reply));
  }
}

void slot::read_answer(answer a) {
  auto to = a.to;
  auto id = a.id;
  // Of a job that is not run, too.
  auto tasks = std::make_shared<started_tasks>(shared_.returns, std::exchange(a.task_tokens, {}));
  auto job = [&shared = shared_, tasks = std::move(tasks), a = std::move(a), slot = number_,
              tenure = shared_.own_lease.tenure(number_)] {
    auto r = read_guarded(a.read, shared.db);
    if (!shared.own_lease.valid_since(slot, tenure))
      r = to_reply(not_served());
    // A history that cannot be had for good is not asked for again and again.
    auto may_come_back = r.status().code() == static_cast<int>(errc::unavailable);
    if (!r.has_status())
      r.set_tasks(a.reply.tasks());
    if (r.tasks() == cluster::Reply::NOWHERE)
      caf::anon_send(a.to, reply_atom_v, a.id, std::move(r));
    else
      caf::anon_send(a.to, reply_atom_v, a.id,
                     std::make_shared<task_reply>(shared.returns, std::move(r)));
    if (!may_come_back)
      tasks->release();
  };
  if (!shared_.readers.offer(lane::points, std::move(job)))
    send(to, reply_atom_v, id, to_reply(overloaded()));
}

bool slot::offer(cluster::Task task) {
  auto queue = shared_.queue_of(task);
  if (queue)
    send(queue, offer_atom_v, std::move(task));
  return static_cast<bool>(queue);
}

void slot::tell_asker(const entry& e, outcome& x, bool leased) {
  auto& c = *x.what;
  if (c.by == call::origin::peer)
    return end_peer_call(x);
  if (c.by == call::origin::timer) {
    if (x.released.try_again)
      send(shared_.timer.get(), later_atom_v, c.id);
    else
      send(shared_.timer.get(), credit_atom_v, c.id);
  }
  if (c.by != call::origin::queue)
    return;
  // A task is thrown away for what an execution reads only while nobody else can know better.
  auto knows = x.appended || (e.is == entry::phase::live && leased);
  if (x.released.try_again || (x.released.obsolete_task && !knows))
    send(c.queue, later_atom_v, c.request.handout());
  else if (x.released.obsolete_task)
    send(c.queue, obsolete_atom_v, c.request.handout());
  else
    send(c.queue, taken_atom_v, c.request.handout());
}

void slot::take_news(entry& e, effects& fx) {
  if (fx.current) {
    e.current_run_id = fx.current->run_id;
    e.timer_at = fx.current->timer_at;
    wake_polls(e, *fx.current);
  }
  if (!fx.other)
    return;
  arm(e, *fx.other);
  wake_polls(e, *fx.other);
}

void slot::arm(const entry& e, const run_news& older) {
  if (older.timer_at)
    send(shared_.timer.get(), arm_atom_v, e.namespace_id, number_of(e.kind), e.workflow_id,
         older.run_id, older.timer_at->time_since_epoch().count());
}

void slot::add_poll(entry& e, const call_ptr& c, engine::event_wait until) {
  if (c->gone)
    return;
  if (epoch_ == 0 || until.expires <= shared_.time.now()) {
    send(c->from, reply_atom_v, c->id, to_reply(std::move(until.expired)));
    return;
  }
  if (e.polls.size() >= shared_.capacity.workflow.polls_max) {
    shared_.watch.refused.workflow_polls.add();
    return refuse(c, busy_workflow());
  }
  e.polls.push_back({c, std::move(until)});
  shared_.watch.history_polls.add(1);
  shared_.watch.used.workflow_polls.note(e.polls.size());
}

void slot::wake_polls(entry& e, const run_news& news) {
  auto comes_true = [&](const engine::event_wait& w) {
    return w.run_id == news.run_id
           && (!news.open || (!w.close_only && news.next_event_id > w.wanted_event_id));
  };
  std::vector<call_ptr> woken;
  std::erase_if(e.polls, [&](waiting_poll& p) {
    if (!comes_true(p.until))
      return false;
    // It waited for this run, and that one closed perhaps because another follows.
    p.what->request.set_run_id(p.until.run_id);
    woken.push_back(std::move(p.what));
    return true;
  });
  shared_.watch.history_polls.add(-static_cast<std::int64_t>(woken.size()));
  for (const auto& c : woken) {
    c->decided = false;
    c->tries_to_load = 0;
    // It was let in already.
    if (epoch_ != 0)
      admit(e, c);
    else if (!pass_on(c))
      refuse(c, not_served());
  }
}

void slot::expire_polls(entry& e, time_point now) {
  auto gone = std::erase_if(e.polls, [&](waiting_poll& p) {
    if (p.until.expires > now)
      return false;
    send(p.what->from, reply_atom_v, p.what->id, to_reply(std::move(p.until.expired)));
    return true;
  });
  shared_.watch.history_polls.add(-static_cast<std::int64_t>(gone));
}

void slot::note_memory(entry& e, const outcome& x) {
  e.rows_behind_snapshot = x.rows_behind_snapshot;
  if (x.resident_bytes == 0 || e.is != entry::phase::live)
    return;
  auto grown = static_cast<std::int64_t>(x.resident_bytes)
               - static_cast<std::int64_t>(e.resident_bytes);
  e.resident_bytes = x.resident_bytes;
  shared_.resident_bytes.fetch_add(grown, std::memory_order_relaxed);
  shared_.watch.resident_bytes.add(grown);
  if (grown <= 0 || !shared_.over_budget())
    return;
  // Slots know only their own executions; taking turns makes the whole nearly least recently used.
  send(shared_.slots[shared_.next_to_trim()].get(), trim_atom_v);
}

} // namespace reprise::actors
