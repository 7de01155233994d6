#pragma once

#include "base/result.hpp"
#include "store/filter.hpp"
#include "store/membership.hpp"
#include "store/sorting.hpp"
#include "store/types.hpp"

#include <memory>
#include <span>

namespace reprise::store {

/// The durable world. Blocking: call it from detached actors only.
///
/// Threads: every method may be called from any thread at any time; commits of one store are
/// serialised inside. Reads see every commit that was answered `committed` before they began.
/// Failures: reads answer errc::unavailable when the database cannot be reached (try again later),
/// errc::data_loss when what is stored cannot be understood. Nothing throws but std::bad_alloc.
/// Slow ones: leases, epochs, point reads and scans (list, count) have sessions of their own where
/// sessions are what one waits for, so none of them stands behind another kind.
class store {
public:
  virtual ~store() = default;

  /// One durable group: forms one database transaction with the members that hold, so that one
  /// bad member costs only itself. Answers one status for each transition, in order. Within a
  /// group, later transitions see earlier ones; of one incarnation, none holds behind one that was
  /// refused.
  virtual std::vector<commit_status> commit(std::span<const transition> group) = 0;

  // -- members, ranges and epochs ----------------------------------------------------------------

  /// Makes `self` a member, which owns nothing yet, and gives it the right to write; ends `before`,
  /// an earlier incarnation of the same process (0: none), with all that it owns. Refused
  /// (failed_precondition) when the incarnation was used before: after `unavailable` it may have
  /// been, so try another.
  virtual result<void> join(const member& self, incarnation_id before) = 0;
  /// Raises the member's number, which is all that holds its lease, and reads what all members are
  /// to know. Refused (failed_precondition) to who is no member any more, or may write no more
  /// (somebody ended it, or the database lost commits): what it owned has to be taken anew, by an
  /// incarnation that joins.
  virtual result<membership> renew(incarnation_id self, bool is_draining) = 0;
  /// In one transaction: ends the dead whose numbers still stand where they were seen, after which
  /// nothing of theirs becomes durable, and takes what ranges_to_take() allows among the members
  /// and owners of that moment. Refused (failed_precondition) to who is no member.
  virtual result<taken_ranges> take(const take_over& what) = 0;
  /// Gives a range that `self` owns to a member, or (0) to whoever may take it; behind all that
  /// this store object has committed of it, and nothing of it is committed any more, whatever is
  /// answered. Refused (failed_precondition) when it is not `self`'s.
  virtual result<void> give(incarnation_id self, range_id range, incarnation_id to) = 0;
  /// Ends the member; its ranges are free. Nothing of it becomes durable from then on.
  virtual result<void> leave(incarnation_id self) = 0;
  /// Compare-and-set of one slot's epoch to `seen + 1`; answers the new one. After this returns, no
  /// transition of an older epoch can become durable. Refused (failed_precondition) when the stored
  /// epoch is not `seen`. After `unavailable`, call it again with the same `seen`, whether or not
  /// it happened.
  virtual result<epoch_number> raise_epoch(slot_id slot, epoch_number seen) = 0;

  // -- runs --------------------------------------------------------------------------------------

  /// The current run of an id; nothing when it has none.
  virtual result<std::optional<run_head>>
  current_run(const std::string& namespace_id, machine_kind kind, const std::string& workflow_id)
    = 0;
  virtual result<std::optional<run_head>>
  find_run(const std::string& namespace_id, machine_kind kind, const std::string& workflow_id,
           const std::string& run_id)
    = 0;
  virtual result<std::optional<snapshot>> load_snapshot(std::int64_t key) = 0;
  /// Journal rows from `from_seq` on, in order, until `bytes_max` is passed (at least one row).
  virtual result<std::vector<journal_row>>
  read_journal(std::int64_t key, std::uint64_t from_seq, std::size_t bytes_max) = 0;
  /// Rows that hold the events from `from_event` on, in order, until `bytes_max` is passed (at
  /// least one row); the first may begin before `from_event`. Facts are left out.
  virtual result<std::vector<journal_row>>
  read_events(std::int64_t key, std::int64_t from_event, std::size_t bytes_max) = 0;
  /// The same backwards: rows with events up to `to_event`, newest first.
  virtual result<std::vector<journal_row>>
  read_events_reverse(std::int64_t key, std::int64_t to_event, std::size_t bytes_max) = 0;

  // -- histories that are copied ------------------------------------------------------------------

  /// Copies a part of a history; answers how many rows came over. Not fenced: nobody sees them. A
  /// copy of which a part failed is given up, whether or not it happened: a sweep erases it.
  /// Refused (failed_precondition) when the copy was not begun, or was swept.
  virtual result<std::size_t> copy_history(const history_copy& part) = 0;
  /// Erases at most `limit` rows of one copy that was begun before `begun_before` and on which no
  /// run was created; none can be created on it from then on. Answers how much was erased; nothing
  /// when there is no such copy.
  virtual result<std::size_t> sweep_copies(time_point begun_before, std::size_t limit) = 0;

  // -- wake-ups ----------------------------------------------------------------------------------

  /// Runs whose timer_at is at or before `until`, earliest first, behind (`after_at`, `after_key`).
  virtual result<std::vector<due_run>>
  due_timers(time_point until, time_point after_at, std::int64_t after_key, std::size_t limit) = 0;
  /// The earliest timer_at behind `after`; nothing when there is none.
  virtual result<std::optional<time_point>> next_timer(time_point after) = 0;
  /// Runs with offer_at set, earliest first, behind (`after_at`, `after_key`).
  virtual result<std::vector<due_run>>
  pending_offers(time_point after_at, std::int64_t after_key, std::size_t limit) = 0;

  // -- inboxes -----------------------------------------------------------------------------------

  /// What was answered to a message when the slot's actor took it; nothing: it was not taken, or
  /// forgotten long enough ago.
  virtual result<std::optional<inbox_row>> read_inbox(slot_id slot, const std::string& message_id)
    = 0;
  /// Messages of one range that were taken before `taken_before` and are not forgotten, oldest
  /// first, behind `behind`. Their senders did not commit the answer yet, or what they said then
  /// was lost: whoever asks them hears of it again.
  virtual result<std::vector<inbox_row>>
  unforgotten(range_id range, time_point taken_before, const inbox_place& behind, std::size_t limit)
    = 0;
  /// Erases at most `limit` messages of one range that were forgotten before `forgotten_before`;
  /// answers how many there were. Not fenced: copies that are older than a while are ignored by
  /// whoever gets them, so it is for callers to wait for that long.
  virtual result<std::size_t>
  sweep_inbox(range_id range, time_point forgotten_before, std::size_t limit) = 0;

  // -- backlogs ----------------------------------------------------------------------------------

  /// Rows of one queue in order (priority, seq), behind the given place.
  virtual result<std::vector<backlog_row>> read_backlog(const queue_key& queue, int after_priority,
                                                        std::int64_t after_seq, std::size_t limit)
    = 0;
  /// Number of rows of one queue.
  virtual result<std::int64_t> count_backlog(const queue_key& queue) = 0;
  /// Queues that have rows.
  virtual result<std::vector<queue_key>> backlog_queues() = 0;
  /// Deletes rows by (priority, seq). Not fenced: a stale row is harmless, hand-outs are validated.
  virtual result<void>
  erase_backlog(const queue_key& queue, std::span<const std::pair<int, std::int64_t>> places) = 0;

  // -- visibility: scans, which are ended (resource_exhausted) when they take too long
  // -------------

  virtual result<std::vector<visibility_row>>
  list(const std::string& namespace_id, machine_kind kind, const filter& query,
       const std::optional<list_cursor>& behind, std::size_t limit)
    = 0;
  /// A list in an order of the caller's: so many rows behind the place. Every row that matches is
  /// looked at.
  virtual result<std::vector<visibility_row>>
  list_sorted(const std::string& namespace_id, machine_kind kind, const filter& query,
              std::span<const sort_key> order, const std::optional<sorted_place>& behind,
              std::size_t limit)
    = 0;
  /// When the last of the runs that are listed closed; the beginning of time when none did.
  virtual result<time_point> latest_close(const std::string& namespace_id, machine_kind kind) = 0;
  virtual result<std::int64_t>
  count(const std::string& namespace_id, machine_kind kind, const filter& query) = 0;
  /// Counts by the values of one attribute, in the order of the values; rows without one first. A
  /// row counts once for each different element of a list. Refused (invalid_argument): texts, and
  /// more than groups_max values.
  virtual result<std::vector<group_count>> count_by(const std::string& namespace_id,
                                                    machine_kind kind, const filter& query,
                                                    const std::string& attribute, value_type type)
    = 0;

  // -- namespaces and the cluster's facts --------------------------------------------------------

  /// Refused (already_exists) when name or id is taken.
  virtual result<void> create_namespace(const namespace_row& row) = 0;
  /// Replaces name and record. Refused (aborted) unless the stored version is row.version - 1.
  virtual result<void> update_namespace(const namespace_row& row) = 0;
  virtual result<std::vector<namespace_row>> namespaces() = 0;
  /// The namespace's runs of every kind behind a key. Looks at no more than `rows_max` of the
  /// store's runs, whosever they are: a page may be empty and yet not the last.
  virtual result<run_page>
  runs_of(const std::string& namespace_id, std::int64_t behind_key, std::size_t rows_max) = 0;
  /// Erases the namespace's record alone, if it is there: what belongs to it has gone before.
  virtual result<void> erase_namespace(const std::string& id) = 0;
  /// A named fact of the cluster (its id, for one); the first writer wins and all get its value.
  virtual result<std::string> cluster_fact(const std::string& name, const std::string& value) = 0;

  /// A cheap write and read: whether the store works now.
  virtual result<void> check() = 0;
  /// "memory", "sqlite", "mysql": said by GetClusterInfo.
  virtual std::string kind() const = 0;
};

/// Joins and takes every range, whoever has them: for tools and tests, where no other server is at
/// work. Answers the epochs of all slots.
result<std::vector<epoch_number>> take_everything(store& db, incarnation_id self);

} // namespace reprise::store
