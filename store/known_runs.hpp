#pragma once

#include "store/group_check.hpp"

namespace reprise::store {

/// What this process wrote last of the runs that are alive, so that an append need not read the row
/// that it replaces. Whoever holds a slot's epoch writes the slot's runs through one store object,
/// so a run is as its last transition left it while the epoch lasts; an entry of another epoch is
/// no longer true. Bounded: of two halves the older one goes when the younger one is full. Guarded
/// by whatever serialises a store's commits.
class known_runs {
public:
  struct entry {
    stored_run run{};
    slot_id slot = 0;
    epoch_number epoch = 0;
  };

  explicit known_runs(std::size_t half_size = 16'384) : half_size_(half_size) {
  }

  /// Null: read it. Otherwise true if `slot` has `epoch` still.
  const entry* find(std::int64_t key);
  /// After the commit of the transition, in the order of the group.
  void learn(const transition& t) noexcept;
  /// After a commit of which nothing certain is known.
  void clear() noexcept;

private:
  void learn(const run_write& w, const transition& t);

  std::size_t half_size_;
  std::unordered_map<std::int64_t, entry> young_;
  std::unordered_map<std::int64_t, entry> old_;
};

} // namespace reprise::store
