// How a group becomes durable. Members that do not hold are found before they write anything
// (group_check), so the usual group with a bad member needs no second try. Should a write fail all
// the same for a reason that lies in its member (a run's key or id that is there already), the
// group is rolled back and tried once more, with a savepoint before each member: so however many
// are bad, they cost the others their time once.
#include "base/log.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "store/sqlite/transaction_writer.hpp"

#include <algorithm>

namespace reprise::store::sqlite {

namespace {

/// SQLite takes blobs up to a billion bytes; no transition of a sane caller comes near this.
constexpr std::size_t transition_bytes_max = std::size_t{256} << 20;

bool is_too_large(const transition& t) {
  std::size_t bytes = 0;
  for (auto& w : t.runs) {
    bytes += w.row.events.size() + w.row.facts.size();
    bytes += w.snap ? w.snap->state.size() : 0;
    bytes += w.visibility ? w.visibility->info.size() : 0;
  }
  for (auto& row : t.backlog_adds)
    bytes += row.task.size();
  for (auto& message : t.inbox_adds)
    bytes += message.answer.size() + message.sender.size();
  return bytes > transition_bytes_max;
}

/// Behind the number of those who took the slots comes that of the raises within their time.
constexpr int raises_bits = 32;

/// Why one member must be left out; nothing when the whole store is at fault.
std::optional<commit_status> fault_of_member(const failure& f) {
  switch (f.primary_code()) {
    case SQLITE_CONSTRAINT:
      return commit_status::already_exists;
    case SQLITE_TOOBIG:
      return commit_status::too_large;
    default:
      return std::nullopt;
  }
}

/// Whether a failed COMMIT certainly left nothing behind. The frame that makes a transaction valid
/// is written last, so a failed write means that it is not there. After a failed sync it may be in
/// the file, and a crash now could bring it back to life, until the next commit overwrites it.
bool left_nothing(const failure& f) {
  return f.primary_code() == SQLITE_FULL || f.primary_code() == SQLITE_BUSY
         || f.code() == SQLITE_IOERR_WRITE;
}

void fail_committed(std::vector<commit_status>& answers, commit_status status) {
  std::ranges::replace(answers, commit_status::committed, status);
}

} // namespace

sqlite_store::sqlite_store(file_lock lock, std::unique_ptr<database> writer,
                           const sqlite_options& options)
  : lock_(std::move(lock)),
    writer_(std::move(writer)),
    readers_(lock_.path(), options.vfs, options.readers),
    scanners_(lock_.path(), options.vfs, options.scans.sessions),
    scan_time_max_(options.scans.time_max),
    backups_(lock_.path(), options.vfs, options.backups) {
  load_epochs();
}

std::vector<commit_status> sqlite_store::commit(std::span<const transition> group) {
  std::lock_guard guard{write_mutex_};
  statuses answers(group.size(), commit_status::committed);
  for (std::size_t i = 0; i < group.size(); ++i)
    if (is_too_large(group[i]))
      answers[i] = commit_status::too_large;
  auto again = answers;
  if (try_commit(group, answers, members::together))
    return answers;
  try_commit(group, again, members::apart);
  return again;
}

/// True when `answers` is final; members that are apart always make it so.
bool sqlite_store::try_commit(std::span<const transition> group, statuses& answers, members how) {
  try {
    writer_->prepared("BEGIN IMMEDIATE").run();
    writer_state state{*writer_, epochs_, known_};
    group_check check{state};
    transaction_writer writer{*writer_, check};
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (answers[i] != commit_status::committed) {
        check.refuse(group[i], answers[i]);
        continue;
      }
      answers[i] = check.admit(group[i]);
      if (answers[i] != commit_status::committed)
        continue;
      if (how == members::together)
        writer.write(group[i]);
      else if (auto fault = write_apart(writer, group[i]))
        check.withdraw(group[i], answers[i] = *fault);
    }
    writer.finish();
  } catch (const failure& f) {
    writer_->roll_back();
    if (how == members::together && fault_of_member(f))
      return false;
    known_.clear();
    trouble_.log(log_level::error, std::string{"store: a group was rolled back: "} + f.what());
    fail_committed(answers, commit_status::unavailable);
    return true;
  } catch (const std::bad_alloc&) {
    writer_->roll_back();
    fail_committed(answers, commit_status::unavailable);
    return true;
  }
  end_group(group, answers);
  return true;
}

/// Why the member cannot be written, if so; nothing of it is there then.
std::optional<commit_status> sqlite_store::write_apart(transaction_writer& writer,
                                                       const transition& t) {
  writer_->prepared("SAVEPOINT member").run();
  std::optional<commit_status> fault;
  try {
    writer.write(t);
  } catch (const failure& f) {
    fault = fault_of_member(f);
    if (!fault || !writer_->in_transaction())
      throw;
    writer_->prepared("ROLLBACK TO member").run();
  }
  writer_->prepared("RELEASE member").run();
  return fault;
}

void sqlite_store::learn(std::span<const transition> group, const statuses& answers) {
  try {
    for (std::size_t i = 0; i < group.size(); ++i)
      if (answers[i] == commit_status::committed)
        known_.learn(group[i]);
  } catch (const std::bad_alloc&) {
    known_.clear();
  }
}

void sqlite_store::end_group(std::span<const transition> group, statuses& answers) {
  if (std::ranges::find(answers, commit_status::committed) == answers.end())
    return writer_->roll_back();
  try {
    writer_->prepared("COMMIT").run();
    is_in_doubt_ = false;
    learn(group, answers);
  } catch (const failure& f) {
    writer_->roll_back();
    known_.clear();
    trouble_.log(log_level::error, std::string{"store: a commit failed: "} + f.what());
    is_in_doubt_ = is_in_doubt_ || !left_nothing(f);
    fail_committed(answers, left_nothing(f) ? commit_status::unavailable : commit_status::unknown);
  } catch (const std::bad_alloc&) {
    writer_->roll_back();
    known_.clear();
    is_in_doubt_ = true;
    fail_committed(answers, commit_status::unknown);
  }
}

// -- slots and leases ----------------------------------------------------------------------------

void sqlite_store::load_epochs() {
  std::vector<epoch_number> epochs(slot_count);
  running s{writer_->prepared("SELECT slot, epoch FROM slots")};
  while (s->step())
    epochs.at(static_cast<std::size_t>(s->integer(0))) = static_cast<epoch_number>(s->integer(1))
                                                         << raises_bits;
  epochs_ = std::move(epochs);
}

result<bool> sqlite_store::acquire_lease(const std::string& owner, duration) {
  std::lock_guard guard{write_mutex_};
  lease_owner_ = owner;
  return true;
}

result<void> sqlite_store::release_lease(const std::string& owner) {
  std::lock_guard guard{write_mutex_};
  if (lease_owner_ == owner)
    lease_owner_.clear();
  return {};
}

result<std::vector<epoch_number>> sqlite_store::take_slots(const std::string& owner) {
  using answer = result<std::vector<epoch_number>>;
  std::vector<epoch_number> raised;
  auto raise_all = [&](database& db) -> answer {
    if (lease_owner_ != owner || owner.empty())
      return make_error(errc::failed_precondition, "The lease on the slots is not this owner's.");
    db.prepared("UPDATE slots SET epoch = epoch + 1").run();
    raised = epochs_;
    for (auto& epoch : raised)
      epoch = ((epoch >> raises_bits) + 1) << raises_bits;
    return raised;
  };
  return writing(raise_all, [&] { epochs_ = raised; });
}

result<epoch_number> sqlite_store::raise_epoch(slot_id slot, epoch_number seen) {
  if (slot >= slot_count)
    return make_error(errc::invalid_argument, "There is no such slot.");
  std::unique_lock lock{write_mutex_};
  if (epochs_[slot] != seen)
    return make_error(errc::failed_precondition, "The slot has another epoch: it was taken over.");
  if (!is_in_doubt_)
    return ++epochs_[slot];
  lock.unlock();
  auto overwrite = [&](database& db) -> result<epoch_number> {
    if (epochs_[slot] != seen)
      return make_error(errc::failed_precondition,
                        "The slot has another epoch: it was taken over.");
    db.prepared("UPDATE health SET checks = checks + 1").run();
    return seen + 1;
  };
  return writing(overwrite, [&] { epochs_[slot] = seen + 1; });
}

} // namespace reprise::store::sqlite
