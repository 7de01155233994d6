#include "store/columns.hpp"
#include "store/memory/memory_store.hpp"

#include <algorithm>

namespace reprise::store {

std::vector<commit_status> memory_store::commit(std::span<const transition> group) {
  std::lock_guard guard{mutex_};
  std::vector<commit_status> statuses;
  statuses.reserve(group.size());
  group_check check{*this};
  for (auto& t : group) {
    statuses.push_back(check.admit(t));
    if (statuses.back() == commit_status::committed)
      apply(t);
  }
  return statuses;
}

// -- what the check asks -------------------------------------------------------------------------

epoch_number memory_store::epoch(slot_id slot) {
  return epochs_[slot];
}

std::optional<stored_run> memory_store::run(std::int64_t key) {
  auto run = run_data_of(key);
  if (run == nullptr)
    return std::nullopt;
  return stored_run{
    .last_seq = run->head.last_seq, .timer_at = run->head.timer_at, .offer_at = run->head.offer_at};
}

bool memory_store::has_key(std::int64_t key) {
  return runs_.contains(key);
}

bool memory_store::has_run_id(const std::string& run_id) {
  return keys_by_run_id_.contains(run_id);
}

std::optional<stored_current> memory_store::current(const actor_address& of) {
  auto found = currents_.find(of);
  auto run = found == currents_.end() ? nullptr : run_data_of(found->second);
  if (run == nullptr)
    return std::nullopt;
  return stored_current{.run_id = run->head.run_id, .key = run->head.key};
}

bool memory_store::has_message(slot_id slot, const std::string& message_id) {
  return inbox_.contains({slot, message_id});
}

const memory_store::run_data* memory_store::run_data_of(std::int64_t key) const {
  auto found = runs_.find(key);
  return found == runs_.end() ? nullptr : &found->second;
}

// -- writing what it admitted --------------------------------------------------------------------

void memory_store::apply(const transition& t) {
  for (auto& w : t.runs)
    apply(w);
  for (auto& change : t.currents)
    currents_.insert_or_assign(
      {.namespace_id = change.namespace_id, .kind = change.kind, .id = change.workflow_id},
      change.key);
  for (auto& row : t.backlog_adds)
    add_backlog(row);
  for (auto& m : t.inbox_adds)
    inbox_.emplace(std::pair{t.slot, m.message_id}, inbox_row{.slot = t.slot,
                                                              .message_id = m.message_id,
                                                              .answer = m.answer,
                                                              .sender = m.sender,
                                                              .taken_at = m.taken_at});
  for (auto& m : t.inbox_forgets)
    if (auto row = inbox_.find({t.slot, m.message_id});
        row != inbox_.end() && !row->second.forgotten_at)
      row->second.forgotten_at = m.forgotten_at;
}

void memory_store::add_backlog(const backlog_row& row) {
  if (auto old = backlog_by_task_.find(row.task_id); old != backlog_by_task_.end()) {
    auto [queue, place] = old->second;
    erase_backlog_row(queue, place);
  }
  backlog_place place{row.priority, row.seq};
  erase_backlog_row(row.queue, place);
  backlogs_[row.queue].emplace(place, backlog_task{.id = row.task_id, .task = row.task});
  if (!row.task_id.empty())
    backlog_by_task_.insert_or_assign(row.task_id, std::pair{row.queue, place});
}

void memory_store::erase_backlog_row(const queue_key& queue, const backlog_place& place) {
  auto rows = backlogs_.find(queue);
  if (rows == backlogs_.end())
    return;
  auto row = rows->second.find(place);
  if (row == rows->second.end())
    return;
  backlog_by_task_.erase(row->second.id);
  rows->second.erase(row);
  if (rows->second.empty())
    backlogs_.erase(rows);
}

void memory_store::apply(const run_write& w) {
  if (w.what == run_write::kind::erase)
    return erase_run(w);
  auto& run = runs_[w.head.key];
  if (w.what == run_write::kind::create) {
    keys_by_run_id_.emplace(w.head.run_id, w.head.key);
    run.head = w.head;
    run.head.timer_at.reset();
    run.head.offer_at.reset();
    if (w.on_copy)
      run.journal = std::move(copies_.extract(w.head.key).mapped().rows);
  }
  set_wakeups(run, w.head);
  if (w.what != run_write::kind::touch) {
    run.head.last_seq = w.head.last_seq;
    run.head.next_event_id = w.head.next_event_id;
    run.head.status = w.head.status;
    run.journal.push_back(w.row);
  }
  if (w.visibility)
    set_listed(run, *w.visibility);
  if (w.snap)
    run.snap = w.snap;
  if (w.forget_facts_to)
    forget_facts(run, *w.forget_facts_to);
}

void memory_store::set_wakeups(run_data& run, const run_head& head) {
  auto move_index = [&](due_index& index, std::optional<time_point> from,
                        std::optional<time_point> to) {
    if (from == to)
      return;
    if (from)
      index.erase({nanoseconds(*from), head.key});
    if (to)
      index.emplace(nanoseconds(*to), head.key);
  };
  move_index(timers_, run.head.timer_at, head.timer_at);
  move_index(offers_, run.head.offer_at, head.offer_at);
  run.head.timer_at = head.timer_at;
  run.head.offer_at = head.offer_at;
}

void memory_store::erase_run(const run_write& w) {
  auto found = runs_.find(w.head.key);
  if (found == runs_.end())
    return;
  auto& run = found->second;
  auto gone = run.head;
  gone.timer_at.reset();
  gone.offer_at.reset();
  set_wakeups(run, gone);
  unlist(run);
  keys_by_run_id_.erase(run.head.run_id);
  auto pointer = currents_.find(
    {.namespace_id = w.head.namespace_id, .kind = w.head.kind, .id = w.head.workflow_id});
  if (pointer != currents_.end() && pointer->second == w.head.key)
    currents_.erase(pointer);
  if (w.with_messages) {
    auto prefix = messages_from(w.head.run_id);
    std::erase_if(inbox_, [&](const auto& row) { return row.first.second.starts_with(prefix); });
  }
  runs_.erase(found);
}

memory_store::list_place memory_store::place_of(const visibility_row& row) {
  return {
    .close_order = close_order(row), .start_time = nanoseconds(row.start_time), .key = row.key};
}

void memory_store::set_listed(run_data& run, const visibility_row& row) {
  unlist(run);
  run.listed = row;
  run.listed->key = run.head.key;
  listed_[{row.namespace_id, row.kind}].insert(place_of(*run.listed));
}

void memory_store::unlist(run_data& run) {
  if (!run.listed)
    return;
  auto found = listed_.find({run.listed->namespace_id, run.listed->kind});
  found->second.erase(place_of(*run.listed));
  if (found->second.empty())
    listed_.erase(found);
  run.listed.reset();
}

void memory_store::forget_facts(run_data& run, std::uint64_t to) {
  auto by_seq = [](const journal_row& r) { return r.seq; };
  auto begin = std::ranges::upper_bound(run.journal, run.facts_forgotten_to, {}, by_seq);
  auto end = std::ranges::upper_bound(run.journal, to, {}, by_seq);
  if (begin >= end)
    return;
  std::for_each(begin, end, [](journal_row& r) { r.facts.clear(); });
  auto kept = std::remove_if(begin, end, [](const journal_row& r) { return r.event_count == 0; });
  run.journal.erase(kept, end);
  run.facts_forgotten_to = to;
}

} // namespace reprise::store
