#pragma once

#include "actors/node/bounds.hpp"
#include "protocol/interfaces.hpp"

#include <caf/fwd.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace reprise::actors {

struct hooks;

/// Work on the store, by what it must not stand behind. Each lane has threads of its own, and the
/// stores have sessions to match.
enum class lane : std::uint8_t {
  /// The node's lease: its life hangs on it, and nothing else runs here.
  lease,
  /// Epochs: may wait for what a commit of unknown outcome left open in the database.
  epochs,
  /// What finds its rows by an index: loads, pages, wake-ups, backlogs, records.
  points,
  /// Lists and counts, which take as long as what was asked for.
  scans,
};

inline constexpr std::size_t lane_count = 4;

struct lane_bounds {
  /// Threads: so many jobs run at once.
  std::size_t readers = 1;
  /// Jobs for clients are refused while so many wait or run.
  std::size_t jobs_max = 0;
  /// A job of the node that finds no memory is run so often before it is given up.
  std::size_t runs_max = 1;
};

/// The actors that may block on the store. A lane's jobs wait in one queue, which its readers take
/// from as they become free; they run side by side, in any order. A reader that dies is replaced.
/// Thread-safe.
class reader_pool {
public:
  reader_pool();
  ~reader_pool();
  reader_pool(const reader_pool&) = delete;
  reader_pool& operator=(const reader_pool&) = delete;

  /// `detached`: each has a thread of its own. Else they share the scheduler's (simulation).
  void start(caf::actor_system& system, const node_bounds& bounds, hooks& watch, bool detached);
  /// From now on no job is taken; the readers end when they have run those that were.
  void stop();

  /// To wait for their end: until then a job may be using what its poster owns.
  std::vector<reader_actor> all() const;

  /// Work of the node itself, which whoever posts it bounds. False when the pool does not run; the
  /// job is dropped then. One that was taken is run; again after a pause when it threw
  /// std::bad_alloc, so that whoever waits for its message gets it in the end.
  [[nodiscard]] bool post(lane where, store_job job);
  /// Work for a client: refused, too, when too many jobs wait in the lane.
  [[nodiscard]] bool offer(lane where, store_job job);

  /// How many wait or run.
  std::size_t waiting(lane where) const;

  class queue;

private:
  std::array<std::shared_ptr<queue>, lane_count> queues_;
};

} // namespace reprise::actors
