#pragma once

#include "store/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace reprise::store {

/// What a caller asked of the store, as far as faults care.
enum class operation : std::uint8_t {
  commit,
  write,
  read
};

/// What shall become of one call.
struct fault {
  enum class kind : std::uint8_t {
    none,
    /// Nothing happens; answered `unavailable`.
    before,
    /// It happens, durably; answered `unknown` (a commit) or `unavailable` (any other call).
    after,
    /// Commits only, like `after` for others: answered `unknown` now, and carried out when
    /// `late_calls` more calls were made, as a COMMIT that was still under way in the database.
    late,
    /// Commits only: answered `committed`, and nothing happens: as of a database that later comes
    /// back without its last commits.
    forgotten,
    /// Of writes: refused (failed_precondition), as a renewal is to whoever may write no more.
    deposed,
  };
  kind what = kind::none;
  int late_calls = 0;
};

/// Asked before every call, from any thread, one at a time. May block: that delays the call.
using fault_decider = std::function<fault(operation)>;

/// A store that fails as real ones do, over any other. Late commits stay fenced by the store below:
/// once a slot's epoch was raised, what is late of that slot is refused. A caller that reads again
/// without raising it will be overtaken. Thread-safe as every store.
class faulty_store : public store {
public:
  /// The store below may be shared: it outlives this one where a crash is simulated. Commits that
  /// are late when this one ends are lost, as those of a killed session are.
  faulty_store(std::shared_ptr<store> below, fault_decider decide);

  /// Carries out at once what is still late.
  void land_late();

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
  struct late_group {
    std::vector<transition> members{};
    int calls_left = 0;
  };

  fault::kind next_fault(operation what, std::span<const transition> group = {});
  template <class F>
  auto reading(F f) -> decltype(f());
  template <class F>
  auto writing(F f) -> decltype(f());

  const std::shared_ptr<store> below_;
  const fault_decider decide_;
  std::mutex mutex_;
  std::vector<late_group> late_;
  /// Raises that happened and were answered `unavailable`, by slot.
  std::map<slot_id, epoch_number> doubtful_raises_;
};

/// How often which fault comes, in a thousand calls.
struct fault_rates {
  int before = 20;
  int after = 20;
  int late = 20;
  int failed_reads = 10;
  /// A late commit lands within so many calls.
  int late_calls_max = 20;
};

/// Faults from a seed: the same calls meet the same ones.
fault_decider seeded_faults(std::uint64_t seed, const fault_rates& rates);

} // namespace reprise::store
