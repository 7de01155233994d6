#include "actors/slot/slot.hpp"

#include "actors/call/errors.hpp"
#include "actors/queue/task_buffer.hpp"
#include "engine/machine/proto_time.hpp"

#include <caf/send.hpp>

#include <exception>

namespace reprise::actors {

slot::slot(caf::actor_config& config, services& shared, store::slot_id number)
  : slot_actor::base(config),
    shared_(shared),
    number_(number),
    sent_(shared.capacity.messages, shared.messages) {
}

slot_actor::behavior_type slot::make_behavior() {
  set_down_handler([this](const caf::down_msg& m) { on_down(m); });
  return {
    [this](call_atom, std::uint64_t id, bridge_actor& from, cluster::ExecutionRequest& request) {
      auto c = std::make_shared<call>();
      c->id = id;
      c->from = std::move(from);
      c->request = std::move(request);
      accept(std::move(c));
    },
    [this](call_atom, std::uint64_t id, bridge_actor& from, cluster::ExecutionRequest& request,
           queue_actor& queue) {
      auto c = std::make_shared<call>();
      c->by = call::origin::queue;
      c->id = id;
      c->from = std::move(from);
      c->queue = std::move(queue);
      c->request = std::move(request);
      accept(std::move(c));
    },
    [this](cancel_atom, std::uint64_t id, const bridge_actor& from) { on_cancel(id, from); },
    [this](returned_atom, returned_task_ptr& task) { on_returned(std::move(task)); },
    [this](peer_atom, std::uint64_t from_slot, cluster::ExecutionRequest& request) {
      on_peer(from_slot, request);
    },
    [this](inbox_atom, const std::shared_ptr<inbox_look>& look) { on_looked_up(*look); },
    [this](refuse_atom, cluster::Task& task, bool sticky) { on_refuse(task, sticky); },
    [this](result_atom, outcome_ptr& x) { on_outcomes(std::move(x)); },
    [this](wake_atom, const std::string& ns, std::uint8_t kind, const std::string& id,
           std::string& run,
           std::uint64_t ticket) { on_wake(ns, static_cast<machine_kind>(kind), id, run, ticket); },
    [this](reoffer_atom, const std::string& ns, std::uint8_t kind, const std::string& id,
           std::string& run, std::string& queue, std::uint64_t ticket) {
      auto request = request_to(ns, static_cast<machine_kind>(kind), id);
      request.set_run_id(std::move(run));
      on_reoffer(std::move(request), queue, ticket);
    },
    [this](epoch_atom, std::uint64_t epoch) { on_epoch(epoch); },
    [this](epoch_atom, std::uint64_t seen, std::uint64_t now) { on_raised(seen, now); },
    [this](order_atom, const run_order_ptr& order) { on_order(order); },
    [this](trim_atom) { on_trim(); },
    [this](clock_atom) {
      alarms_.forget();
      arm_tick();
    },
    [this](tick_atom, std::uint64_t ticket) { on_tick(ticket); },
  };
}

void slot::on_exit() {
  // First for all of them what takes no memory: none of their calls may point here afterwards.
  entries_.for_each([this](entry& e) { let_go(e); });
  entries_.for_each([this](entry& e) { send_away(e); });
  agenda_.clear();
  use_order_.clear();
  by_actor_.clear();
  entries_.clear();
  // They go to the next slot.
  returned_early_.clear();
  // These are found by its sweep.
  try {
    forget_messages();
  } catch (const std::exception&) {
    // What is listed of a message that is parked stays listed.
  }
}

const slot_actor* slot::elsewhere() const {
  const auto* now = shared_.routes.elsewhere(number_);
  // That it came back here is told to the slot first.
  return now != nullptr && now->id() != id() ? now : nullptr;
}

bool slot::pass_on(const call_ptr& c) {
  const auto* next = elsewhere();
  if (next == nullptr)
    return false;
  // A queue hands out anew: it knows who has what it handed out.
  if (c->by != call::origin::bridge)
    return false;
  send(*next, call_atom_v, c->id, std::move(c->from), std::move(c->request));
  return true;
}

void slot::pass_on_all(entry& e) {
  auto calls = e.calls;
  for (const auto& c : calls) {
    remove_call(e, *c);
    if (!pass_on(c))
      refuse(c, not_served());
  }
}

void slot::accept(call_ptr c) {
  if (epoch_ == 0) {
    if (!pass_on(c))
      refuse(c, not_served());
    return;
  }
  if (shared_.machine_of(kind_of(c->request)) == nullptr)
    return refuse(c, unknown_kind());
  auto& e = entries_.find_or_add(c->request);
  if (e.is == entry::phase::parked && c->request.has_unpark()) {
    unpark(e);
    // What it missed meanwhile.
    retry_later(e);
    reschedule(e);
  }
  if (c->request.has_unpark())
    forget_failures(e);
  if (e.is == entry::phase::parked)
    return refuse(c, parked_execution(e.workflow_id, e.parked_text));
  if (!e.orders.empty())
    return refuse(c, namespace_gone());
  if (auto* full = full_bound(e, *c)) {
    full->add();
    return refuse(c, busy_workflow());
  }
  admit(e, c);
}

counter* slot::full_bound(const entry& e, const call& c) const {
  const auto& most = shared_.capacity.workflow;
  // A request of any size has its turn.
  if (c.by != call::origin::bridge || e.client_calls == 0)
    return nullptr;
  if (e.client_calls >= most.calls_max)
    return &shared_.watch.refused.workflow_calls;
  if (e.client_bytes + c.request.request_bytes() > most.call_bytes_max)
    return &shared_.watch.refused.workflow_call_bytes;
  return nullptr;
}

void slot::admit(entry& e, const call_ptr& c) {
  add_call(e, c);
  if (e.is == entry::phase::live)
    forward(e, c);
  else if (e.is == entry::phase::absent)
    spawn_execution(e);
}

void slot::count(entry& e, call& c) {
  if (c.counted || c.by != call::origin::bridge)
    return;
  c.counted = true;
  ++e.client_calls;
  e.client_bytes += c.request.request_bytes();
  shared_.watch.used.workflow_calls.note(e.client_calls);
  shared_.watch.used.workflow_call_bytes.note(e.client_bytes);
}

void slot::uncount(entry& e, call& c) {
  if (!c.counted)
    return;
  c.counted = false;
  --e.client_calls;
  e.client_bytes -= c.request.request_bytes();
}

void slot::add_call(entry& e, const call_ptr& c) {
  c->owner = &e;
  count(e, *c);
  e.calls.push_back(c);
  e.drop_next = false;
  shared_.calls_under_way.fetch_add(1, std::memory_order_relaxed);
}

void slot::accept_internal(cluster::ExecutionRequest&& request, std::uint64_t ticket) {
  auto c = std::make_shared<call>();
  c->by = ticket == 0 ? call::origin::slot : call::origin::timer;
  c->id = ticket;
  c->request = std::move(request);
  accept(std::move(c));
}

cluster::ExecutionRequest slot::request_to(const std::string& namespace_id, machine_kind kind,
                                           const std::string& id) {
  cluster::ExecutionRequest out;
  out.set_namespace_id(namespace_id);
  out.set_machine(number_of(kind));
  out.set_workflow_id(id);
  return out;
}

cluster::ExecutionRequest slot::request_to(const entry& e) {
  return request_to(e.namespace_id, e.kind, e.workflow_id);
}

void slot::forward(entry& e, const call_ptr& c) {
  send(e.actor, call_atom_v, c);
}

void slot::refuse(const call_ptr& c, const error& why) {
  switch (c->by) {
    case call::origin::bridge:
      if (c->from)
        send(c->from, reply_atom_v, c->id, to_reply(why));
      return;
    case call::origin::queue:
      send(c->queue, later_atom_v, c->request.handout());
      return;
    case call::origin::timer:
      send(shared_.timer.get(), later_atom_v, c->id);
      return;
    case call::origin::slot:
      if (c->returned)
        keep_returned(*c);
      ask_again_for_messages(*c);
      return;
    case call::origin::peer:
      return drop_peer_call(*c);
  }
}

void slot::on_cancel(std::uint64_t id, const bridge_actor& from) {
  // Rare (a caller hung up), so a walk over the entries is cheap enough: they are few a slot.
  std::vector<entry*> rested;
  entries_.for_each([&](entry& e) {
    auto gone = std::erase_if(
      e.polls, [&](const waiting_poll& p) { return p.what->id == id && p.what->from == from; });
    if (gone > 0) {
      shared_.watch.history_polls.add(-static_cast<std::int64_t>(gone));
      rested.push_back(&e);
    }
    auto left = std::erase_if(e.staying, [&](const call_ptr& c) {
      auto hung_up = c->id == id && c->from == from;
      if (hung_up)
        uncount(e, *c);
      return hung_up;
    });
    if (left > 0 && e.is == entry::phase::live)
      send(e.actor, cancel_atom_v, id, from);
    for (const auto& c : e.calls)
      c->gone = c->gone || (c->id == id && c->from == from);
  });
  for (auto* e : rested) {
    reschedule(*e);
    maybe_forget(*e);
  }
}

void slot::on_returned(returned_task_ptr task) {
  if (epoch_ == 0)
    return keep_early(std::move(task));
  auto c = std::make_shared<call>();
  c->by = call::origin::slot;
  c->request = task->task().request;
  c->returned = std::move(task);
  accept(std::move(c));
}

void slot::keep_early(returned_task_ptr task) {
  if (const auto* next = elsewhere())
    return send(*next, returned_atom_v, std::move(task));
  auto& shown = shared_.watch.used.returned_tasks;
  if (returned_early_.size() < shared_.capacity.returned_max) {
    returned_early_.push_back(std::move(task));
    return shown.note(returned_early_.size());
  }
  shared_.watch.refused.returned_tasks.add();
  task->is_done = true;
}

void slot::take_back_early() {
  if (epoch_ == 0 && elsewhere() == nullptr)
    return;
  for (auto& task : std::exchange(returned_early_, {}))
    on_returned(std::move(task));
}

void slot::end_return(const outcome& x) {
  auto& c = *x.what;
  if (!c.returned)
    return;
  if (x.released.try_again)
    return keep_returned(c);
  shared_.watch.taken_back.add();
  c.returned->is_done = true;
}

void slot::keep_returned(call& c) {
  // An execution that dies of it is not tried for ever.
  constexpr int deaths_max = 10;
  auto task = std::exchange(c.returned, nullptr);
  task->task().deaths += c.threw ? 1 : 0;
  auto* e = entries_.find(c.request);
  if (epoch_ == 0)
    return keep_early(std::move(task));
  if (e == nullptr || e->is == entry::phase::parked || task->task().deaths > deaths_max) {
    task->is_done = true;
    return;
  }
  e->returned.push_back(std::move(task));
  retry_later(*e);
  reschedule(*e);
}

void slot::take_back_again(entry& e) {
  for (auto& task : std::exchange(e.returned, {}))
    on_returned(std::move(task));
}

void slot::on_refuse(cluster::Task& task, bool sticky) {
  if (epoch_ == 0) {
    // Else whoever owns the slot next has all tasks offered again.
    if (const auto* next = elsewhere())
      send(*next, refuse_atom_v, std::move(task), sticky);
    return;
  }
  if (!sticky && task.kind() == cluster::Task::QUERY)
    return on_query_gave_way(task);
  if (!sticky)
    return write_backlog(task);
  auto request = request_to(task.namespace_id(), kind_of(task), task.workflow_id());
  request.set_run_id(task.run_id());
  request.mutable_reoffer()->set_sticky_unavailable(true);
  request.mutable_reoffer()->set_task_queue(task.task_queue());
  accept_internal(std::move(request));
}

void slot::on_query_gave_way(cluster::Task& task) {
  auto* e = entries_.find(task);
  if (e == nullptr || e->staying.empty())
    return;
  auto request = request_to(*e);
  request.mutable_refuse_query()->set_query_id(task.query_id());
  request.mutable_refuse_query()->set_task_queue(task.task_queue());
  accept_internal(std::move(request));
}

void slot::write_backlog(cluster::Task& task) {
  // A row of the backlog belongs to no run: the execution knows its task, this is only its place
  // in the queue.
  auto x = std::make_shared<outcome>();
  x->appended = true;
  x->write.slot = number_;
  x->write.epoch = epoch_;
  store::backlog_row row{.queue = {.namespace_id = task.namespace_id(),
                                   .name = task.task_queue(),
                                   .kind = static_cast<int>(task.kind())},
                         .priority = task_buffer::priority_of(task),
                         .seq = shared_.keys.next(shared_.time.now(), number_)};
  row.task_id = task_identity(task);
  row.task = task.SerializeAsString();
  x->write_bytes = row.task.size() + 512;
  x->write.backlog_adds.push_back(std::move(row));
  x->released.offers.push_back(std::move(task));
  shared_.appends_sent.fetch_add(1, std::memory_order_relaxed);
  send(shared_.writer, append_atom_v, std::move(x));
}

void slot::on_wake(const std::string& namespace_id, machine_kind kind, const std::string& id,
                   std::string& run_id, std::uint64_t ticket) {
  auto* e = entries_.find(namespace_id, kind, id);
  auto knows_better = e != nullptr && e->is == entry::phase::live
                      && (run_id.empty() || run_id == e->current_run_id) && e->timer_at
                      && *e->timer_at > shared_.time.now();
  if (knows_better) {
    send(shared_.timer.get(), credit_atom_v, ticket);
    return;
  }
  auto request = request_to(namespace_id, kind, id);
  request.set_run_id(std::move(run_id));
  request.mutable_wake();
  accept_internal(std::move(request), ticket);
}

void slot::on_reoffer(cluster::ExecutionRequest&& request, std::string& queue,
                      std::uint64_t ticket) {
  request.mutable_reoffer()->set_queue_was_lost(true);
  request.mutable_reoffer()->set_task_queue(std::move(queue));
  accept_internal(std::move(request), ticket);
}

void slot::on_tick(std::uint64_t ticket) {
  alarms_.rang(ticket);
  auto now = shared_.time.now();
  while (!agenda_.empty() && agenda_.begin()->first <= now) {
    auto& e = *agenda_.begin()->second;
    agenda_.erase(agenda_.begin());
    e.agenda_at.reset();
    expire_polls(e, now);
    auto retries = e.retry_at && *e.retry_at <= now;
    auto due = (e.timer_at && *e.timer_at <= now) || (e.staying_until && *e.staying_until <= now);
    if (retries) {
      e.retry_at.reset();
      auto request = request_to(e);
      request.mutable_reoffer()->set_queue_was_lost(true);
      accept_internal(std::move(request));
      take_back_again(e);
    }
    if (e.early && e.early->flush_at && *e.early->flush_at <= now)
      flush_early_start(e);
    if (due || retries) {
      // Set again by the news that come with the outcome.
      e.timer_at.reset();
      e.staying_until.reset();
      auto request = request_to(e);
      request.mutable_wake();
      accept_internal(std::move(request));
    }
    reschedule(e);
    maybe_forget(e);
  }
  send_due_messages();
  arm_tick();
}

void slot::on_trim() {
  constexpr int drops_max = 4;
  auto drops = 0;
  for (auto place = use_order_.begin(); place != use_order_.end() && drops < drops_max;) {
    auto& e = **place++;
    if (!e.rests() || e.is != entry::phase::live)
      continue;
    ++drops;
    passivate(e);
  }
}

} // namespace reprise::actors
