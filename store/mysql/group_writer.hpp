#pragma once

#include "store/known_runs.hpp"
#include "store/mysql/attribute_rows.hpp"
#include "store/mysql/row_batch.hpp"

#include <map>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>

namespace reprise::store::mysql {

/// What group_check asks about one group, read in a few statements at the start of its transaction,
/// behind the fence: only the owner of its slots could change any of it, so nobody does. What is
/// known already is not read, nor what the tables refuse by themselves: a second row of one key or
/// run id.
class group_state final : public stored_state {
public:
  group_state(connection& db, std::span<const transition> group,
              const std::vector<epoch_number>& epochs, known_runs& known);

  epoch_number epoch(slot_id slot) override;
  std::optional<stored_run> run(std::int64_t key) override;
  bool has_key(std::int64_t key) override;
  bool has_run_id(const std::string& run_id) override;
  std::optional<stored_current> current(const actor_address& of) override;
  bool has_message(slot_id slot, const std::string& message_id) override;
  bool has_copy(std::int64_t key) override;

private:
  void read_runs(connection& db, std::span<const transition> group);
  void read_currents(connection& db, std::span<const transition> group);
  void read_messages(connection& db, std::span<const transition> group);
  void lock_copies(connection& db, std::span<const transition> group);
  const stored_run* known(std::int64_t key);

  const std::vector<epoch_number>& epochs_;
  known_runs& known_;
  std::unordered_map<std::int64_t, stored_run> runs_;
  std::map<actor_address, stored_current> currents_;
  std::set<std::pair<slot_id, std::string>> messages_;
  std::set<std::int64_t> copies_;
};

/// As row_batch, for the tables that every transition writes to. Of a large group most rows go in
/// statements that the server has parsed before, so many rows each; the rest go as text, which a
/// small group is written faster by. Texts must live until the flush.
template <class... Values>
class bulk_rows {
public:
  bulk_rows(const char* head, const char* tail) : head_(head), tail_(tail) {
  }

  void add(const Values&... values) {
    rows_.emplace_back(values...);
  }

  /// As row_batch counts.
  std::int64_t flush(connection& db);

private:
  static constexpr std::size_t rows_each = 128;

  std::int64_t flush_prepared(connection& db, std::span<const std::tuple<Values...>> rows);

  const char* head_;
  const char* tail_;
  std::vector<std::tuple<Values...>> rows_;
};

/// Collects the writes of admitted transitions and sends them table by table. Call flush at the
/// end. Throws `failure`.
class group_writer {
public:
  group_writer(connection& db, const group_check& check);

  /// The transition must be the one that the check admitted last.
  void add(const transition& t);
  void flush();

private:
  void add_run(const run_write& w);
  void add_visibility(const run_head& head, const visibility_row& row, bool is_new);
  void add_current(const current_change& change);
  void forget_facts(std::int64_t key, std::uint64_t to);
  void erase_run(const run_write& w);
  void flush_heads();
  void flush_run_ids();
  void flush_snapshots();
  void flush_visibility();
  void forget_places_before();
  void flush_inbox();

  connection& db_;
  const group_check& check_;

  // Of several states of one row within the group only the last is sent. Pointers into the group.
  struct head_state {
    /// Null: only the wake-ups were touched.
    const run_head* head = nullptr;
    /// Where the wake-ups are.
    const run_head* wakeups = nullptr;
    /// The row is not there yet.
    bool is_new = false;
    /// The wake-ups are not what is stored.
    bool wakeups_move = false;
  };

  std::map<std::int64_t, head_state> heads_;
  std::map<std::pair<std::int64_t, std::int64_t>, bool> run_ids_;

  struct listed_run {
    const visibility_row* row = nullptr;
    int shard = 0;
    /// It may have been listed before.
    bool is_rewritten = false;
  };

  std::map<std::int64_t, listed_run> visibility_;
  sql::count_changes counts_{};
  std::map<std::int64_t, const snapshot*> snapshots_;
  bulk_rows<std::int64_t, std::uint64_t, std::int64_t, int, std::string_view, std::string_view>
    journal_;
  row_batch backlog_;
  row_batch inbox_;
  using message_place = std::pair<slot_id, std::string_view>;
  /// Messages that are forgotten, and when they were first. Views into the group.
  std::map<message_place, time_point> forgotten_;
  /// Copied histories that get their runs.
  std::vector<std::int64_t> copies_;
};

/// Bytes of the longest statement that the transition needs when it stands alone.
std::size_t longest_statement(const transition& t);

} // namespace reprise::store::mysql
