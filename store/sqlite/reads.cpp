#include "store/columns.hpp"
#include "store/sqlite/sqlite_store.hpp"

#include <algorithm>

namespace reprise::store::sqlite {

namespace {

run_head read_head(const statement& s) {
  run_head head{.key = s.integer(0),
                .slot = static_cast<slot_id>(s.integer(6)),
                .namespace_id = s.string(7),
                .kind = static_cast<machine_kind>(s.integer(8)),
                .workflow_id = s.string(9),
                .run_id = s.string(10),
                .last_seq = static_cast<std::uint64_t>(s.integer(1)),
                .next_event_id = s.integer(2),
                .status = static_cast<int>(s.integer(3))};
  if (!s.is_null(4))
    head.timer_at = from_nanoseconds(s.integer(4));
  if (!s.is_null(5))
    head.offer_at = from_nanoseconds(s.integer(5));
  return head;
}

std::optional<run_head> read_one_head(statement& s) {
  if (!s.step())
    return std::nullopt;
  return read_head(s);
}

std::int64_t as_integer(machine_kind kind) noexcept {
  return static_cast<std::int64_t>(kind);
}

/// A page size as SQLite takes it; a negative LIMIT would mean none.
std::int64_t as_limit(std::size_t limit) {
  return static_cast<std::int64_t>(std::min(limit, std::size_t{1} << 31));
}

/// Rows of (seq, first_event_id, event_count, events, facts) until the bytes are passed.
std::vector<journal_row> read_rows(statement& s, std::size_t bytes_max) {
  std::vector<journal_row> rows;
  for (std::size_t bytes = 0; (rows.empty() || bytes < bytes_max) && s.step();) {
    auto& row = rows.emplace_back();
    row.seq = static_cast<std::uint64_t>(s.integer(0));
    row.first_event_id = s.integer(1);
    row.event_count = static_cast<std::int32_t>(s.integer(2));
    row.events = s.string(3);
    row.facts = s.string(4);
    bytes += row.events.size() + row.facts.size();
  }
  return rows;
}

enum class edge : std::uint8_t {
  first,
  end
};

/// The least number from which on journal rows begin (or end) behind the event. Event ids grow with
/// the rows, so it is found by halving, with one look into the index a step.
std::int64_t rows_behind(database& db, std::int64_t key, std::int64_t event, edge what) {
  std::int64_t low = 0;
  std::int64_t high = 0;
  {
    running s{db.prepared("SELECT last_seq FROM runs WHERE run_key = ?")};
    if (!s->bind(key).step())
      return 0;
    high = s->integer(0) + 1;
  }
  while (low < high) {
    auto middle = low + (high - low) / 2;
    running s{db.prepared("SELECT seq, first_event_id, event_count FROM journal "
                          "WHERE run_key = ? AND seq >= ? ORDER BY seq LIMIT 1")};
    auto found = s->bind(key).bind(middle).step();
    if (!found || s->integer(1) + (what == edge::end ? s->integer(2) : 0) > event)
      high = middle;
    else
      low = s->integer(0) + 1;
  }
  return low;
}

std::vector<due_run> read_due(statement& s) {
  std::vector<due_run> due;
  while (s.step())
    due.push_back({.at = from_nanoseconds(s.integer(0)),
                   .slot = static_cast<slot_id>(s.integer(2)),
                   .key = s.integer(1),
                   .namespace_id = s.string(3),
                   .kind = static_cast<machine_kind>(s.integer(4)),
                   .workflow_id = s.string(5),
                   .run_id = s.string(6)});
  return due;
}

} // namespace

// -- runs ----------------------------------------------------------------------------------------

result<std::optional<run_head>> sqlite_store::current_run(const std::string& namespace_id,
                                                          machine_kind kind,
                                                          const std::string& workflow_id) {
  return reading([&](database& db) -> result<std::optional<run_head>> {
    running s{db.prepared("SELECT r.run_key, r.last_seq, r.next_event_id, r.status, r.timer_at, "
                          "r.offer_at, r.slot, r.namespace_id, r.kind, r.workflow_id, r.run_id "
                          "FROM run_ids i JOIN runs r ON r.run_key = i.run_key "
                          "WHERE i.id_hash = ? AND i.is_current = 1 AND r.namespace_id = ? "
                          "AND r.kind = ? AND r.workflow_id = ? "
                          "ORDER BY i.run_key DESC LIMIT 1")};
    s->bind(sql::id_hash(namespace_id, kind, workflow_id)).bind(namespace_id);
    s->bind(as_integer(kind)).bind(workflow_id);
    return read_one_head(*s);
  });
}

result<std::optional<run_head>>
sqlite_store::find_run(const std::string& namespace_id, machine_kind kind,
                       const std::string& workflow_id, const std::string& run_id) {
  return reading([&](database& db) -> result<std::optional<run_head>> {
    running s{db.prepared("SELECT run_key, last_seq, next_event_id, status, timer_at, offer_at, "
                          "slot, namespace_id, kind, workflow_id, run_id FROM runs "
                          "WHERE run_id = ? AND namespace_id = ? AND kind = ? "
                          "AND workflow_id = ?")};
    s->bind(run_id).bind(namespace_id).bind(as_integer(kind)).bind(workflow_id);
    return read_one_head(*s);
  });
}

result<run_page> sqlite_store::runs_of(const std::string& namespace_id, std::int64_t behind_key,
                                       std::size_t rows_max) {
  return reading([&](database& db) -> result<run_page> {
    running s{db.prepared("SELECT run_key, last_seq, next_event_id, status, timer_at, offer_at, "
                          "slot, namespace_id, kind, workflow_id, run_id FROM runs "
                          "WHERE run_key > ? ORDER BY run_key LIMIT ?")};
    s->bind(behind_key).bind(as_limit(rows_max));
    run_page page{.last_key = behind_key};
    std::size_t looked = 0;
    for (; s->step(); ++looked) {
      page.last_key = s->integer(0);
      if (s->text(7) == namespace_id)
        page.runs.push_back(read_head(*s));
    }
    page.is_last = looked < rows_max;
    return page;
  });
}

result<std::optional<snapshot>> sqlite_store::load_snapshot(std::int64_t key) {
  return reading([&](database& db) -> result<std::optional<snapshot>> {
    running s{db.prepared("SELECT seq, state FROM snapshots WHERE run_key = ?")};
    if (!s->bind(key).step())
      return std::optional<snapshot>{};
    return std::optional{
      snapshot{.seq = static_cast<std::uint64_t>(s->integer(0)), .state = s->string(1)}};
  });
}

result<std::vector<journal_row>>
sqlite_store::read_journal(std::int64_t key, std::uint64_t from_seq, std::size_t bytes_max) {
  return reading([&](database& db) -> result<std::vector<journal_row>> {
    running s{db.prepared("SELECT seq, first_event_id, event_count, events, facts FROM journal "
                          "WHERE run_key = ? AND seq >= ? ORDER BY seq")};
    s->bind(key).bind(static_cast<std::int64_t>(from_seq));
    return read_rows(*s, bytes_max);
  });
}

result<std::vector<journal_row>>
sqlite_store::read_events(std::int64_t key, std::int64_t from_event, std::size_t bytes_max) {
  return reading([&](database& db) -> result<std::vector<journal_row>> {
    auto from = rows_behind(db, key, from_event, edge::end);
    running s{db.prepared("SELECT seq, first_event_id, event_count, events, x'' FROM journal "
                          "WHERE run_key = ? AND seq >= ? AND event_count > 0 ORDER BY seq")};
    s->bind(key).bind(from);
    return read_rows(*s, bytes_max);
  });
}

result<std::vector<journal_row>>
sqlite_store::read_events_reverse(std::int64_t key, std::int64_t to_event, std::size_t bytes_max) {
  return reading([&](database& db) -> result<std::vector<journal_row>> {
    auto behind = rows_behind(db, key, to_event, edge::first);
    running s{db.prepared("SELECT seq, first_event_id, event_count, events, x'' FROM journal "
                          "WHERE run_key = ? AND seq < ? AND event_count > 0 ORDER BY seq DESC")};
    s->bind(key).bind(behind);
    return read_rows(*s, bytes_max);
  });
}

// -- wake-ups ------------------------------------------------------------------------------------

result<std::vector<due_run>> sqlite_store::due_timers(time_point until, time_point after_at,
                                                      std::int64_t after_key, std::size_t limit) {
  return reading([&](database& db) -> result<std::vector<due_run>> {
    running s{db.prepared("SELECT timer_at, run_key, slot, namespace_id, kind, workflow_id, run_id "
                          "FROM runs WHERE timer_at IS NOT NULL AND timer_at <= ? "
                          "AND (timer_at, run_key) > (?, ?) ORDER BY timer_at, run_key LIMIT ?")};
    s->bind(nanoseconds(until)).bind(nanoseconds(after_at)).bind(after_key).bind(as_limit(limit));
    return read_due(*s);
  });
}

result<std::optional<time_point>> sqlite_store::next_timer(time_point after) {
  return reading([&](database& db) -> result<std::optional<time_point>> {
    running s{db.prepared("SELECT timer_at FROM runs WHERE timer_at IS NOT NULL AND timer_at > ? "
                          "ORDER BY timer_at LIMIT 1")};
    if (!s->bind(nanoseconds(after)).step())
      return std::optional<time_point>{};
    return std::optional{from_nanoseconds(s->integer(0))};
  });
}

result<std::vector<due_run>>
sqlite_store::pending_offers(time_point after_at, std::int64_t after_key, std::size_t limit) {
  return reading([&](database& db) -> result<std::vector<due_run>> {
    running s{db.prepared("SELECT offer_at, run_key, slot, namespace_id, kind, workflow_id, run_id "
                          "FROM runs WHERE offer_at IS NOT NULL "
                          "AND (offer_at, run_key) > (?, ?) ORDER BY offer_at, run_key LIMIT ?")};
    s->bind(nanoseconds(after_at)).bind(after_key).bind(as_limit(limit));
    return read_due(*s);
  });
}

// -- inboxes -------------------------------------------------------------------------------------

namespace {

/// A row of (slot, message_id, answer, sender, taken_at, forgotten_at).
inbox_row read_message(const statement& s) {
  inbox_row row{.slot = static_cast<slot_id>(s.integer(0)),
                .message_id = s.string(1),
                .answer = s.string(2),
                .sender = s.string(3),
                .taken_at = from_nanoseconds(s.integer(4))};
  if (!s.is_null(5))
    row.forgotten_at = from_nanoseconds(s.integer(5));
  return row;
}

} // namespace

result<std::optional<inbox_row>> sqlite_store::read_inbox(slot_id slot,
                                                          const std::string& message_id) {
  return reading([&](database& db) -> result<std::optional<inbox_row>> {
    running s{db.prepared("SELECT slot, message_id, answer, sender, taken_at, forgotten_at "
                          "FROM inbox WHERE message_id = ? AND slot = ?")};
    if (!s->bind(message_id).bind(std::int64_t{slot}).step())
      return std::optional<inbox_row>{};
    return std::optional{read_message(*s)};
  });
}

result<std::vector<inbox_row>> sqlite_store::unforgotten(range_id range, time_point taken_before,
                                                         const inbox_place& behind,
                                                         std::size_t limit) {
  return reading([&](database& db) -> result<std::vector<inbox_row>> {
    running s{db.prepared("SELECT slot, message_id, answer, sender, taken_at, forgotten_at "
                          "FROM inbox WHERE range_id = ? AND forgotten_at IS NULL "
                          "AND taken_at < ? AND (taken_at, message_id, slot) > (?, ?, ?) "
                          "ORDER BY taken_at, message_id, slot LIMIT ?")};
    s->bind(std::int64_t{range}).bind(nanoseconds(taken_before));
    s->bind(nanoseconds(behind.taken_at)).bind(behind.message_id);
    s->bind(std::int64_t{behind.slot}).bind(as_limit(limit));
    std::vector<inbox_row> rows;
    while (s->step())
      rows.push_back(read_message(*s));
    return rows;
  });
}

result<std::size_t> sqlite_store::sweep_inbox(range_id range, time_point forgotten_before,
                                              std::size_t limit) {
  return writing([&](database& db) -> result<std::size_t> {
    db.prepared("DELETE FROM inbox WHERE (message_id, slot) IN (SELECT message_id, slot "
                "FROM inbox WHERE range_id = ? AND forgotten_at < ? ORDER BY forgotten_at LIMIT ?)")
      .bind(std::int64_t{range})
      .bind(nanoseconds(forgotten_before))
      .bind(as_limit(limit))
      .run();
    return static_cast<std::size_t>(db.changes());
  });
}

// -- backlogs ------------------------------------------------------------------------------------

result<std::vector<backlog_row>>
sqlite_store::read_backlog(const queue_key& queue, int after_priority, std::int64_t after_seq,
                           std::size_t limit) {
  return reading([&](database& db) -> result<std::vector<backlog_row>> {
    running s{db.prepared("SELECT priority, seq, task_id, task FROM backlog WHERE namespace_id = ? "
                          "AND queue = ? AND kind = ? AND (priority, seq) > (?, ?) "
                          "ORDER BY priority, seq LIMIT ?")};
    s->bind(queue.namespace_id).bind(queue.name).bind(std::int64_t{queue.kind});
    s->bind(std::int64_t{after_priority}).bind(after_seq).bind(as_limit(limit));
    std::vector<backlog_row> rows;
    while (s->step())
      rows.push_back({.queue = queue,
                      .priority = static_cast<int>(s->integer(0)),
                      .seq = s->integer(1),
                      .task_id = s->string(2),
                      .task = s->string(3)});
    return rows;
  });
}

result<std::int64_t> sqlite_store::count_backlog(const queue_key& queue) {
  return reading([&](database& db) -> result<std::int64_t> {
    running s{db.prepared("SELECT count(*) FROM backlog WHERE namespace_id = ? AND queue = ? "
                          "AND kind = ?")};
    s->bind(queue.namespace_id).bind(queue.name).bind(std::int64_t{queue.kind}).step();
    return s->integer(0);
  });
}

result<std::vector<queue_key>> sqlite_store::backlog_queues() {
  return reading([&](database& db) -> result<std::vector<queue_key>> {
    std::vector<queue_key> queues;
    queue_key last{.namespace_id = "", .name = "", .kind = 0};
    // From queue to queue by the index: a queue may have a million rows.
    for (;;) {
      running s{db.prepared("SELECT namespace_id, queue, kind FROM backlog "
                            "WHERE (namespace_id, queue, kind) > (?, ?, ?) "
                            "ORDER BY namespace_id, queue, kind LIMIT 1")};
      if (!s->bind(last.namespace_id).bind(last.name).bind(std::int64_t{last.kind}).step())
        return queues;
      last = {.namespace_id = s->string(0),
              .name = s->string(1),
              .kind = static_cast<int>(s->integer(2))};
      queues.push_back(last);
    }
  });
}

result<void> sqlite_store::erase_backlog(const queue_key& queue,
                                         std::span<const std::pair<int, std::int64_t>> places) {
  return writing([&](database& db) -> result<void> {
    for (auto& [priority, seq] : places)
      db.prepared("DELETE FROM backlog WHERE namespace_id = ? AND queue = ? AND kind = ? "
                  "AND priority = ? AND seq = ?")
        .bind(queue.namespace_id)
        .bind(queue.name)
        .bind(std::int64_t{queue.kind})
        .bind(std::int64_t{priority})
        .bind(seq)
        .run();
    return {};
  });
}

} // namespace reprise::store::sqlite
