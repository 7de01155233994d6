// What is ordered of runs from outside: erase those of a deleted namespace, have the closed ones
// look at their retention again.
#include "actors/call/errors.hpp"
#include "actors/slot/run_order.hpp"
#include "actors/slot/slot.hpp"

#include <caf/send.hpp>

#include <utility>

namespace reprise::actors {

using store::commit_status;

void slot::on_order(const run_order_ptr& order) {
  if (epoch_ == 0)
    return;
  if (order->what == run_round::work::review)
    return review(order);
  const auto& run = order->head;
  auto& e = entries_.find_or_add(run.namespace_id, run.kind, run.workflow_id);
  e.orders.push_back(order);
  switch (e.is) {
    case entry::phase::parked:
      unpark(e);
      [[fallthrough]];
    case entry::phase::absent:
      return carry_out(e);
    case entry::phase::live:
      begin_dying(e, false);
      return settle(e);
    case entry::phase::dying:
      return;
  }
}

/// Of an entry that has no actor, and of which nothing is under way. What it has goes first: nobody
/// is to write behind what is erased, or wait for it.
void slot::carry_out(entry& e) {
  auto gone = namespace_gone();
  refuse_all(e, gone);
  for (const auto& p : std::exchange(e.polls, {})) {
    shared_.watch.history_polls.add(-1);
    refuse(p.what, gone);
  }
  for (auto& task : std::exchange(e.returned, {}))
    task->is_done = true;
  e.retry_at.reset();
  e.timer_at.reset();
  e.deadline_unknown = false;
  reschedule(e);
  for (const auto& order : e.orders) {
    if (std::exchange(order->is_under_way, true))
      continue;
    auto x = std::make_shared<outcome>();
    x->order = order;
    x->appended = true;
    x->write.slot = number_;
    x->write.epoch = epoch_;
    x->write.runs.push_back(
      {.what = store::run_write::kind::erase, .head = order->head, .with_messages = true});
    x->write_bytes = 512;
    shared_.appends_sent.fetch_add(1, std::memory_order_relaxed);
    send(shared_.writer, append_atom_v, std::move(x));
  }
}

void slot::end_order(const outcome& x) {
  x.order->is_done = x.status == commit_status::committed;
  auto* e = entries_.find(x.order->head.namespace_id, x.order->head.kind,
                          x.order->head.workflow_id);
  if (e == nullptr)
    return;
  std::erase(e->orders, x.order);
  maybe_forget(*e);
}

/// The run looks by being woken. One that was not in memory does not stay there: a namespace has
/// many, and others need the room.
void slot::review(const run_order_ptr& order) {
  const auto& run = order->head;
  auto* known = entries_.find(run.namespace_id, run.kind, run.workflow_id);
  // It looks when it is unparked.
  if (known != nullptr && known->is == entry::phase::parked) {
    order->is_done = true;
    return;
  }
  auto was_here = known != nullptr && known->is == entry::phase::live;
  auto c = std::make_shared<call>();
  c->by = call::origin::slot;
  c->request = request_to(run.namespace_id, run.kind, run.workflow_id);
  c->request.set_run_id(run.run_id);
  c->request.mutable_wake();
  c->order = order;
  accept(std::move(c));
  auto* e = entries_.find(run.namespace_id, run.kind, run.workflow_id);
  if (e != nullptr && e->is == entry::phase::live && !was_here)
    e->drop_next = true;
}

} // namespace reprise::actors
