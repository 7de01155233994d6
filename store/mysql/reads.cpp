#include "store/mysql/literal.hpp"
#include "store/mysql/mysql_store.hpp"

#include <algorithm>

namespace reprise::store::mysql {

namespace {

constexpr auto head_columns = "r.run_key, r.last_seq, r.next_event_id, r.status, r.timer_at, "
                              "r.offer_at, r.slot, r.namespace_id, r.kind, r.workflow_id, "
                              "r.run_id";

std::optional<time_point> time_at(const rows& r, unsigned column) {
  if (r.is_null(column))
    return std::nullopt;
  return from_nanoseconds(r.integer(column));
}

run_head head_at(const rows& found) {
  return run_head{.key = found.integer(1),
                  .slot = static_cast<slot_id>(found.integer(7)),
                  .namespace_id = found.text(8),
                  .kind = static_cast<machine_kind>(found.integer(9)),
                  .workflow_id = found.text(10),
                  .run_id = found.text(11),
                  .last_seq = found.natural(2),
                  .next_event_id = found.integer(3),
                  .status = static_cast<int>(found.integer(4)),
                  .timer_at = time_at(found, 5),
                  .offer_at = time_at(found, 6)};
}

std::optional<run_head> read_head(rows found) {
  if (!found.next())
    return std::nullopt;
  return head_at(found);
}

std::uint64_t as_limit(std::size_t limit) {
  return std::min(limit, std::size_t{1} << 31);
}

/// A page of the journal. The driver keeps a whole answer in memory, so the sizes of the rows are
/// read first, and then no more rows than the caller asked for.
struct page_request {
  std::int64_t key = 0;
  /// Condition on `seq` and `event_count`, without the run's key.
  std::string where{};
  const char* order = "ASC";
  bool with_facts = true;
  std::size_t bytes_max = 0;
};

constexpr int sizes_per_look = 1000;

std::vector<journal_row> read_page(connection& db, const page_request& page) {
  std::vector<std::int64_t> wanted;
  auto size = page.with_facts ? "LENGTH(events) + LENGTH(facts)" : "LENGTH(events)";
  auto from = "FROM journal WHERE run_key = " + std::to_string(page.key) + " AND " + page.where;
  auto order = std::string{" ORDER BY seq "} + page.order;
  auto sizes = db.query(std::string{"SELECT seq, "} + size + " " + from + order + " LIMIT "
                        + std::to_string(sizes_per_look));
  for (std::size_t bytes = 0; (wanted.empty() || bytes < page.bytes_max) && sizes.next();) {
    wanted.push_back(sizes.integer(1));
    bytes += static_cast<std::size_t>(sizes.integer(2));
  }
  std::vector<journal_row> found;
  if (wanted.empty())
    return found;
  auto [low, high] = std::minmax(wanted.front(), wanted.back());
  auto facts = page.with_facts ? "facts" : "''";
  auto all = db.query(std::string{"SELECT seq, first_event_id, event_count, events, "} + facts + " "
                      + from + fill(" AND seq >= ? AND seq <= ?", low, high) + order);
  while (all.next())
    found.push_back({.seq = all.natural(1),
                     .first_event_id = all.integer(2),
                     .event_count = static_cast<std::int32_t>(all.integer(3)),
                     .events = all.text(4),
                     .facts = all.text(5)});
  return found;
}

enum class edge : std::uint8_t {
  first,
  end
};

/// The least number from which on rows begin (or end) behind the event: found by halving, as event
/// ids grow with the rows.
std::int64_t rows_behind(connection& db, std::int64_t key, std::int64_t event, edge what) {
  auto last = db.query(fill("SELECT last_seq FROM runs WHERE run_key = ?", key));
  std::int64_t low = 0;
  auto high = last.next() ? last.integer(1) + 1 : 0;
  while (low < high) {
    auto middle = low + (high - low) / 2;
    auto row = db.query(fill("SELECT seq, first_event_id, event_count FROM journal "
                             "WHERE run_key = ? AND seq >= ? ORDER BY seq LIMIT 1",
                             key, middle));
    if (!row.next() || row.integer(2) + (what == edge::end ? row.integer(3) : 0) > event)
      high = middle;
    else
      low = row.integer(1) + 1;
  }
  return low;
}

std::vector<due_run> read_due(rows found) {
  std::vector<due_run> due;
  while (found.next())
    due.push_back({.at = from_nanoseconds(found.integer(1)),
                   .slot = static_cast<slot_id>(found.integer(3)),
                   .key = found.integer(2),
                   .namespace_id = found.text(4),
                   .kind = static_cast<machine_kind>(found.integer(5)),
                   .workflow_id = found.text(6),
                   .run_id = found.text(7)});
  return due;
}

} // namespace

// -- runs ----------------------------------------------------------------------------------------

result<std::optional<run_head>> mysql_store::current_run(const std::string& namespace_id,
                                                         machine_kind kind,
                                                         const std::string& workflow_id) {
  return reading([&](connection& db) -> result<std::optional<run_head>> {
    return read_head(
      db.query(std::string{"SELECT "} + head_columns
               + fill(" FROM run_ids i JOIN runs r ON r.run_key = i.run_key WHERE i.id_hash = ? "
                      "AND i.is_current = 1 AND r.namespace_id = ? AND r.kind = ? "
                      "AND r.workflow_id = ? ORDER BY i.run_key DESC LIMIT 1",
                      sql::id_hash(namespace_id, kind, workflow_id), namespace_id,
                      static_cast<int>(kind), workflow_id)));
  });
}

result<std::optional<run_head>>
mysql_store::find_run(const std::string& namespace_id, machine_kind kind,
                      const std::string& workflow_id, const std::string& run_id) {
  return reading([&](connection& db) -> result<std::optional<run_head>> {
    return read_head(db.query(std::string{"SELECT "} + head_columns
                              + fill(" FROM runs r WHERE r.run_id = ? AND r.namespace_id = ? "
                                     "AND r.kind = ? AND r.workflow_id = ?",
                                     run_id, namespace_id, static_cast<int>(kind), workflow_id)));
  });
}

result<run_page> mysql_store::runs_of(const std::string& namespace_id, std::int64_t behind_key,
                                      std::size_t rows_max) {
  return reading([&](connection& db) -> result<run_page> {
    auto found = db.query(std::string{"SELECT "} + head_columns
                          + fill(" FROM runs r WHERE r.run_key > ? ORDER BY r.run_key LIMIT ?",
                                 behind_key, as_limit(rows_max)));
    run_page page{.last_key = behind_key};
    std::size_t looked = 0;
    for (; found.next(); ++looked) {
      page.last_key = found.integer(1);
      if (found.text(8) == namespace_id)
        page.runs.push_back(head_at(found));
    }
    page.is_last = looked < rows_max;
    return page;
  });
}

result<std::optional<snapshot>> mysql_store::load_snapshot(std::int64_t key) {
  return reading([&](connection& db) -> result<std::optional<snapshot>> {
    auto found = db.query(fill("SELECT seq, state FROM snapshots WHERE run_key = ?", key));
    if (!found.next())
      return std::optional<snapshot>{};
    return std::optional{snapshot{.seq = found.natural(1), .state = found.text(2)}};
  });
}

result<std::vector<journal_row>> mysql_store::read_journal(std::int64_t key, std::uint64_t from_seq,
                                                           std::size_t bytes_max) {
  return reading([&](connection& db) -> result<std::vector<journal_row>> {
    return read_page(db, {.key = key, .where = fill("seq >= ?", from_seq), .bytes_max = bytes_max});
  });
}

result<std::vector<journal_row>> mysql_store::read_events(std::int64_t key, std::int64_t from_event,
                                                          std::size_t bytes_max) {
  return reading([&](connection& db) -> result<std::vector<journal_row>> {
    auto from = rows_behind(db, key, from_event, edge::end);
    return read_page(db, {.key = key,
                          .where = fill("event_count > 0 AND seq >= ?", from),
                          .with_facts = false,
                          .bytes_max = bytes_max});
  });
}

result<std::vector<journal_row>>
mysql_store::read_events_reverse(std::int64_t key, std::int64_t to_event, std::size_t bytes_max) {
  return reading([&](connection& db) -> result<std::vector<journal_row>> {
    auto behind = rows_behind(db, key, to_event, edge::first);
    return read_page(db, {.key = key,
                          .where = fill("event_count > 0 AND seq < ?", behind),
                          .order = "DESC",
                          .with_facts = false,
                          .bytes_max = bytes_max});
  });
}

// -- wake-ups ------------------------------------------------------------------------------------

result<std::vector<due_run>> mysql_store::due_timers(time_point until, time_point after_at,
                                                     std::int64_t after_key, std::size_t limit) {
  return reading([&](connection& db) -> result<std::vector<due_run>> {
    return read_due(db.query(
      fill("SELECT timer_at, run_key, slot, namespace_id, kind, workflow_id, run_id FROM runs "
           "WHERE timer_at <= ? AND timer_at >= ? AND (timer_at > ? OR run_key > ?) "
           "ORDER BY timer_at, run_key LIMIT ?",
           until, after_at, after_at, after_key, as_limit(limit))));
  });
}

result<std::optional<time_point>> mysql_store::next_timer(time_point after) {
  return reading([&](connection& db) -> result<std::optional<time_point>> {
    auto next = db.query(fill("SELECT timer_at FROM runs WHERE timer_at > ? "
                              "ORDER BY timer_at LIMIT 1",
                              after));
    if (!next.next())
      return std::optional<time_point>{};
    return std::optional{from_nanoseconds(next.integer(1))};
  });
}

result<std::vector<due_run>>
mysql_store::pending_offers(time_point after_at, std::int64_t after_key, std::size_t limit) {
  return reading([&](connection& db) -> result<std::vector<due_run>> {
    return read_due(db.query(
      fill("SELECT offer_at, run_key, slot, namespace_id, kind, workflow_id, run_id FROM runs "
           "WHERE offer_at >= ? AND (offer_at > ? OR run_key > ?) "
           "ORDER BY offer_at, run_key LIMIT ?",
           after_at, after_at, after_key, as_limit(limit))));
  });
}

// -- inboxes -------------------------------------------------------------------------------------

namespace {

constexpr auto message_columns = "slot, message_id, answer, sender, taken_at, forgotten_at";

inbox_row read_message(const rows& r) {
  return {.slot = static_cast<slot_id>(r.integer(1)),
          .message_id = r.text(2),
          .answer = r.text(3),
          .sender = r.text(4),
          .taken_at = from_nanoseconds(r.integer(5)),
          .forgotten_at = time_at(r, 6)};
}

} // namespace

result<std::optional<inbox_row>> mysql_store::read_inbox(slot_id slot,
                                                         const std::string& message_id) {
  return reading([&](connection& db) -> result<std::optional<inbox_row>> {
    auto found
      = db.query(std::string{"SELECT "} + message_columns
                 + fill(" FROM inbox WHERE message_id = ? AND slot = ?", message_id, int{slot}));
    if (!found.next())
      return std::optional<inbox_row>{};
    return std::optional{read_message(found)};
  });
}

result<std::vector<inbox_row>> mysql_store::unforgotten(range_id range, time_point taken_before,
                                                        const inbox_place& behind,
                                                        std::size_t limit) {
  auto text = std::string{"SELECT "} + message_columns
              + fill(" FROM inbox WHERE range_id = ? AND forgotten_at IS NULL AND taken_at < ? "
                     "AND taken_at >= ? AND (taken_at > ? OR message_id > ? "
                     "OR (message_id = ? AND slot > ?)) "
                     "ORDER BY taken_at, message_id, slot LIMIT ?",
                     int{range}, taken_before, behind.taken_at, behind.taken_at, behind.message_id,
                     behind.message_id, int{behind.slot}, as_limit(limit));
  return reading([&](connection& db) -> result<std::vector<inbox_row>> {
    auto found = db.query(text);
    std::vector<inbox_row> page;
    while (found.next())
      page.push_back(read_message(found));
    return page;
  });
}

result<std::size_t> mysql_store::sweep_inbox(range_id range, time_point forgotten_before,
                                             std::size_t limit) {
  return writing(control_, [&](connection& db) -> result<std::size_t> {
    auto erased = db.update(fill("DELETE FROM inbox WHERE range_id = ? AND forgotten_at < ? "
                                 "ORDER BY forgotten_at LIMIT ?",
                                 int{range}, forgotten_before, as_limit(limit)));
    return static_cast<std::size_t>(erased);
  });
}

// -- backlogs ------------------------------------------------------------------------------------

result<std::vector<backlog_row>>
mysql_store::read_backlog(const queue_key& queue, int after_priority, std::int64_t after_seq,
                          std::size_t limit) {
  return reading([&](connection& db) -> result<std::vector<backlog_row>> {
    auto found
      = db.query(fill("SELECT priority, seq, task_id, task FROM backlog WHERE namespace_id = ? "
                      "AND queue = ? AND kind = ? AND priority >= ? "
                      "AND (priority > ? OR seq > ?) ORDER BY priority, seq LIMIT ?",
                      queue.namespace_id, queue.name, queue.kind, after_priority, after_priority,
                      after_seq, as_limit(limit)));
    std::vector<backlog_row> page;
    while (found.next())
      page.push_back({.queue = queue,
                      .priority = static_cast<int>(found.integer(1)),
                      .seq = found.integer(2),
                      .task_id = found.text(3),
                      .task = found.text(4)});
    return page;
  });
}

result<std::int64_t> mysql_store::count_backlog(const queue_key& queue) {
  return reading([&](connection& db) -> result<std::int64_t> {
    auto count = db.query(fill("SELECT COUNT(*) FROM backlog WHERE namespace_id = ? "
                               "AND queue = ? AND kind = ?",
                               queue.namespace_id, queue.name, queue.kind));
    return count.next() ? count.integer(1) : 0;
  });
}

result<std::vector<queue_key>> mysql_store::backlog_queues() {
  return reading([&](connection& db) -> result<std::vector<queue_key>> {
    // Read from the index alone, group by group.
    auto found = db.query("SELECT DISTINCT namespace_id, queue, kind FROM backlog "
                          "ORDER BY namespace_id, queue, kind");
    std::vector<queue_key> queues;
    while (found.next())
      queues.push_back({.namespace_id = found.text(1),
                        .name = found.text(2),
                        .kind = static_cast<int>(found.integer(3))});
    return queues;
  });
}

result<void> mysql_store::erase_backlog(const queue_key& queue,
                                        std::span<const std::pair<int, std::int64_t>> places) {
  constexpr std::size_t places_per_statement = 500;
  return writing(control_, [&](connection& db) -> result<void> {
    for (std::size_t i = 0; i < places.size(); i += places_per_statement) {
      auto text = fill("DELETE FROM backlog WHERE namespace_id = ? AND queue = ? AND kind = ? "
                       "AND (priority, seq) IN (",
                       queue.namespace_id, queue.name, queue.kind);
      auto some = places.subspan(i, std::min(places_per_statement, places.size() - i));
      for (auto& [priority, seq] : some) {
        put_row(text, priority, seq);
        text += ',';
      }
      text.back() = ')';
      db.execute(text);
    }
    return {};
  });
}

} // namespace reprise::store::mysql
