#pragma once

#include "actors/queue/held_task.hpp"
#include "actors/queue/queue_rules.hpp"
#include "store/store.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace reprise::actors {

/// What a reader does for a queue, and what came of it: the queue looks when a tick tells it to.
struct backlog_job {
  enum class kind : std::uint8_t {
    count,
    read,
    erase,
    rules
  };
  kind what = kind::count;
  /// Comes true, on a reader's thread, when the rest is there.
  std::atomic<bool> done{false};
  bool ok = false;
  std::int64_t count = 0;
  backlog_place behind{};
  std::vector<store::backlog_row> rows{};
  std::vector<backlog_place> places{};
  queue_rules rules{};
  /// Which reading of the rules it is.
  std::uint64_t number = 0;

  /// Blocks; for a reader's thread.
  void run(store::store& db, const store::queue_key& key, std::size_t page_rows);
};

} // namespace reprise::actors
