#pragma once

#include "store/known_runs.hpp"
#include "store/sql/listed_counts.hpp"
#include "store/sqlite/database.hpp"

namespace reprise::store::sqlite {

/// The stored state as group_check asks for it, read through the writing connection inside the
/// group's transaction, unless it is known.
class writer_state final : public stored_state {
public:
  writer_state(database& db, const std::vector<epoch_number>& epochs, known_runs& known)
    : db_(db), epochs_(epochs), known_(known) {
  }

  epoch_number epoch(slot_id slot) override {
    return epochs_[slot];
  }

  std::optional<stored_run> run(std::int64_t key) override;
  bool has_key(std::int64_t key) override;
  bool has_run_id(const std::string& run_id) override;
  std::optional<stored_current> current(const actor_address& of) override;
  bool has_message(slot_id slot, const std::string& message_id) override;
  bool has_copy(std::int64_t key) override;

private:
  database& db_;
  const std::vector<epoch_number>& epochs_;
  known_runs& known_;
};

/// Writes transitions that group_check admitted, inside an open transaction. Throws `failure`.
class transaction_writer {
public:
  transaction_writer(database& db, const group_check& check) : db_(db), check_(check) {
  }

  /// The transition must be the one that `check` admitted last. When it throws, what was written
  /// of the transition must be taken back.
  void write(const transition& t);
  /// Behind the last one.
  void finish();

private:
  void write_run(const run_write& w, bool becomes_current);
  void insert_head(const run_head& head, bool becomes_current);
  void update_head(const run_head& head);
  void insert_row(std::int64_t key, const journal_row& row);
  void put_snapshot(std::int64_t key, const snapshot& snap);
  void forget_facts(std::int64_t key, std::uint64_t to);
  void erase_run(const run_write& w);
  void move_current(const current_change& change, bool is_marked);
  void take_message(slot_id slot, const inbox_add& message);
  void forget_message(slot_id slot, const inbox_forget& message);

  database& db_;
  const group_check& check_;
  /// Of the transitions that were written, and of the last one.
  sql::count_changes counts_{};
  sql::count_changes member_counts_{};
};

} // namespace reprise::store::sqlite
