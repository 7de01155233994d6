#pragma once

#include "store/known_runs.hpp"
#include "store/member_table.hpp"
#include "store/open.hpp"
#include "store/seldom.hpp"
#include "store/sqlite/backups.hpp"
#include "store/sqlite/file_lock.hpp"
#include "store/sqlite/reader_pool.hpp"

namespace reprise::store::sqlite {

class transaction_writer;

/// The store in one SQLite file. One connection writes, under a mutex; a few others read beside it,
/// each from the last committed state, as the WAL allows.
class sqlite_store final : public store, public backup_source {
public:
  /// The schema must be open. Throws `failure`.
  sqlite_store(file_lock lock, std::unique_ptr<database> writer, const sqlite_options& options);

  std::vector<commit_status> commit(std::span<const transition> group) override;

  result<void> join(const member& self, incarnation_id before) override;
  result<membership> renew(incarnation_id self, bool is_draining) override;
  result<taken_ranges> take(const take_over& what) override;
  result<void> give(incarnation_id self, range_id range, incarnation_id to) override;
  result<void> leave(incarnation_id self) override;
  result<epoch_number> raise_epoch(slot_id slot, epoch_number seen) override;

  result<std::optional<run_head>> current_run(const std::string& namespace_id, machine_kind kind,
                                              const std::string& workflow_id) override;
  result<std::optional<run_head>> find_run(const std::string& namespace_id, machine_kind kind,
                                           const std::string& workflow_id,
                                           const std::string& run_id) override;
  result<std::optional<snapshot>> load_snapshot(std::int64_t key) override;
  result<std::vector<journal_row>> read_journal(std::int64_t key, std::uint64_t from_seq,
                                                std::size_t bytes_max) override;
  result<std::vector<journal_row>> read_events(std::int64_t key, std::int64_t from_event,
                                               std::size_t bytes_max) override;
  result<std::vector<journal_row>> read_events_reverse(std::int64_t key, std::int64_t to_event,
                                                       std::size_t bytes_max) override;

  result<std::size_t> copy_history(const history_copy& part) override;
  result<std::size_t> sweep_copies(time_point begun_before, std::size_t limit) override;

  result<std::vector<due_run>> due_timers(time_point until, time_point after_at,
                                          std::int64_t after_key, std::size_t limit) override;
  result<std::optional<time_point>> next_timer(time_point after) override;
  result<std::vector<due_run>> pending_offers(time_point after_at, std::int64_t after_key,
                                              std::size_t limit) override;

  result<std::optional<inbox_row>> read_inbox(slot_id slot, const std::string& message_id) override;
  result<std::vector<inbox_row>> unforgotten(range_id range, time_point taken_before,
                                             const inbox_place& behind, std::size_t limit) override;
  result<std::size_t> sweep_inbox(range_id range, time_point forgotten_before,
                                  std::size_t limit) override;

  result<std::vector<backlog_row>> read_backlog(const queue_key& queue, int after_priority,
                                                std::int64_t after_seq, std::size_t limit) override;
  result<std::int64_t> count_backlog(const queue_key& queue) override;
  result<std::vector<queue_key>> backlog_queues() override;
  result<void> erase_backlog(const queue_key& queue,
                             std::span<const std::pair<int, std::int64_t>> places) override;

  result<std::vector<visibility_row>>
  list(const std::string& namespace_id, machine_kind kind, const filter& query,
       const std::optional<list_cursor>& behind, std::size_t limit) override;
  result<std::vector<visibility_row>>
  list_sorted(const std::string& namespace_id, machine_kind kind, const filter& query,
              std::span<const sort_key> order, const std::optional<sorted_place>& behind,
              std::size_t limit) override;
  result<time_point> latest_close(const std::string& namespace_id, machine_kind kind) override;
  result<std::int64_t> count(const std::string& namespace_id, machine_kind kind,
                             const filter& query) override;
  result<std::vector<group_count>> count_by(const std::string& namespace_id, machine_kind kind,
                                            const filter& query, const std::string& attribute,
                                            value_type type) override;

  result<void> create_namespace(const namespace_row& row) override;
  result<void> update_namespace(const namespace_row& row) override;
  result<std::vector<namespace_row>> namespaces() override;
  result<run_page> runs_of(const std::string& namespace_id, std::int64_t behind_key,
                           std::size_t rows_max) override;
  result<void> erase_namespace(const std::string& id) override;
  result<std::string> cluster_fact(const std::string& name, const std::string& value) override;
  result<void> check() override;
  std::string kind() const override;

  result<std::string> begin_backup() override {
    return backups_.begin_backup();
  }

  result<backup_state> look_at_backup(const std::string& name) override {
    return backups_.look_at_backup(name);
  }

  result<std::string> read_backup(const std::string& name, std::uint64_t offset,
                                  std::size_t bytes_max) override {
    return backups_.read_backup(name, offset, bytes_max);
  }

  void end_backup(const std::string& name) override {
    backups_.end_backup(name);
  }

private:
  using statuses = std::vector<commit_status>;

  enum class members : std::uint8_t {
    /// One that cannot be written ends the try.
    together,
    /// Each is taken back by itself when it cannot be written.
    apart,
  };

  bool try_commit(std::span<const transition> group, statuses& answers, members how);
  std::optional<commit_status> write_apart(transaction_writer& writer, const transition& t);
  void end_group(std::span<const transition> group, statuses& answers);
  void learn(std::span<const transition> group, const statuses& answers);
  void load_epochs();
  void shut_out(const range_set& ranges);

  /// Runs `f(database&)` on a reader; a failure becomes an error.
  template <class F>
  auto reading(F f) -> decltype(f(std::declval<database&>())) {
    return on_loan(readers_, std::move(f));
  }

  /// The same for what may read many rows: beside other reads, and not for too long.
  template <class F>
  auto scanning(F f) -> decltype(f(std::declval<database&>()));
  template <class F>
  auto on_loan(reader_pool& pool, F f) -> decltype(f(std::declval<database&>()));
  /// Runs `f(database&)` in a transaction of its own and commits it unless `f` answers an error;
  /// `committed()` runs behind the commit, before any other writer.
  template <class F, class Committed>
  auto writing(F f, Committed committed) -> decltype(f(std::declval<database&>()));

  template <class F>
  auto writing(F f) -> decltype(f(std::declval<database&>())) {
    return writing(std::move(f), [] {});
  }

  /// The same for what the registry of namespaces is read from.
  template <class F>
  auto changing_registry(F f) -> decltype(f(std::declval<database&>())) {
    return writing(std::move(f), [this] { members_.on_registry_changed(); });
  }

  // The lock is released last.
  file_lock lock_;
  std::mutex write_mutex_;
  std::unique_ptr<database> writer_;
  seldom trouble_;
  /// Guarded by write_mutex_. Only this process writes the file: the file counts who took the
  /// slots, and what is raised within that time is nobody else's concern.
  std::vector<epoch_number> epochs_;
  /// A failed COMMIT may come back to life in a crash, until the next one overwrites it.
  bool is_in_doubt_ = false;
  known_runs known_;
  /// Nobody else can open the file, so it need not know of members.
  member_table members_;
  reader_pool readers_;
  reader_pool scanners_;
  const duration scan_time_max_;
  backups backups_;
};

template <class F>
auto sqlite_store::scanning(F f) -> decltype(f(std::declval<database&>())) {
  return on_loan(scanners_, [&](database& db) {
    time_limit limit{db, scan_time_max_};
    return f(db);
  });
}

template <class F>
auto sqlite_store::on_loan(reader_pool& pool, F f) -> decltype(f(std::declval<database&>())) {
  try {
    auto reader = pool.borrow();
    return f(*reader);
  } catch (const failure& e) {
    return to_error(e);
  } catch (const std::bad_alloc&) {
    return make_error(errc::unavailable, "The store ran out of memory.");
  }
}

template <class F, class Committed>
auto sqlite_store::writing(F f, Committed committed) -> decltype(f(std::declval<database&>())) {
  std::lock_guard guard{write_mutex_};
  try {
    writer_->prepared("BEGIN IMMEDIATE").run();
    auto answer = f(*writer_);
    if (!answer) {
      writer_->roll_back();
      return answer;
    }
    writer_->prepared("COMMIT").run();
    is_in_doubt_ = false;
    committed();
    return answer;
  } catch (const failure& e) {
    writer_->roll_back();
    return to_error(e);
  } catch (const std::bad_alloc&) {
    writer_->roll_back();
    return make_error(errc::unavailable, "The store ran out of memory.");
  }
}

} // namespace reprise::store::sqlite
