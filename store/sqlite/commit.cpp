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

/// The file counts who took each slot.
void raise_stored(database& db, const range_set& ranges) {
  if (ranges.all())
    return db.prepared("UPDATE slots SET epoch = epoch + 1").run();
  for (std::size_t r = 0; r < range_count; ++r)
    if (ranges[r])
      db.prepared("UPDATE slots SET epoch = epoch + 1 WHERE slot >= ? AND slot < ?")
        .bind(static_cast<std::int64_t>(r * slots_a_range))
        .bind(static_cast<std::int64_t>((r + 1) * slots_a_range))
        .run();
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

// -- members, ranges and epochs ------------------------------------------------------------------

void sqlite_store::load_epochs() {
  std::vector<epoch_number> epochs(slot_count);
  running s{writer_->prepared("SELECT slot, epoch FROM slots")};
  while (s->step())
    epochs.at(static_cast<std::size_t>(s->integer(0))) = static_cast<epoch_number>(s->integer(1))
                                                         << raises_bits;
  epochs_ = std::move(epochs);
}

/// Of whoever had them nothing becomes durable any more. In this process alone: a crash ends all.
void sqlite_store::shut_out(const range_set& ranges) {
  for (std::size_t slot = 0; slot < epochs_.size(); ++slot)
    if (ranges[range_of(static_cast<slot_id>(slot))])
      ++epochs_[slot];
}

result<void> sqlite_store::join(const member& self, incarnation_id before) {
  std::lock_guard guard{write_mutex_};
  auto done = members_.join(self, before);
  if (!done)
    return std::move(done).error();
  shut_out(done->freed);
  return {};
}

result<membership> sqlite_store::renew(incarnation_id self, bool is_draining) {
  std::lock_guard guard{write_mutex_};
  return members_.renew(self, is_draining);
}

result<taken_ranges> sqlite_store::take(const take_over& what) {
  member_table members;
  taken_ranges out;
  range_set freed;
  auto raise = [&](database& db) -> result<taken_ranges> {
    members = members_;
    auto done = members.take(what);
    if (!done)
      return std::move(done).error();
    out.ranges = done->taken;
    freed = done->freed;
    out.key_floor = std::max(db.read_integer("SELECT ifnull(max(run_key), 0) FROM runs"),
                             db.read_integer("SELECT ifnull(max(run_key), 0) FROM copies"));
    raise_stored(db, out.ranges);
    for (std::size_t slot = 0; slot < epochs_.size(); ++slot)
      if (out.ranges[range_of(static_cast<slot_id>(slot))])
        out.epochs[slot] = ((epochs_[slot] >> raises_bits) + 1) << raises_bits;
    return out;
  };
  return writing(raise, [&] {
    members_ = members;
    shut_out(freed);
    for (std::size_t slot = 0; slot < epochs_.size(); ++slot)
      if (out.epochs[slot] != 0)
        epochs_[slot] = out.epochs[slot];
  });
}

result<void> sqlite_store::give(incarnation_id self, range_id range, incarnation_id to) {
  std::lock_guard guard{write_mutex_};
  auto done = members_.give(self, range, to);
  if (!done)
    return std::move(done).error();
  shut_out(done->freed);
  return {};
}

result<void> sqlite_store::leave(incarnation_id self) {
  std::lock_guard guard{write_mutex_};
  shut_out(members_.leave(self).freed);
  return {};
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
