// Who shares the database, and owns which ranges of slots.
//
// A member has two rows: in `members` what it tells the others, and the number that it raises again
// and again; in `fences` its right to write (fence.hpp). Both are made and ended together. A
// renewal is one statement, and nothing else of a member is held in an open transaction for longer
// than the database takes: so a process that stands still holds up nobody but by its group, and
// whoever takes over ends the session of that first.
#include "store/mysql/literal.hpp"
#include "store/mysql/mysql_store.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace reprise::store::mysql {

namespace {

/// Epochs are as much higher with each take-over as no owner raises them: what the database has of
/// them counts take-overs, what an owner raises it keeps to itself.
constexpr int raises_bits = 32;

error not_a_member() {
  return make_error(errc::failed_precondition, "This server is no member any more.");
}

std::vector<std::int64_t> integers(connection& db, const std::string& text) {
  std::vector<std::int64_t> out;
  for (auto found = db.query(text); found.next();)
    out.push_back(found.integer(1));
  return out;
}

/// Of servers that have been gone for long. Row by row: a search would wait for each that somebody
/// has locked, also for those that stay.
void erase_old_fences(connection& db) {
  for (auto incarnation : integers(db, "SELECT incarnation FROM fences WHERE alive = 0 "
                                       "AND ended_at < UTC_TIMESTAMP(6) - INTERVAL 7 DAY"))
    db.execute(fill("DELETE FROM fences WHERE incarnation = ?", incarnation));
}

/// So that one that stopped within a group is not waited for.
void end_session_of(connection& db, incarnation_id who) {
  for (auto session :
       integers(db, fill("SELECT session FROM fences WHERE incarnation = ? AND session <> 0", who)))
    end_session(db, session);
}

/// Waits for its group under way; a later one finds the row ended.
void end_fence(connection& db, incarnation_id who) {
  db.execute(fill("UPDATE fences SET alive = 0, ended_at = UTC_TIMESTAMP(6) "
                  "WHERE incarnation = ? AND alive = 1",
                  who));
  db.execute(fill("UPDATE ranges SET owner = 0 WHERE owner = ?", who));
}

void end_member(connection& db, incarnation_id who) {
  end_session_of(db, who);
  db.execute(fill("DELETE FROM members WHERE incarnation = ?", who));
  end_fence(db, who);
}

/// Unless it has renewed since.
void end_dead(connection& db, const still_number& dead) {
  auto stands = [&] {
    return db
      .query(fill("SELECT 1 FROM members WHERE incarnation = ? AND renewals = ?", dead.incarnation,
                  dead.renewals))
      .next();
  };
  if (!stands())
    return;
  end_session_of(db, dead.incarnation);
  if (db.update(fill("DELETE FROM members WHERE incarnation = ? AND renewals = ?", dead.incarnation,
                     dead.renewals))
      == 1)
    end_fence(db, dead.incarnation);
}

/// Writers that are no members: of a server from before there were any.
void end_strangers(connection& db) {
  for (auto incarnation : integers(db, "SELECT incarnation FROM fences WHERE alive = 1 AND "
                                       "incarnation NOT IN (SELECT incarnation FROM members)")) {
    end_session_of(db, incarnation);
    end_fence(db, incarnation);
  }
}

membership read_membership(connection& db) {
  membership out;
  auto owners = db.query("SELECT range_id, owner FROM ranges");
  while (owners.next())
    out.owners.at(static_cast<std::size_t>(owners.integer(1))) = owners.integer(2);
  auto found = db.query("SELECT incarnation, life, name, link_address, program_version, lease_us, "
                        "renewals, draining FROM members ORDER BY joined, incarnation");
  while (found.next())
    out.members.push_back({.who = {.incarnation = found.integer(1),
                                   .life = found.natural(2),
                                   .name = found.text(3),
                                   .link_address = found.text(4),
                                   .program_version = found.text(5),
                                   .lease_length = std::chrono::microseconds{found.integer(6)}},
                           .renewals = found.natural(7),
                           .is_draining = found.integer(8) == 1});
  auto registry = db.query("SELECT version, CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED) "
                           " FROM registry WHERE id = 1");
  if (registry.next()) {
    out.registry_version = registry.natural(1);
    out.read_at = time_point{std::chrono::microseconds{registry.integer(2)}};
  }
  return out;
}

/// Those that still have the owner that was seen.
void take_ranges(connection& db, incarnation_id self, const range_set& wanted,
                 const membership& seen, std::uint64_t epoch_min) {
  std::map<incarnation_id, std::string> by_owner;
  for (std::size_t r = 0; r < range_count; ++r)
    if (wanted[r]) {
      auto& list = by_owner[seen.owners[r]];
      list += (list.empty() ? "" : ",") + std::to_string(r);
    }
  // A database that lost our last take-over counts it again: what was decided behind that one must
  // not pass for what is decided behind this.
  for (const auto& [owner, list] : by_owner)
    db.execute(fill("UPDATE ranges SET owner = ?, epoch = GREATEST(epoch, ?) + 1 WHERE owner = ? "
                    "AND range_id IN (",
                    self, epoch_min, owner)
               + list + ")");
}

std::int64_t highest_key(connection& db) {
  auto found = db.query("SELECT GREATEST((SELECT COALESCE(MAX(run_key), 0) FROM runs), "
                        "(SELECT COALESCE(MAX(run_key), 0) FROM copies))");
  return found.next() ? found.integer(1) : 0;
}

taken_ranges read_taken(connection& db, incarnation_id self, const range_set& wanted) {
  taken_ranges out{.key_floor = highest_key(db)};
  auto own = db.query(fill("SELECT range_id, epoch FROM ranges WHERE owner = ?", self));
  while (own.next()) {
    auto range = static_cast<std::size_t>(own.integer(1));
    if (range >= range_count || !wanted[range])
      continue;
    out.ranges.set(range);
    std::fill_n(out.epochs.begin() + static_cast<std::ptrdiff_t>(range * slots_a_range),
                slots_a_range, own.natural(2) << raises_bits);
  }
  return out;
}

/// The last of a take-over, for it makes its own renewals wait. False: it was ended meanwhile.
bool is_member_still(connection& db, incarnation_id self) {
  return db.update(fill("UPDATE members SET renewals = renewals + 1 WHERE incarnation = ?", self))
         == 1;
}

} // namespace

/// Under the writer's mutex.
void mysql_store::own_nothing() {
  lose_writer();
  known_.clear();
  std::ranges::fill(epochs_, not_owned);
  fence_.drop();
}

result<void> mysql_store::join(const member& self, incarnation_id before) {
  std::lock_guard guard{writer_.mutex};
  own_nothing();
  std::int64_t joined = 0;
  auto made = writing(epochs_session_, [&](connection& db) -> result<void> {
    if (before != 0)
      end_member(db, before);
    erase_old_fences(db);
    db.execute("UPDATE registry SET joins = joins + 1 WHERE id = 1");
    auto joins = db.query("SELECT joins FROM registry WHERE id = 1");
    joined = joins.next() ? joins.integer(1) : 0;
    auto is_new = db.update(fill("INSERT IGNORE INTO fences(incarnation, alive, commits, session, "
                                 "sessions, joined) VALUES(?, 1, 0, 0, 0, ?)",
                                 self.incarnation, joined))
                  == 1;
    if (!is_new || self.incarnation <= 0)
      return make_error(errc::failed_precondition, "This incarnation was used before.");
    auto lease = std::chrono::duration_cast<std::chrono::microseconds>(self.lease_length).count();
    db.execute(fill("INSERT INTO members(incarnation, life, name, link_address, program_version, "
                    "lease_us, renewals, draining, joined) VALUES(?, ?, ?, ?, ?, ?, 0, 0, ?)",
                    self.incarnation, static_cast<std::int64_t>(self.life), self.name,
                    self.link_address, self.program_version, std::int64_t{lease}, joined));
    return {};
  });
  if (!made)
    return made;
  fence_.take(self.incarnation, joined);
  is_deposed_.store(false, std::memory_order_release);
  return made;
}

result<membership> mysql_store::renew(incarnation_id self, bool is_draining) {
  if (is_deposed_.load(std::memory_order_acquire))
    return make_error(errc::failed_precondition,
                      "what this server wrote last is not what the database has");
  return asking(lease_, [&](connection& db) -> result<membership> {
    auto renewed = db.update(fill("UPDATE members SET renewals = renewals + 1, draining = ? "
                                  "WHERE incarnation = ?",
                                  int{is_draining}, self));
    if (renewed == 0)
      return not_a_member();
    return read_membership(db);
  });
}

result<taken_ranges> mysql_store::take(const take_over& what) {
  auto epoch_min = take_overs_.load(std::memory_order_acquire);
  auto taken = writing(epochs_session_, [&](connection& db) -> result<taken_ranges> {
    for (const auto& dead : what.dead)
      end_dead(db, dead);
    end_strangers(db);
    auto seen = read_membership(db);
    auto wanted = ranges_to_take(seen, what.self, what.held);
    take_ranges(db, what.self, wanted, seen, epoch_min);
    auto out = read_taken(db, what.self, wanted);
    if (!is_member_still(db, what.self))
      return not_a_member();
    return out;
  });
  if (!taken || taken->ranges.none())
    return taken;
  std::lock_guard guard{writer_.mutex};
  if (fence_.incarnation() != what.self)
    return not_a_member();
  // Others may have written there.
  known_.clear();
  for (std::size_t slot = 0; slot < slot_count; ++slot)
    if (taken->epochs[slot] != 0)
      epochs_[slot] = taken->epochs[slot];
  auto highest = std::ranges::max(taken->epochs) >> raises_bits;
  take_overs_.store(std::max(highest, take_overs_.load(std::memory_order_acquire)),
                    std::memory_order_release);
  return taken;
}

result<void> mysql_store::give(incarnation_id self, range_id range, incarnation_id to) {
  std::lock_guard guard{writer_.mutex};
  if (fence_.incarnation() != self)
    return not_a_member();
  known_.clear();
  std::fill_n(epochs_.begin() + static_cast<std::ptrdiff_t>(range) * slots_a_range, slots_a_range,
              not_owned);
  statuses answers;
  for (int attempt = 0; attempt < collisions_max; ++attempt) {
    answers.assign(1, commit_status::committed);
    if (try_give(range, to, answers) == outcome::done)
      break;
    answers.assign(1, commit_status::unavailable);
  }
  switch (answers[0]) {
    case commit_status::committed:
      return {};
    case commit_status::unavailable:
    case commit_status::unknown:
      return make_error(errc::unavailable, "The range could not be given away.");
    default:
      return make_error(errc::failed_precondition, "The range is not this server's.");
  }
}

/// A group of its own, behind this writer's fence, so that nothing comes behind it.
mysql_store::outcome mysql_store::try_give(range_id range, incarnation_id to, statuses& answers) {
  try {
    if (!may_write(answers))
      return outcome::done;
    auto given = writer_.handle->update(
      fill("UPDATE ranges SET owner = ?, epoch = epoch + 1 WHERE range_id = ? AND owner = ?", to,
           int{range}, fence_.incarnation()));
    if (given == 0)
      answers[0] = commit_status::stale_epoch;
  } catch (const failure& f) {
    return f.is_lost() ? (lose_writer(), outcome::reconnect) : after_failure(f, answers);
  }
  return commit_open_transaction(answers);
}

result<void> mysql_store::leave(incarnation_id self) {
  std::lock_guard guard{writer_.mutex};
  if (fence_.incarnation() == self)
    own_nothing();
  return writing(epochs_session_, [&](connection& db) -> result<void> {
    end_member(db, self);
    return {};
  });
}

} // namespace reprise::store::mysql
