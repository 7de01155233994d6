#pragma once

#include "store/store.hpp"
#include "tests/simulation/model/ledger.hpp"
#include "tests/simulation/model/odd_inbox.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>

namespace reprise::simulation {

/// Within a store, `store` is the class.
namespace st = reprise::store;

/// The one thing that outlives processes: a store in memory with its members, the commits that are
/// still on their way to it, and the judge who sees what becomes durable.
class disk {
public:
  disk(universe& all, ledger& judge, const loss_plan& plan);

  store::store& below() noexcept {
    return *below_;
  }

  /// In parts, each of which ends with a copy that becomes a run: the judge reads that before a
  /// snapshot of the same group has its facts deleted.
  std::vector<store::commit_status> commit(std::span<const store::transition> group, int process);
  /// Lands within so many calls, or never.
  void commit_late(std::span<const store::transition> group, int process, int calls);
  /// One more call was made: what is late comes nearer.
  void tick();
  void land_late();
  /// The group asks something of other workflows, and such are to be lost now.
  bool loses(std::span<const store::transition> group);
  /// Answered as if it were durable, and lost.
  std::vector<store::commit_status> forget(std::span<const store::transition> group);

  result<store::taken_ranges> take(const store::take_over& what, int process);
  result<void> leave(store::incarnation_id self);
  result<store::epoch_number> raise_epoch(store::slot_id slot, store::epoch_number seen,
                                          bool answer_is_lost);
  result<std::optional<store::inbox_row>> read_inbox(store::slot_id slot,
                                                     const std::string& message_id);
  result<std::optional<store::snapshot>> load_snapshot(std::int64_t key);
  result<std::vector<store::journal_row>> read_journal(std::int64_t key, std::uint64_t from_seq,
                                                       std::size_t bytes_max);

private:
  std::vector<store::commit_status> commit_together(std::span<const store::transition> group,
                                                    int process);

  struct late_group {
    std::vector<store::transition> members{};
    int process = 0;
    int calls_left = 0;
  };

  universe& all_;
  ledger& judge_;
  std::unique_ptr<store::store> below_;
  const loss_plan& plan_;
  odd_inbox inbox_;
  std::list<late_group> late_;
  std::vector<store::epoch_number> epochs_ = std::vector<store::epoch_number>(store::slot_count);
  /// Raises whose answer was lost, by slot.
  std::map<store::slot_id, store::epoch_number> doubtful_;
};

/// What becomes of one call of a process on the disk.
struct verdict {
  enum class kind : std::uint8_t {
    done,
    /// Not carried out, and said so.
    refused,
    /// Carried out; the answer is lost.
    answer_lost,
    /// A commit that lands later.
    late,
    /// A commit that is answered, and that the store has lost when it is looked at again.
    forgotten,
  };
  kind what = kind::done;
  int late_calls = 0;
};

enum class operation : std::uint8_t {
  commit,
  write,
  read
};

/// The disk as one process sees it: calls fail as fate wills, and other actors run while a call is
/// under way (in the server, whoever blocks on the store has a thread of its own).
class process_store final : public st::store {
public:
  /// Called before every operation; may run other jobs.
  using fate = std::function<verdict(operation)>;

  process_store(disk& all, int process, fate decide)
    : disk_(all), process_(process), decide_(std::move(decide)) {
  }

  /// The process was killed: from now on nothing it does reaches the disk.
  void close() noexcept {
    closed_ = true;
  }

  bool closed() const noexcept {
    return closed_;
  }

  std::vector<st::commit_status> commit(std::span<const st::transition> group) override;
  result<void> join(const st::member& self, st::incarnation_id before) override;
  result<st::membership> renew(st::incarnation_id self, bool is_draining) override;
  result<st::taken_ranges> take(const st::take_over& what) override;
  result<void> give(st::incarnation_id self, st::range_id range, st::incarnation_id to) override;
  result<void> leave(st::incarnation_id self) override;
  result<st::epoch_number> raise_epoch(st::slot_id slot, st::epoch_number seen) override;

  result<std::optional<st::run_head>> current_run(const std::string& namespace_id,
                                                  machine_kind kind,
                                                  const std::string& workflow_id) override;
  result<std::optional<st::run_head>> find_run(const std::string& namespace_id, machine_kind kind,
                                               const std::string& workflow_id,
                                               const std::string& run_id) override;
  result<std::optional<st::snapshot>> load_snapshot(std::int64_t key) override;
  result<std::vector<st::journal_row>> read_journal(std::int64_t key, std::uint64_t from_seq,
                                                    std::size_t bytes_max) override;
  result<std::vector<st::journal_row>> read_events(std::int64_t key, std::int64_t from_event,
                                                   std::size_t bytes_max) override;
  result<std::vector<st::journal_row>> read_events_reverse(std::int64_t key, std::int64_t to_event,
                                                           std::size_t bytes_max) override;

  result<std::vector<st::due_run>> due_timers(time_point until, time_point after_at,
                                              std::int64_t after_key, std::size_t limit) override;
  result<std::optional<time_point>> next_timer(time_point after) override;
  result<std::vector<st::due_run>> pending_offers(time_point after_at, std::int64_t after_key,
                                                  std::size_t limit) override;

  result<std::size_t> copy_history(const st::history_copy& part) override;
  result<std::size_t> sweep_copies(time_point begun_before, std::size_t limit) override;

  result<std::optional<st::inbox_row>> read_inbox(st::slot_id slot,
                                                  const std::string& message_id) override;
  result<std::vector<st::inbox_row>> unforgotten(st::range_id range, time_point taken_before,
                                                 const st::inbox_place& behind,
                                                 std::size_t limit) override;
  result<std::size_t> sweep_inbox(st::range_id range, time_point forgotten_before,
                                  std::size_t limit) override;

  result<std::vector<st::backlog_row>> read_backlog(const st::queue_key& queue, int after_priority,
                                                    std::int64_t after_seq,
                                                    std::size_t limit) override;
  result<std::int64_t> count_backlog(const st::queue_key& queue) override;
  result<std::vector<st::queue_key>> backlog_queues() override;
  result<void> erase_backlog(const st::queue_key& queue,
                             std::span<const std::pair<int, std::int64_t>> places) override;

  result<std::vector<st::visibility_row>>
  list(const std::string& namespace_id, machine_kind kind, const st::filter& query,
       const std::optional<st::list_cursor>& behind, std::size_t limit) override;
  result<std::vector<st::visibility_row>>
  list_sorted(const std::string& namespace_id, machine_kind kind, const st::filter& query,
              std::span<const st::sort_key> order, const std::optional<st::sorted_place>& behind,
              std::size_t limit) override;
  result<time_point> latest_close(const std::string& namespace_id, machine_kind kind) override;
  result<std::int64_t> count(const std::string& namespace_id, machine_kind kind,
                             const st::filter& query) override;
  result<std::vector<st::group_count>>
  count_by(const std::string& namespace_id, machine_kind kind, const st::filter& query,
           const std::string& attribute, st::value_type type) override;

  result<void> create_namespace(const st::namespace_row& row) override;
  result<void> update_namespace(const st::namespace_row& row) override;
  result<std::vector<st::namespace_row>> namespaces() override;
  result<st::run_page> runs_of(const std::string& namespace_id, std::int64_t behind_key,
                               std::size_t rows_max) override;
  result<void> erase_namespace(const std::string& id) override;
  result<std::string> cluster_fact(const std::string& name, const std::string& value) override;
  result<void> check() override;
  std::string kind() const override;

private:
  verdict ask(operation what);
  template <class F>
  auto reading(F f) -> decltype(f());
  template <class F>
  auto writing(F f) -> decltype(f());

  disk& disk_;
  int process_;
  fate decide_;
  bool closed_ = false;
};

} // namespace reprise::simulation
