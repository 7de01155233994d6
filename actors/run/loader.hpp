#pragma once

#include "actors/node/bounds.hpp"
#include "actors/run/event_tail.hpp"
#include "engine/machine/machine.hpp"
#include "store/store.hpp"

#include <functional>
#include <optional>
#include <string>

namespace reprise::actors {

/// A run as it was read from the store.
struct loaded_run {
  enum class outcome : std::uint8_t {
    found,
    /// The workflow id has no such run, or none at all.
    absent,
    /// The store could not be read; later it may be.
    unavailable,
    /// What is stored cannot be folded.
    poisoned,
  };
  outcome what = outcome::absent;
  /// The run that was asked for; empty: the current one.
  std::string asked_run_id{};
  engine::run_state state{};
  store::run_head head{};
  /// The row up to which the snapshot stood, 0 without one.
  std::uint64_t snapshot_seq = 0;
  /// What was read of the newest events on the way.
  event_tail tail{};
  /// Says why, unless found.
  std::string text{};
};

/// Which run is to be read: three texts of one type, so each has its name.
struct run_wanted {
  std::string namespace_id{};
  std::string workflow_id{};
  /// Empty: the current one.
  std::string run_id{};
};

/// Reads a run of this kind and folds its journal: the snapshot, then the rows behind it (invariant
/// 1). Blocks.
/// What cannot be folded is `poisoned`; a lack of memory, like a store that fails, says nothing
/// about the journal. `before`: may throw that (see services::allocation_fails).
loaded_run load_run(store::store& db, const engine::machine& kind, const run_wanted& which,
                    const run_bounds& bounds = {}, const std::function<void()>& before = {});

} // namespace reprise::actors
