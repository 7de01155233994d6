// Histories that are copied into runs which do not exist yet. Their rows lie in the journal under a
// key that no head has; `copies` tells which keys these are, until a head comes or a sweep.
#include "store/columns.hpp"
#include "store/sqlite/sqlite_store.hpp"

#include <algorithm>
#include <limits>

namespace reprise::store::sqlite {

namespace {

void begin_copy(database& db, const history_copy& part) {
  db.prepared("INSERT INTO copies(run_key, begun_at) VALUES(?, ?)")
    .bind(part.to_key)
    .bind(nanoseconds(part.begun_at))
    .run();
  auto& s = db.prepared("INSERT INTO journal(run_key, seq, first_event_id, event_count, events, "
                        "facts) VALUES(?, ?, ?, ?, ?, ?)");
  s.bind(part.to_key).bind(static_cast<std::int64_t>(part.begin->seq));
  s.bind(part.begin->first_event_id).bind(std::int64_t{part.begin->event_count});
  s.bind_blob(part.begin->events).bind_blob(part.begin->facts).run();
}

bool is_begun(database& db, std::int64_t key) {
  running s{db.prepared("SELECT 1 FROM copies WHERE run_key = ? AND is_dropped = 0")};
  return s->bind(key).step();
}

/// The oldest copy that nothing will become of.
std::optional<std::int64_t> find_abandoned(database& db, time_point begun_before) {
  running s{db.prepared("SELECT run_key FROM copies WHERE begun_at < ? ORDER BY begun_at LIMIT 1")};
  if (!s->bind(nanoseconds(begun_before)).step())
    return std::nullopt;
  return s->integer(0);
}

} // namespace

result<std::size_t> sqlite_store::copy_history(const history_copy& part) {
  return writing([&](database& db) -> result<std::size_t> {
    if (part.begin)
      begin_copy(db, part);
    else if (!is_begun(db, part.to_key))
      return make_error(errc::failed_precondition, "There is no such copy.");
    auto& s = db.prepared("INSERT INTO journal(run_key, seq, first_event_id, event_count, events, "
                          "facts) SELECT ?, ? - 1 + row_number() OVER (ORDER BY seq), "
                          "first_event_id, event_count, events, x'' FROM journal WHERE run_key = ? "
                          "AND seq >= ? AND seq <= ? AND event_count > 0 ORDER BY seq");
    s.bind(part.to_key).bind(static_cast<std::int64_t>(part.to_seq)).bind(part.from_key);
    s.bind(static_cast<std::int64_t>(part.first_seq));
    s.bind(static_cast<std::int64_t>(part.last_seq)).run();
    return static_cast<std::size_t>(db.changes());
  });
}

result<std::size_t> sqlite_store::sweep_copies(time_point begun_before, std::size_t limit) {
  return writing([&](database& db) -> result<std::size_t> {
    auto key = find_abandoned(db, begun_before);
    if (!key)
      return std::size_t{0};
    db.prepared("UPDATE copies SET is_dropped = 1 WHERE run_key = ?").bind(*key).run();
    constexpr std::size_t most = std::numeric_limits<std::int64_t>::max();
    db.prepared("DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE run_key = ? "
                "ORDER BY seq LIMIT ?)")
      .bind(*key)
      .bind(static_cast<std::int64_t>(std::min(limit, most)))
      .run();
    auto erased = static_cast<std::size_t>(db.changes());
    if (erased == limit)
      return erased;
    db.prepared("DELETE FROM copies WHERE run_key = ?").bind(*key).run();
    return erased + 1;
  });
}

} // namespace reprise::store::sqlite
