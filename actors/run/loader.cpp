#include "actors/run/loader.hpp"

#include <exception>
#include <new>
#include <utility>
#include <vector>

namespace reprise::actors {

namespace {

using outcome = loaded_run::outcome;

/// False when the rest must not be read; `out` says why.
bool failed(loaded_run& out, const error& e) {
  out.what = e.code == errc::data_loss ? outcome::poisoned : outcome::unavailable;
  out.text = e.message;
  return false;
}

bool poisoned(loaded_run& out, const std::string& text) {
  out.what = outcome::poisoned;
  out.text = text;
  return false;
}

bool read_snapshot(store::store& db, loaded_run& out) {
  auto snap = db.load_snapshot(out.head.key);
  if (!snap)
    return failed(out, snap.error());
  if (!snap->has_value())
    return true;
  if (!out.state.parse((*snap)->state))
    return poisoned(out, "its snapshot cannot be read");
  out.snapshot_seq = (*snap)->seq;
  return true;
}

/// The rows were folded. A long replay does not move each of them through the tail.
void keep_newest(event_tail& tail, std::vector<store::journal_row>& rows, std::size_t bytes_max) {
  std::size_t bytes = 0;
  auto first = rows.end();
  while (first != rows.begin() && bytes <= bytes_max)
    bytes += (--first)->events.size();
  for (; first != rows.end(); ++first)
    tail.add(first->first_event_id, first->event_count, std::move(first->events));
}

bool replay(store::store& db, const engine::machine& kind, loaded_run& out,
            const run_bounds& bounds) {
  auto seq = out.snapshot_seq;
  while (seq < out.head.last_seq) {
    auto rows = db.read_journal(out.head.key, seq + 1, bounds.replay_bytes_max);
    if (!rows)
      return failed(out, rows.error());
    if (rows->empty())
      return poisoned(out, "its journal ends at row " + std::to_string(seq) + " of "
                             + std::to_string(out.head.last_seq));
    for (auto& row : *rows) {
      if (row.seq != seq + 1)
        return poisoned(out, "its journal lacks row " + std::to_string(seq + 1));
      seq = row.seq;
      engine::record entry{.first_event_id = row.first_event_id,
                           .event_count = row.event_count,
                           .events = std::move(row.events),
                           .facts = std::move(row.facts)};
      if (!kind.evolve(out.state, entry))
        return poisoned(out, "row " + std::to_string(seq) + " of its journal cannot be read");
      row.events = std::move(entry.events);
    }
    keep_newest(out.tail, *rows, bounds.tail_bytes_max);
  }
  // Another commit may have come in between head and rows; the rows are the truth then.
  out.head.last_seq = seq;
  return true;
}

bool check(const engine::machine& kind, loaded_run& out) {
  auto found = kind.standing_of(out.state);
  if (found.run_id != out.head.run_id)
    return poisoned(out, "its journal tells of another run");
  if (found.next_event_id < out.head.next_event_id)
    return poisoned(out, "its journal lacks events");
  return true;
}

bool load(store::store& db, const engine::machine& kind, const run_wanted& which,
          const run_bounds& bounds, loaded_run& out) {
  const auto& [namespace_id, workflow_id, run_id] = which;
  auto head = run_id.empty() ? db.current_run(namespace_id, kind.kind(), workflow_id)
                             : db.find_run(namespace_id, kind.kind(), workflow_id, run_id);
  if (!head)
    return failed(out, head.error());
  if (!head->has_value())
    return false;
  out.head = std::move(**head);
  out.state = kind.make_state();
  return read_snapshot(db, out) && replay(db, kind, out, bounds) && check(kind, out);
}

} // namespace

loaded_run load_run(store::store& db, const engine::machine& kind, const run_wanted& which,
                    const run_bounds& bounds, const std::function<void()>& before) {
  loaded_run out;
  out.tail = event_tail{bounds.tail_bytes_max};
  out.asked_run_id = which.run_id;
  try {
    if (before)
      before();
    if (load(db, kind, which, bounds, out))
      out.what = outcome::found;
  } catch (const std::bad_alloc&) {
    // That says nothing about the journal.
    out.what = outcome::unavailable;
    out.text = "no memory";
  } catch (const std::exception& e) {
    poisoned(out, e.what());
  }
  return out;
}

} // namespace reprise::actors
