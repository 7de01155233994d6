#pragma once

#include "actors/node/bounds.hpp"
#include "base/result.hpp"
#include "engine/history/page.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reprise::actors {

/// The last events of a run in memory, so that pollers and long polls need no read of the store.
/// Bounded in bytes; always without gaps up to the newest event.
class event_tail {
public:
  explicit event_tail(std::size_t bytes_max = run_bounds{}.tail_bytes_max) : bytes_max_(bytes_max) {
  }

  void add(std::int64_t first_event_id, std::int64_t event_count, std::string events);

  /// With what the allocator adds.
  std::size_t resident_bytes() const noexcept {
    constexpr std::size_t block = 16;
    return bytes_ + rows_.capacity() * sizeof(row) + rows_.size() * block;
  }

  /// Nothing when older events are needed.
  std::optional<engine::page> read(const engine::page_request& want) const;

private:
  struct row {
    std::int64_t first_event_id = 0;
    std::int64_t event_count = 0;
    std::string events{};
  };

  std::size_t bytes_max_;
  std::vector<row> rows_;
  std::size_t bytes_ = 0;
};

/// Reads a page of a run from the store. Blocks. Refused: data_loss (a gap), not_found (the events
/// are gone: retention), or the store's own failure.
result<engine::page> read_page(store::store& db, std::int64_t key,
                               const engine::page_request& want);

} // namespace reprise::actors
