#include "store/sqlite/transaction_writer.hpp"

#include "store/columns.hpp"
#include "store/sqlite/visibility_table.hpp"

#include <algorithm>

namespace reprise::store::sqlite {

namespace {

std::int64_t as_integer(std::uint64_t n) noexcept {
  return static_cast<std::int64_t>(n);
}

std::int64_t as_integer(machine_kind kind) noexcept {
  return static_cast<std::int64_t>(kind);
}

std::optional<time_point> time_at(const statement& s, int column) {
  if (s.is_null(column))
    return std::nullopt;
  return from_nanoseconds(s.integer(column));
}

} // namespace

// -- what the check asks -------------------------------------------------------------------------

std::optional<stored_run> writer_state::run(std::int64_t key) {
  if (auto entry = known_.find(key); entry != nullptr && epochs_[entry->slot] == entry->epoch)
    return entry->run;
  running s{db_.prepared("SELECT last_seq, timer_at, offer_at FROM runs WHERE run_key = ?")};
  if (!s->bind(key).step())
    return std::nullopt;
  return stored_run{.last_seq = static_cast<std::uint64_t>(s->integer(0)),
                    .timer_at = time_at(*s, 1),
                    .offer_at = time_at(*s, 2)};
}

// Neither is asked: the table would refuse the row, and the member with it.

bool writer_state::has_key(std::int64_t) {
  return false;
}

bool writer_state::has_run_id(const std::string&) {
  return false;
}

std::optional<stored_current> writer_state::current(const actor_address& of) {
  running s{db_.prepared("SELECT r.run_key, r.run_id FROM run_ids i JOIN runs r "
                         "ON r.run_key = i.run_key WHERE i.id_hash = ? AND i.is_current = 1 "
                         "AND r.namespace_id = ? AND r.kind = ? AND r.workflow_id = ? "
                         "ORDER BY i.run_key DESC LIMIT 1")};
  s->bind(sql::id_hash(of.namespace_id, of.kind, of.id)).bind(of.namespace_id);
  s->bind(as_integer(of.kind)).bind(of.id);
  if (!s->step())
    return std::nullopt;
  return stored_current{.run_id = s->string(1), .key = s->integer(0)};
}

bool writer_state::has_message(slot_id slot, const std::string& message_id) {
  running s{db_.prepared("SELECT 1 FROM inbox WHERE message_id = ? AND slot = ?")};
  return s->bind(message_id).bind(std::int64_t{slot}).step();
}

bool writer_state::has_copy(std::int64_t key) {
  running s{db_.prepared("SELECT 1 FROM copies WHERE run_key = ? AND is_dropped = 0")};
  return s->bind(key).step();
}

// -- writing -------------------------------------------------------------------------------------

void transaction_writer::write(const transition& t) {
  member_counts_.clear();
  auto becomes_current = [&](std::int64_t key) {
    return std::ranges::any_of(t.currents, [&](auto& change) { return change.key == key; });
  };
  auto is_created = [&](std::int64_t key) {
    return std::ranges::any_of(
      t.runs, [&](auto& w) { return w.what == run_write::kind::create && w.head.key == key; });
  };
  for (auto& w : t.runs)
    write_run(w, w.what == run_write::kind::create && becomes_current(w.head.key));
  for (auto& change : t.currents)
    move_current(change, is_created(change.key));
  for (auto& row : t.backlog_adds) {
    // Replaces what lies in this place, and what the same task has elsewhere.
    auto& s = db_.prepared("INSERT OR REPLACE INTO backlog(namespace_id, queue, kind, priority, "
                           "seq, task_id, task) VALUES(?, ?, ?, ?, ?, ?, ?)");
    s.bind(row.queue.namespace_id).bind(row.queue.name).bind(std::int64_t{row.queue.kind});
    s.bind(std::int64_t{row.priority}).bind(row.seq).bind_unless_empty(row.task_id);
    s.bind_blob(row.task).run();
  }
  for (auto& message : t.inbox_adds)
    take_message(t.slot, message);
  for (auto& message : t.inbox_forgets)
    forget_message(t.slot, message);
  counts_.merge(member_counts_);
}

void transaction_writer::finish() {
  write_counts(db_, counts_);
}

void transaction_writer::write_run(const run_write& w, bool becomes_current) {
  auto key = w.head.key;
  switch (w.what) {
    case run_write::kind::create:
      insert_head(w.head, becomes_current);
      insert_row(key, w.row);
      if (w.on_copy)
        db_.prepared("DELETE FROM copies WHERE run_key = ?").bind(key).run();
      break;
    case run_write::kind::append:
      update_head(w.head);
      insert_row(key, w.row);
      break;
    case run_write::kind::touch:
      db_.prepared("UPDATE runs SET timer_at = ?, offer_at = ? WHERE run_key = ?")
        .bind(w.head.timer_at)
        .bind(w.head.offer_at)
        .bind(key)
        .run();
      break;
    case run_write::kind::erase:
      return erase_run(w);
  }
  if (w.visibility)
    put_visibility(db_, key, *w.visibility, w.what == run_write::kind::create, member_counts_);
  if (w.snap)
    put_snapshot(key, *w.snap);
  if (w.forget_facts_to)
    forget_facts(key, *w.forget_facts_to);
}

void transaction_writer::insert_head(const run_head& head, bool becomes_current) {
  auto& s = db_.prepared("INSERT INTO runs(run_key, last_seq, next_event_id, status, timer_at, "
                         "offer_at, slot, namespace_id, kind, workflow_id, run_id) "
                         "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  s.bind(head.key).bind(as_integer(head.last_seq)).bind(head.next_event_id);
  s.bind(std::int64_t{head.status}).bind(head.timer_at).bind(head.offer_at);
  s.bind(std::int64_t{head.slot}).bind(head.namespace_id).bind(as_integer(head.kind));
  s.bind(head.workflow_id).bind(head.run_id).run();
  auto& id = db_.prepared("INSERT INTO run_ids(id_hash, run_key, is_current) VALUES(?, ?, ?)");
  id.bind(sql::id_hash(head.namespace_id, head.kind, head.workflow_id)).bind(head.key);
  id.bind(std::int64_t{becomes_current}).run();
}

/// Most transitions move neither deadline, and an index entry that need not move costs as much as
/// the row: so there is a statement for each case.
void transaction_writer::update_head(const run_head& head) {
  auto before = check_.before(head.key);
  auto timer_moves = before == nullptr || before->timer_at != head.timer_at;
  auto offer_moves = before == nullptr || before->offer_at != head.offer_at;
  auto choose = [&]() -> statement& {
    if (timer_moves && offer_moves)
      return db_.prepared("UPDATE runs SET last_seq = ?, next_event_id = ?, status = ?, "
                          "timer_at = ?, offer_at = ? WHERE run_key = ?");
    if (timer_moves)
      return db_.prepared("UPDATE runs SET last_seq = ?, next_event_id = ?, status = ?, "
                          "timer_at = ? WHERE run_key = ?");
    if (offer_moves)
      return db_.prepared("UPDATE runs SET last_seq = ?, next_event_id = ?, status = ?, "
                          "offer_at = ? WHERE run_key = ?");
    return db_.prepared("UPDATE runs SET last_seq = ?, next_event_id = ?, status = ? "
                        "WHERE run_key = ?");
  };
  auto& s = choose();
  s.bind(as_integer(head.last_seq)).bind(head.next_event_id).bind(std::int64_t{head.status});
  if (timer_moves)
    s.bind(head.timer_at);
  if (offer_moves)
    s.bind(head.offer_at);
  s.bind(head.key).run();
  if (db_.changes() != 1)
    throw failure{SQLITE_ERROR, "a run that was appended to is not there"};
}

void transaction_writer::insert_row(std::int64_t key, const journal_row& row) {
  auto& s = db_.prepared("INSERT INTO journal(run_key, seq, first_event_id, event_count, events, "
                         "facts) VALUES(?, ?, ?, ?, ?, ?)");
  s.bind(key).bind(as_integer(row.seq)).bind(row.first_event_id);
  s.bind(std::int64_t{row.event_count}).bind_blob(row.events).bind_blob(row.facts).run();
}

void transaction_writer::put_snapshot(std::int64_t key, const snapshot& snap) {
  auto& s = db_.prepared("INSERT INTO snapshots(run_key, seq, state) VALUES(?, ?, ?) "
                         "ON CONFLICT(run_key) DO UPDATE SET seq = excluded.seq, "
                         "state = excluded.state");
  s.bind(key).bind(as_integer(snap.seq)).bind_blob(snap.state).run();
}

void transaction_writer::forget_facts(std::int64_t key, std::uint64_t to) {
  std::int64_t from = 0;
  {
    running s{db_.prepared("SELECT facts_forgotten_to FROM snapshots WHERE run_key = ?")};
    if (s->bind(key).step())
      from = s->integer(0);
  }
  auto forgotten = as_integer(to);
  db_
    .prepared("DELETE FROM journal WHERE run_key = ? AND seq > ? AND seq <= ? "
              "AND event_count = 0")
    .bind(key)
    .bind(from)
    .bind(forgotten)
    .run();
  db_
    .prepared("UPDATE journal SET facts = x'' WHERE run_key = ? AND seq > ? AND seq <= ? "
              "AND length(facts) > 0")
    .bind(key)
    .bind(from)
    .bind(forgotten)
    .run();
  db_
    .prepared("UPDATE snapshots SET facts_forgotten_to = ? WHERE run_key = ? "
              "AND facts_forgotten_to < ?")
    .bind(forgotten)
    .bind(key)
    .bind(forgotten)
    .run();
}

void transaction_writer::erase_run(const run_write& w) {
  const auto& head = w.head;
  db_.prepared("DELETE FROM runs WHERE run_key = ?").bind(head.key).run();
  db_.prepared("DELETE FROM run_ids WHERE id_hash = ? AND run_key = ?")
    .bind(sql::id_hash(head.namespace_id, head.kind, head.workflow_id))
    .bind(head.key)
    .run();
  db_.prepared("DELETE FROM journal WHERE run_key = ?").bind(head.key).run();
  db_.prepared("DELETE FROM snapshots WHERE run_key = ?").bind(head.key).run();
  erase_visibility(db_, head.key, member_counts_);
  if (w.with_messages)
    db_.prepared("DELETE FROM inbox WHERE message_id > ? AND message_id < ?")
      .bind(messages_from(head.run_id))
      .bind(messages_to(head.run_id))
      .run();
}

void transaction_writer::move_current(const current_change& change, bool is_marked) {
  auto hash = sql::id_hash(change.namespace_id, change.kind, change.workflow_id);
  auto before = check_.current_before(change);
  if (before != nullptr && before->key != change.key)
    db_.prepared("UPDATE run_ids SET is_current = 0 WHERE id_hash = ? AND run_key = ?")
      .bind(hash)
      .bind(before->key)
      .run();
  if (!is_marked)
    db_
      .prepared("INSERT INTO run_ids(id_hash, run_key, is_current) VALUES(?, ?, 1) "
                "ON CONFLICT(id_hash, run_key) DO UPDATE SET is_current = 1")
      .bind(hash)
      .bind(change.key)
      .run();
}

void transaction_writer::take_message(slot_id slot, const inbox_add& message) {
  auto& s = db_.prepared("INSERT INTO inbox(message_id, slot, range_id, taken_at, sender, answer) "
                         "VALUES(?, ?, ?, ?, ?, ?)");
  s.bind(message.message_id).bind(std::int64_t{slot}).bind(std::int64_t{range_of(slot)});
  s.bind(nanoseconds(message.taken_at)).bind_blob(message.sender).bind_blob(message.answer).run();
}

void transaction_writer::forget_message(slot_id slot, const inbox_forget& message) {
  auto& s = db_.prepared("UPDATE inbox SET forgotten_at = ? WHERE message_id = ? AND slot = ? "
                         "AND forgotten_at IS NULL");
  s.bind(nanoseconds(message.forgotten_at)).bind(message.message_id).bind(std::int64_t{slot});
  s.run();
}

} // namespace reprise::store::sqlite
