#pragma once

#include "store/group_check.hpp"
#include "store/member_table.hpp"
#include "store/store.hpp"

#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>

namespace reprise::store {

/// The store in C++ containers: nothing survives the process. Deterministic (what it answers
/// depends on the calls alone, never on addresses or time), so the simulation runs on it, and small
/// enough to read as the meaning of the interface. One mutex guards everything.
class memory_store final : public store, private stored_state {
public:
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
  struct run_data {
    run_head head{};
    std::vector<journal_row> journal{};
    std::optional<snapshot> snap{};
    std::optional<visibility_row> listed{};
    std::uint64_t facts_forgotten_to = 0;
  };

  /// A history that no run was created on yet.
  struct copied_history {
    std::vector<journal_row> rows{};
    time_point begun_at{};
    bool is_dropped = false;
  };

  /// A place in the default order of lists.
  struct list_place {
    std::int64_t close_order = 0;
    std::int64_t start_time = 0;
    std::int64_t key = 0;

    /// First is what is listed first.
    friend bool operator<(const list_place& a, const list_place& b) noexcept {
      return std::tie(b.close_order, b.start_time, b.key)
             < std::tie(a.close_order, a.start_time, a.key);
    }
  };

  using listed_kind = std::pair<std::string, machine_kind>;
  using due_index = std::set<std::pair<std::int64_t, std::int64_t>>;

  struct backlog_task {
    std::string id{};
    std::string task{};
  };

  using backlog_place = std::pair<int, std::int64_t>;
  using backlog_rows = std::map<backlog_place, backlog_task>;

  // -- stored_state, called with mutex_ held -----------------------------------------------------
  epoch_number epoch(slot_id slot) override;
  std::optional<stored_run> run(std::int64_t key) override;
  bool has_key(std::int64_t key) override;
  bool has_run_id(const std::string& run_id) override;
  std::optional<stored_current> current(const actor_address& of) override;
  bool has_message(slot_id slot, const std::string& message_id) override;
  bool has_copy(std::int64_t key) override;

  void raise(const range_set& ranges);
  void apply(const transition& t);
  void apply(const run_write& w);
  void add_backlog(const backlog_row& row);
  void erase_backlog_row(const queue_key& queue, const backlog_place& place);
  void set_wakeups(run_data& run, const run_head& head);
  void erase_run(const run_write& w);
  void set_listed(run_data& run, const visibility_row& row);
  void unlist(run_data& run);
  static void forget_facts(run_data& run, std::uint64_t to);
  static list_place place_of(const visibility_row& row);
  std::vector<due_run> due(const due_index& index, time_point after_at, std::int64_t after_key,
                           std::int64_t until, std::size_t limit) const;
  template <class Visit>
  void for_each_listed(const listed_kind& of, const filter& query, Visit visit) const;
  const run_data* run_data_of(std::int64_t key) const;

  mutable std::mutex mutex_;
  std::vector<epoch_number> epochs_ = std::vector<epoch_number>(slot_count);
  member_table members_;
  std::map<std::int64_t, run_data> runs_;
  std::map<std::int64_t, copied_history> copies_;
  std::unordered_map<std::string, std::int64_t> keys_by_run_id_;
  std::map<actor_address, std::int64_t> currents_;
  due_index timers_;
  due_index offers_;
  std::map<queue_key, backlog_rows> backlogs_;
  std::unordered_map<std::string, std::pair<queue_key, backlog_place>> backlog_by_task_;
  std::map<listed_kind, std::set<list_place>> listed_;
  std::map<std::pair<slot_id, std::string>, inbox_row> inbox_;
  std::map<std::string, namespace_row> namespaces_;
  std::map<std::string, std::string> facts_;
};

} // namespace reprise::store
