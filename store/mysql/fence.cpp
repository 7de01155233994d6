#include "store/mysql/fence.hpp"

#include "store/mysql/literal.hpp"

#include <utility>

namespace reprise::store::mysql {

void fence::take(std::int64_t incarnation, std::int64_t joined) noexcept {
  drop();
  incarnation_ = incarnation;
  joined_ = joined;
}

void fence::drop() noexcept {
  incarnation_ = 0;
  commits_ = 0;
  is_in_doubt_ = false;
  doubtful_session_ = 0;
}

bool fence::begin(connection& db) const {
  auto& update = db.prepared("UPDATE fences SET commits = ? "
                             "WHERE incarnation = ? AND alive = 1 AND commits = ?");
  update.bind(commits_ + 1);
  update.bind(incarnation_);
  update.bind(commits_);
  return update.update() == 1;
}

fence::finding fence::look(connection& db) const {
  auto found = read(db);
  // Nobody but us counts, and nothing is in doubt.
  return found == finding::as_answered || found == finding::one_more ? finding::ended : found;
}

fence::finding fence::read(connection& db) const {
  auto row
    = db.query(fill("SELECT alive, commits FROM fences WHERE incarnation = ?", incarnation_));
  auto is_there = row.next();
  // Long after its end a row is erased: whoever stood still for so long was deposed, nothing is
  // lost.
  if (!is_there && db.query(fill("SELECT 1 FROM fences WHERE joined > ? LIMIT 1", joined_)).next())
    return finding::ended;
  auto alive = is_there && row.integer(1) == 1;
  auto stored = is_there ? row.natural(2) : 0;
  if (stored < commits_) {
    lost_ = commits_ - stored;
    return finding::fewer;
  }
  // Also of a row that was ended: then that group came before its end.
  if (is_in_doubt_ && stored == commits_ + 1)
    return finding::one_more;
  return alive && stored == commits_ ? finding::as_answered : finding::ended;
}

fence::finding fence::enter(connection& db) {
  if (doubtful_session_ != 0)
    end_session(db, doubtful_session_);
  db.execute(fill("UPDATE fences SET session = ?, sessions = sessions + 1 WHERE incarnation = ?",
                  db.id(), incarnation_));
  auto found = read(db);
  db.execute("COMMIT");
  is_in_doubt_ = false;
  doubtful_session_ = 0;
  if (found == finding::one_more)
    count();
  return found;
}

void fence::doubt(std::int64_t session) noexcept {
  is_in_doubt_ = true;
  doubtful_session_ = session;
}

void end_session(connection& db, std::int64_t session) {
  auto there = db.query(fill("SELECT 1 FROM information_schema.processlist WHERE id = ? "
                             "AND db = DATABASE() AND user = SUBSTRING_INDEX(USER(), '@', 1) "
                             "AND id <> CONNECTION_ID()",
                             session));
  if (!there.next())
    return;
  try {
    db.execute(fill("KILL ?", session));
  } catch (const failure& f) {
    // It ended by itself meanwhile, which is as good.
    if (f.is_lost())
      throw;
  }
}

} // namespace reprise::store::mysql
