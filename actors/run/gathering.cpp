#include "actors/run/gathering.hpp"

#include <exception>
#include <new>
#include <utility>

namespace reprise::actors {

namespace {

/// What was copied and has no run after so long never gets one: its server ended.
constexpr duration abandoned_after = std::chrono::hours{1};
constexpr std::size_t swept_rows_max = 1000;

} // namespace

bool gathering::is_done() const {
  return failed || (!asked->wanted() && (is_copied || !asked->copy()));
}

void gathering::step(store::store& db) {
  try {
    if (!std::exchange(swept_, true))
      // That of others; should it fail, the next one does it.
      static_cast<void>(db.sweep_copies(begun_at - abandoned_after, swept_rows_max));
    else if (auto from = asked->wanted())
      read(db, *from);
    else if (auto what = asked->copy(); what && !is_copied)
      copy(db, *what);
  } catch (const std::bad_alloc&) {
    // Half of a step may be done, so it cannot be done again.
    failed = true;
  }
}

bool gathering::find(store::store& db, const std::string& run_id) {
  if (run_ && run_->run_id == run_id)
    return true;
  auto head = db.find_run(namespace_id, kind, workflow_id, run_id);
  failed = !head;
  if (failed || !head->has_value())
    return false;
  run_ = {.run_id = run_id, .key = (*head)->key};
  if (from_key_ == 0)
    from_key_ = run_->key;
  return true;
}

void gathering::read(store::store& db, const engine::history_place& from) {
  if (!find(db, from.run_id)) {
    if (!failed)
      asked->no_more(false);
    return;
  }
  auto rows = db.read_events(run_->key, from.next_event_id, step_bytes_max);
  failed = !rows;
  if (failed)
    return;
  if (rows->empty())
    asked->no_more(true);
  else
    take(std::move(*rows));
}

void gathering::take(std::vector<store::journal_row> rows) {
  stretch now;
  for (const auto& row : rows) {
    asked->take({.seq = row.seq,
                 .first_event_id = row.first_event_id,
                 .event_count = row.event_count,
                 .events = row.events});
    if (first_is_read_)
      continue;
    auto what = asked->copy();
    first_is_read_ = what.has_value();
    if (what && row.seq > what->last_seq)
      continue;
    now.first_seq = now.rows == 0 ? row.seq : now.first_seq;
    now.last_seq = row.seq;
    ++now.rows;
  }
  if (now.rows > 0)
    stretches_.push_back(now);
}

void gathering::copy(store::store& db, const engine::copied_beginning& what) {
  if (next_stretch_ == stretches_.size()) {
    is_copied = true;
    return;
  }
  const auto& now = stretches_[next_stretch_];
  store::history_copy part{.from_key = from_key_,
                           .to_key = to_key,
                           .first_seq = now.first_seq,
                           .last_seq = now.last_seq,
                           .begun_at = begun_at};
  if (next_stretch_ == 0) {
    part.begin = store::journal_row{.seq = 1,
                                    .first_event_id = what.begin.first_event_id,
                                    .event_count = what.begin.event_count,
                                    .events = what.begin.events,
                                    .facts = what.begin.facts};
    copied_rows = 1;
  }
  part.to_seq = copied_rows + 1;
  auto copied = db.copy_history(part);
  failed = !copied || *copied != now.rows;
  copied_rows += now.rows;
  ++next_stretch_;
}

} // namespace reprise::actors
