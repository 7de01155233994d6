#pragma once

#include "actors/history_page.hpp"
#include "actors/loader.hpp"
#include "actors/outcome.hpp"
#include "actors/visibility_row.hpp"
#include "engine/step.hpp"
#include "store/store.hpp"

#include <cstdint>

namespace reprise::actors {

/// One run as its execution actor holds it: the state, and what of it lies in the store once all
/// appends under way have landed. Builds the writes.
class hosted_run {
public:
  /// Larger states are replayed: a snapshot has to fit into one statement of a database (16 MiB),
  /// in which each of its bytes may need two. Without this bound such a run could write no more.
  static constexpr std::size_t snapshot_bytes_max = 7U << 20;

  /// A run that does not exist yet; create() writes it. While it lives, a snapshot replaces the
  /// replay of at most `rows_per_snapshot` rows.
  hosted_run(engine::execution state, std::int64_t key, store::slot_id slot,
             std::uint64_t rows_per_snapshot);
  hosted_run(loaded_run loaded, std::uint64_t rows_per_snapshot);

  engine::execution& state() noexcept {
    return state_;
  }

  const engine::execution& state() const noexcept {
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

  std::uint64_t rows_behind_snapshot() const noexcept {
    return head_.last_seq - snapshot_seq_;
  }

  /// The write of the first row; `types` are the namespace's search attributes.
  store::run_write create(engine::record written, const attribute_types& types);
  /// The write of one more row; state() must be what it made of the run already.
  /// `types`: set when the row that lists the run changed.
  store::run_write append(engine::record written, const attribute_types* types);
  /// Replaces the wake-up columns; nothing to write when they are right.
  std::optional<store::run_write> touch();
  store::run_write erase() const;
  /// A snapshot of all rows so far, in a write of its own; without it when the state is too large.
  store::run_write snapshot_only();

  run_news news() const;
  /// Estimated bytes in memory.
  std::size_t resident_bytes();

private:
  void update_head();
  store::journal_row make_row(engine::record written);
  /// Unless the state is too large.
  void add_snapshot(store::run_write& write);

  std::uint64_t rows_per_snapshot_;
  engine::execution state_;
  store::run_head head_;
  event_tail tail_;
  std::uint64_t snapshot_seq_ = 0;
  /// Rows up to here keep no facts (or are asked to, in a write under way).
  std::uint64_t facts_forgotten_to_ = 0;
  /// Bytes of the state when it was last measured (0: never), and written since.
  std::size_t measured_ = 0;
  std::size_t unmeasured_ = 0;
};

} // namespace reprise::actors
