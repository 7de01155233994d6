// Histories that are copied into runs which do not exist yet. Their rows lie in the journal under a
// key that no head has; `copies` tells which keys these are, until a head comes or a sweep.
#include "store/mysql/literal.hpp"
#include "store/mysql/mysql_store.hpp"

namespace reprise::store::mysql {

namespace {

void begin_copy(connection& db, const history_copy& part) {
  db.execute(
    fill("INSERT INTO copies(run_key, begun_at) VALUES(?, ?)", part.to_key, part.begun_at));
  const auto& row = *part.begin;
  db.execute(fill("INSERT INTO journal(run_key, seq, first_event_id, event_count, events, facts) "
                  "VALUES(?, ?, ?, ?, ?, ?)",
                  part.to_key, row.seq, row.first_event_id, int{row.event_count}, row.events,
                  row.facts));
}

} // namespace

result<std::size_t> mysql_store::copy_history(const history_copy& part) {
  return writing(control_, [&](connection& db) -> result<std::size_t> {
    if (part.begin)
      begin_copy(db, part);
    else if (!db.query(fill("SELECT 1 FROM copies WHERE run_key = ? AND is_dropped = 0 FOR UPDATE",
                            part.to_key))
                .next())
      return make_error(errc::failed_precondition, "There is no such copy.");
    auto copied = db.update(fill(
      "INSERT INTO journal(run_key, seq, first_event_id, event_count, events, facts) "
      "SELECT ?, ? - 1 + row_number() OVER (ORDER BY seq), first_event_id, event_count, events, '' "
      "FROM journal WHERE run_key = ? AND seq >= ? AND seq <= ? AND event_count > 0",
      part.to_key, part.to_seq, part.from_key, part.first_seq, part.last_seq));
    return static_cast<std::size_t>(copied);
  });
}

result<std::size_t> mysql_store::sweep_copies(time_point begun_before, std::size_t limit) {
  return writing(control_, [&](connection& db) -> result<std::size_t> {
    // The oldest that nothing will become of. A commit that creates its run waits, or is waited
    // for.
    auto found = db.query(fill("SELECT run_key FROM copies WHERE begun_at < ? ORDER BY begun_at "
                               "LIMIT 1 FOR UPDATE",
                               begun_before));
    if (!found.next())
      return std::size_t{0};
    auto key = found.integer(1);
    db.execute(fill("UPDATE copies SET is_dropped = 1 WHERE run_key = ?", key));
    auto erased = static_cast<std::size_t>(
      db.update(fill("DELETE FROM journal WHERE run_key = ? ORDER BY seq LIMIT ?", key,
                     static_cast<std::uint64_t>(limit))));
    if (erased == limit)
      return erased;
    db.execute(fill("DELETE FROM copies WHERE run_key = ?", key));
    return erased + 1;
  });
}

} // namespace reprise::store::mysql
