#pragma once

#include "actors/node/bounds.hpp"
#include "actors/run/event_tail.hpp"
#include "actors/run/loader.hpp"
#include "actors/call/outcome.hpp"
#include "engine/machine/machine.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <optional>

namespace reprise::actors {

/// One run as its execution actor holds it: the state, and what of it lies in the store once all
/// appends under way have landed. Builds the writes. May hold back the start of a task, which then
/// shares its row with whatever comes next.
class hosted_run {
public:
  /// A run that does not exist yet; create() writes it. Kind and bounds must outlive it.
  hosted_run(const engine::machine& kind, engine::run_state state, std::int64_t key,
             store::slot_id slot, const run_bounds& bounds);
  hosted_run(const engine::machine& kind, loaded_run loaded, const run_bounds& bounds);

  engine::run_state& state() noexcept {
    return state_;
  }

  const engine::run_state& state() const noexcept {
    return state_;
  }

  const store::run_head& head() const noexcept {
    return head_;
  }

  const std::string& run_id() const noexcept {
    return head_.run_id;
  }

  const event_tail& tail() const noexcept {
    return tail_;
  }

  /// As of the last write.
  bool open() const noexcept {
    return open_;
  }

  /// The task whose start may leave early is not one that lay in the store when this object was
  /// made.
  bool scheduled_task_here() const {
    return kind_.standing_of(state_).early_task != loaded_task_;
  }

  std::uint64_t rows_behind_snapshot() const noexcept {
    return head_.last_seq - snapshot_seq_;
  }

  /// The journal begins with so many rows that were copied already; create() writes the next one.
  void stand_on(std::uint64_t copied_rows);
  /// The write of the first row; `types` are the namespace's search attributes.
  store::run_write create(engine::record written, const protocol::search_attribute_types& types);
  /// The write of one more row; state() must be what it made of the run already.
  /// `types`: set when the row that lists the run changed.
  store::run_write append(engine::record written, const protocol::search_attribute_types* types);
  /// Keeps an entry for the next append, which comes in one row with it. Until then the run's head
  /// stays as it is: whoever takes the run over finds the task undelivered. state() must be what it
  /// made of the run already.
  void hold(engine::record written);
  /// Holds what a former life of the execution held, if the store stands where that left it.
  void adopt(early_entry_ptr left);

  /// What is held; nothing when nothing is.
  const early_entry_ptr& held() const noexcept {
    return held_;
  }

  /// The write of what is held; nothing when nothing is.
  std::optional<store::run_write> flush();
  /// Replaces the wake-up columns; nothing to write when they are right, or when an entry is held,
  /// whose write brings them.
  std::optional<store::run_write> touch();
  /// Changes nothing, but holds only while the store has the run's last row: what follows a closed
  /// run does not when the store lost its end.
  store::run_write confirm() const;
  store::run_write erase() const;
  /// A snapshot of all rows so far, in a write of its own (with the row that is held, if one);
  /// without it when the state is too large.
  store::run_write snapshot_only();

  run_news news() const;
  /// Estimated bytes in memory.
  std::size_t resident_bytes();

private:
  void update_head();
  void note(const engine::record& written);
  store::journal_row make_row(engine::record written);
  store::run_write append_row(engine::record written,
                              const protocol::search_attribute_types* types);
  /// Unless the state is too large.
  void add_snapshot(store::run_write& write);

  const engine::machine& kind_;
  const run_bounds& bounds_;
  engine::run_state state_;
  store::run_head head_;
  event_tail tail_;
  early_entry_ptr held_;
  bool open_ = true;
  /// That was loaded with the state, 0 without one.
  std::int64_t loaded_task_ = 0;
  std::uint64_t snapshot_seq_ = 0;
  /// Rows up to here keep no facts (or are asked to, in a write under way).
  std::uint64_t facts_forgotten_to_ = 0;
  /// Bytes of the state in memory when it was last measured (0: never), and written since.
  std::size_t measured_ = 0;
  std::size_t unmeasured_ = 0;
  /// All of the run was written by this object.
  bool began_here_ = false;
  std::uint64_t copied_rows_ = 0;
};

} // namespace reprise::actors
