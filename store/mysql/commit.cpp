// How a group becomes durable on MySQL.
//
// The transaction first takes a shared lock on the row of each of its slots, and holds it to its
// end. Raising an epoch updates such a row, so it waits for every transaction that read the old
// epoch, be it a COMMIT that is still under way when its client has long given it up; later ones
// see the new epoch and are refused. Everything else is read after the locks and cannot change
// under them.
#include "base/ids.hpp"
#include "base/log.hpp"
#include "store/mysql/group_writer.hpp"
#include "store/mysql/literal.hpp"
#include "store/mysql/mysql_store.hpp"

#include <algorithm>
#include <optional>

namespace reprise::store::mysql {

namespace {

void fail_committed(std::vector<commit_status>& answers, commit_status status) {
  std::ranges::replace(answers, commit_status::committed, status);
}

commit_status fault_of(const failure& f) {
  return f.is_duplicate() ? commit_status::already_exists : commit_status::too_large;
}

} // namespace

mysql_store::mysql_store(const dsn& address, const mysql_options& options)
  : server_(address, options.pause_first, options.pause_last),
    raiser_id_(static_cast<std::int64_t>(random_seed())),
    readers_(server_, options.readers, role::reader),
    scanners_(server_, options.scans.sessions, role::scanner, options.scans.time_max) {
}

std::vector<commit_status> mysql_store::commit(std::span<const transition> group) {
  std::lock_guard guard{writer_.mutex};
  statuses answers(group.size(), commit_status::committed);
  lost_lives lost;
  try {
    if (!group.empty())
      commit_members(group, answers, lost);
  } catch (...) {
    // No memory, as a rule. What the session has open must not become part of the next group.
    known_.clear();
    lose_writer();
    throw;
  }
  return answers;
}

void mysql_store::commit_members(std::span<const transition> group, statuses& answers,
                                 lost_lives& lost) {
  auto is_new_session = false;
  for (int attempt = 0;; ++attempt) {
    answers.assign(group.size(), commit_status::committed);
    auto what = try_commit(group, answers, lost);
    if (what == outcome::split)
      return commit_halves(group, answers, lost);
    // An idle session is ended by the server; the first to notice connects anew, once.
    auto is_vain = attempt >= collisions_max || (what == outcome::reconnect && is_new_session);
    if (what != outcome::done && !is_vain) {
      is_new_session = is_new_session || what == outcome::reconnect;
      continue;
    }
    if (what != outcome::done)
      fail_committed(answers, commit_status::unavailable);
    for (std::size_t i = 0; i < group.size(); ++i)
      if (answers[i] != commit_status::committed && group[i].incarnation != 0)
        lost.emplace(group[i].incarnation, answers[i]);
    return;
  }
}

/// The way for groups of which some member cannot be written: a transaction for each half, and so
/// on, until it stands alone.
void mysql_store::commit_halves(std::span<const transition> group, statuses& answers,
                                lost_lives& lost) {
  auto middle = group.size() / 2;
  answers.clear();
  for (auto half : {group.first(middle), group.subspan(middle)}) {
    statuses some;
    commit_members(half, some, lost);
    answers.insert(answers.end(), some.begin(), some.end());
  }
}

mysql_store::outcome mysql_store::try_commit(std::span<const transition> group, statuses& answers,
                                             const lost_lives& lost) {
  std::optional<group_state> state;
  try {
    // The first statement begins the transaction: a writer's session commits nothing by itself.
    state.emplace(writer(), group, known_);
  } catch (const failure& f) {
    if (!f.is_lost())
      return after_failure(f, answers);
    lose_writer();
    // In the course of things: the server ends sessions that have been silent for a while.
    log(log_level::info, std::string{"store: the database's session ended: "} + f.what());
    return outcome::reconnect;
  }
  try {
    write_group(*state, group, answers, lost);
  } catch (const failure& f) {
    return after_failure(f, answers);
  }
  auto what = commit_open_transaction(answers);
  for (std::size_t i = 0; i < group.size(); ++i)
    if (what == outcome::done && answers[i] == commit_status::committed)
      known_.learn(group[i]);
  return what;
}

void mysql_store::write_group(group_state& state, std::span<const transition> group,
                              statuses& answers, const lost_lives& lost) {
  auto& db = *writer_.handle;
  group_check check{state};
  group_writer writer{db, check};
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto before = lost.find(group[i].incarnation);
    if (before != lost.end() || longest_statement(group[i]) > db.packet_max()) {
      answers[i] = before != lost.end() ? before->second : commit_status::too_large;
      check.refuse(group[i], answers[i]);
      continue;
    }
    answers[i] = check.admit(group[i]);
    if (answers[i] == commit_status::committed)
      writer.add(group[i]);
  }
  writer.flush();
}

/// Before COMMIT was sent: whatever went wrong, nothing of the group is durable or will be.
mysql_store::outcome mysql_store::after_failure(const failure& f, statuses& answers) {
  // Ending the session rolls back, and leaves no doubt about the state of the next one.
  lose_writer();
  if (f.is_collision())
    return outcome::try_again;
  if (f.is_bad_value()) {
    if (answers.size() > 1)
      return outcome::split;
    answers[0] = fault_of(f);
    return outcome::done;
  }
  trouble_.log(log_level::error, std::string{"store: a group was rolled back: "} + f.what());
  fail_committed(answers, commit_status::unavailable);
  return outcome::done;
}

mysql_store::outcome mysql_store::commit_open_transaction(statuses& answers) {
  auto wrote = std::ranges::find(answers, commit_status::committed) != answers.end();
  try {
    writer_.handle->execute(wrote ? "COMMIT" : "ROLLBACK");
    return outcome::done;
  } catch (const failure& f) {
    if (f.is_collision()) {
      lose_writer();
      return outcome::try_again;
    }
    trouble_.log(log_level::error,
                 std::string{"store: the answer to a commit was lost: "} + f.what());
    {
      std::lock_guard guard{lost_mutex_};
      lost_writer_id_ = writer_.handle->id();
    }
    lose_writer();
    fail_committed(answers, commit_status::unknown);
    return outcome::done;
  }
}

connection& mysql_store::writer() {
  if (!writer_.handle) {
    // Behind it may be another server, or the same one from a backup: what this process wrote last
    // need not be what is stored.
    known_.clear();
    writer_.handle = server_.connect(role::writer);
  }
  return *writer_.handle;
}

void mysql_store::lose_writer() {
  writer_.handle.reset();
}

/// Ends the session whose COMMIT was never answered, so that its locks are not waited for. Sessions
/// are numbered upwards: a lower number of our own says that the server was started anew since.
void mysql_store::kill_lost_writer(connection& control) {
  std::int64_t lost = 0;
  {
    std::lock_guard guard{lost_mutex_};
    lost = std::exchange(lost_writer_id_, 0);
  }
  if (lost == 0)
    return;
  try {
    auto fresh = server_.connect(role::reader);
    if (fresh->id() > lost && control.id() != lost)
      fresh->execute(fill("KILL ?", lost));
  } catch (const failure&) {
    // It ended by itself, which is as good; else its locks are waited for.
    return;
  }
}

// -- slots and leases ----------------------------------------------------------------------------

result<bool> mysql_store::acquire_lease(const std::string& owner, duration length) {
  auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(length).count();
  return writing(lease_, [&](connection& db) -> result<bool> {
    db.execute(fill("UPDATE lease SET owner = ?, "
                    "expires_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND WHERE id = 1 "
                    "AND (owner = ? OR owner = '' OR expires_at < UTC_TIMESTAMP(6))",
                    owner, std::int64_t{microseconds}, owner));
    auto holder = db.query("SELECT owner FROM lease WHERE id = 1");
    return holder.next() && holder.text(1) == owner;
  });
}

result<void> mysql_store::release_lease(const std::string& owner) {
  return writing(lease_, [&](connection& db) -> result<void> {
    db.execute(fill("UPDATE lease SET owner = '' WHERE id = 1 AND owner = ?", owner));
    return {};
  });
}

result<std::vector<epoch_number>> mysql_store::take_slots(const std::string& owner) {
  return writing(epochs_, [&](connection& db) -> result<std::vector<epoch_number>> {
    auto lease = db.query("SELECT owner, expires_at > UTC_TIMESTAMP(6) FROM lease WHERE id = 1 "
                          "LOCK IN SHARE MODE");
    if (owner.empty() || !lease.next() || lease.text(1) != owner || lease.integer(2) != 1)
      return make_error(errc::failed_precondition, "The lease on the slots is not this owner's.");
    kill_lost_writer(db);
    db.execute(fill("UPDATE slots SET epoch = epoch + 1, raised_by = ?", raiser_id_));
    std::vector<epoch_number> epochs(slot_count);
    auto all = db.query("SELECT slot, epoch FROM slots");
    while (all.next())
      epochs.at(static_cast<std::size_t>(all.integer(1))) = all.natural(2);
    return epochs;
  });
}

result<epoch_number> mysql_store::raise_epoch(slot_id slot, epoch_number seen) {
  if (slot >= slot_count)
    return make_error(errc::invalid_argument, "There is no such slot.");
  auto answer = writing(epochs_, [&](connection& db) -> result<epoch_number> {
    kill_lost_writer(db);
    auto now
      = db.query(fill("SELECT epoch, raised_by FROM slots WHERE slot = ? FOR UPDATE", int{slot}));
    now.next();
    if (now.natural(1) == seen + 1 && now.integer(2) == raiser_id_ && is_doubtful(slot, seen))
      return seen + 1;
    if (now.natural(1) != seen)
      return make_error(errc::failed_precondition,
                        "The slot has another epoch: it was taken over.");
    db.execute(fill("UPDATE slots SET epoch = ?, raised_by = ? WHERE slot = ?", seen + 1,
                    raiser_id_, int{slot}));
    return seen + 1;
  });
  std::lock_guard guard{lost_mutex_};
  if (answer)
    doubtful_raises_.erase(slot);
  else if (answer.error().code == errc::unavailable)
    doubtful_raises_.insert_or_assign(slot, seen);
  return answer;
}

bool mysql_store::is_doubtful(slot_id slot, epoch_number seen) {
  std::lock_guard guard{lost_mutex_};
  auto found = doubtful_raises_.find(slot);
  return found != doubtful_raises_.end() && found->second == seen;
}

} // namespace reprise::store::mysql
