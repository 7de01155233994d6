// How a group becomes durable on MySQL.
//
// The transaction first writes the store object's own row in `fences`, and holds it to its end.
// Whoever takes the slots over ends that row, so it waits for every group that wrote the row
// before, be it a COMMIT that is still under way when its client has long given it up; later ones
// find the row ended and are refused. Everything else is read behind that write and cannot change
// under it. It is a write and no locking read, since databases of several members lock reads on one
// of them.
#include "base/log.hpp"
#include "store/mysql/fence.hpp"
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
    on_lost_commits_(options.on_lost_commits),
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
    if (!may_write(answers))
      return outcome::done;
    state.emplace(*writer_.handle, group, epochs_, known_);
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
    if (wrote)
      fence_.count();
    return outcome::done;
  } catch (const failure& f) {
    if (wrote && !f.is_collision())
      fence_.doubt(writer_.handle->id());
    lose_writer();
    if (!fence_.is_in_doubt())
      return wrote ? outcome::try_again : outcome::done;
    trouble_.log(log_level::error,
                 std::string{"store: the answer to a commit was lost: "} + f.what());
    return find_out(answers);
  }
}

/// Whether the group whose COMMIT was not answered is durable. Where the database cannot be asked,
/// that is found out by whoever needs the next session.
mysql_store::outcome mysql_store::find_out(statuses& answers) {
  try {
    auto found = enter();
    if (found == fence::finding::one_more)
      return outcome::done;
    if (found == fence::finding::as_answered)
      return outcome::try_again;
    fail_committed(answers, give_up(found));
  } catch (const failure& f) {
    lose_writer();
    trouble_.log(log_level::error, std::string{"store: it could not be found out whether the "
                                               "commit is durable: "}
                                     + f.what());
    fail_committed(answers, commit_status::unknown);
  }
  return outcome::done;
}

/// With the group's transaction begun by the fence; or all of the group is answered.
bool mysql_store::may_write(statuses& answers) {
  if (!fence_.is_held()) {
    std::ranges::fill(answers, commit_status::stale_epoch);
    return false;
  }
  if (!writer_.handle || fence_.is_in_doubt()) {
    auto found = enter();
    if (found == fence::finding::ended || found == fence::finding::fewer) {
      std::ranges::fill(answers, give_up(found));
      return false;
    }
  }
  if (fence_.begin(*writer_.handle))
    return true;
  std::ranges::fill(answers, give_up(fence_.look(*writer_.handle)));
  return false;
}

/// On a new session. Behind it may be another server, or the same one from a backup: what this
/// process wrote last need not be what is stored.
fence::finding mysql_store::enter() {
  known_.clear();
  writer_.handle = server_.connect(role::writer);
  return fence_.enter(*writer_.handle);
}

void mysql_store::lose_writer() {
  writer_.handle.reset();
}

/// This incarnation writes no more. Answers what that means for what it wanted to write.
commit_status mysql_store::give_up(fence::finding why) {
  auto is_loss = why == fence::finding::fewer;
  if (is_loss) {
    log(log_level::error, "store: the database lost the last " + std::to_string(fence_.lost())
                            + " commits that it had answered: all is loaded anew");
    if (on_lost_commits_)
      on_lost_commits_(fence_.lost());
  }
  fence_.drop();
  lose_writer();
  is_deposed_.store(true, std::memory_order_release);
  return is_loss ? commit_status::predecessor_lost : commit_status::stale_epoch;
}

// -- epochs --------------------------------------------------------------------------------------

/// Nobody but this object writes what the slot's owner writes, and it writes one group after the
/// other. So the epoch is raised here alone, once no COMMIT is in doubt.
result<epoch_number> mysql_store::raise_epoch(slot_id slot, epoch_number seen) {
  if (slot >= slot_count)
    return make_error(errc::invalid_argument, "There is no such slot.");
  std::lock_guard guard{writer_.mutex};
  try {
    if (fence_.is_in_doubt())
      if (auto found = enter(); found == fence::finding::ended || found == fence::finding::fewer)
        give_up(found);
  } catch (const failure& f) {
    lose_writer();
    return to_error(f);
  }
  if (!fence_.is_held() || epochs_[slot] != seen)
    return make_error(errc::failed_precondition, "The slot has another epoch: it was taken over.");
  return ++epochs_[slot];
}

} // namespace reprise::store::mysql
