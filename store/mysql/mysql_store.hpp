#pragma once

#include "store/mysql/fence.hpp"
#include "store/mysql/group_writer.hpp"
#include "store/mysql/session_pool.hpp"
#include "store/open.hpp"
#include "store/seldom.hpp"
#include "store/store.hpp"

#include <atomic>
#include <functional>
#include <map>

namespace reprise::store::mysql {

/// The store in a MySQL or MariaDB database, which several nodes may share. One session writes
/// groups; renewals, take-overs, and other small writes have one each, which waits for nothing
/// else; a few read, and a few others scan. Sessions that break are replaced by the next call that
/// needs them.
class mysql_store final : public store {
public:
  /// The schema must be open.
  mysql_store(const dsn& address, const mysql_options& options);

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

private:
  using statuses = std::vector<commit_status>;

  /// A session that is made when it is first needed, and again after it broke.
  struct session {
    std::mutex mutex{};
    std::unique_ptr<connection> handle{};
  };

  enum class outcome : std::uint8_t {
    /// The answers are final.
    done,
    /// Rolled back by a collision with another transaction.
    try_again,
    /// Some member holds a value that the tables refuse.
    split,
    /// The session had ended before anything was sent on it.
    reconnect,
  };

  /// Lives of which a transition of the same call is not durable, and why.
  using lost_lives = std::map<std::uint64_t, commit_status>;

  outcome try_commit(std::span<const transition> group, statuses& answers, const lost_lives& lost);
  void write_group(group_state& state, std::span<const transition> group, statuses& answers,
                   const lost_lives& lost);
  outcome after_failure(const failure& f, statuses& answers);
  outcome commit_open_transaction(statuses& answers);
  outcome find_out(statuses& answers);
  bool may_write(statuses& answers);
  void commit_members(std::span<const transition> group, statuses& answers, lost_lives& lost);
  void commit_halves(std::span<const transition> group, statuses& answers, lost_lives& lost);
  fence::finding enter();
  void lose_writer();
  commit_status give_up(fence::finding why);
  void own_nothing();
  outcome try_give(range_id range, incarnation_id to, statuses& answers);

  /// Runs `f(connection&)` on a reader; once more on a new session when the old one had broken.
  template <class F>
  auto reading(F f) -> decltype(f(std::declval<connection&>())) {
    return on_loan(readers_, std::move(f));
  }

  /// The same for what may read many rows: beside other reads, and not for too long.
  template <class F>
  auto scanning(F f) -> decltype(f(std::declval<connection&>())) {
    return on_loan(scanners_, std::move(f));
  }

  /// The same on that session, of which each statement is a transaction of its own: so nothing that
  /// happens to this process in between holds anybody up.
  template <class F>
  auto asking(session& s, F f) -> decltype(f(std::declval<connection&>()));
  template <class F>
  auto on_loan(session_pool& pool, F f) -> decltype(f(std::declval<connection&>()));
  /// Runs `f(connection&)` in a transaction on that session and commits it unless `f` answers an
  /// error. Collisions are tried again.
  template <class F>
  auto writing(session& s, F f) -> decltype(f(std::declval<connection&>()));

  connector server_;
  const std::function<void(std::uint64_t)> on_lost_commits_;
  /// The right to write was lost, and whoever has the lease does not know yet.
  std::atomic<bool> is_deposed_{false};
  /// The highest count of take-overs that this object ever knew of a range.
  std::atomic<std::uint64_t> take_overs_{0};
  session writer_;
  session lease_;
  session epochs_session_;
  session control_;
  // Guarded by the writer's mutex:
  fence fence_;
  /// Of no slot that this object may write.
  static constexpr epoch_number not_owned = ~epoch_number{0};
  /// Of this incarnation: whoever takes its slots ends it, so nobody else raises them meanwhile.
  std::vector<epoch_number> epochs_ = std::vector<epoch_number>(slot_count, not_owned);
  /// True of what the writer's session sees: a new one knows nothing.
  known_runs known_;
  seldom trouble_;
  session_pool readers_;
  session_pool scanners_;
};

/// How often a transaction that met another one is tried again before the caller hears of it.
inline constexpr int collisions_max = 5;

template <class F>
auto mysql_store::on_loan(session_pool& pool, F f) -> decltype(f(std::declval<connection&>())) {
  for (int attempt = 0;; ++attempt) {
    try {
      auto reader = pool.borrow();
      try {
        return f(*reader);
      } catch (const failure&) {
        reader.discard();
        throw;
      }
    } catch (const failure& e) {
      if (!e.is_lost() || attempt == 1)
        return to_error(e);
      pool.forget_idle();
    }
  }
}

template <class F>
auto mysql_store::asking(session& s, F f) -> decltype(f(std::declval<connection&>())) {
  std::lock_guard guard{s.mutex};
  for (int attempt = 0;; ++attempt) {
    try {
      if (!s.handle)
        s.handle = server_.connect(role::reader);
      return f(*s.handle);
    } catch (const failure& e) {
      s.handle.reset();
      if (!e.is_lost() || attempt == 1)
        return to_error(e);
    }
  }
}

template <class F>
auto mysql_store::writing(session& s, F f) -> decltype(f(std::declval<connection&>())) {
  std::lock_guard guard{s.mutex};
  for (int attempt = 0;; ++attempt) {
    bool is_committing = false;
    try {
      if (!s.handle)
        s.handle = server_.connect(role::writer);
      auto& db = *s.handle;
      db.execute("START TRANSACTION");
      auto answer = f(db);
      is_committing = true;
      db.execute(answer ? "COMMIT" : "ROLLBACK");
      return answer;
    } catch (const failure& e) {
      // A new session is the surest way to leave a transaction behind.
      s.handle.reset();
      auto again = e.is_collision() || (e.is_lost() && !is_committing && attempt == 0);
      if (!again || attempt >= collisions_max)
        return to_error(e);
    }
  }
}

} // namespace reprise::store::mysql
