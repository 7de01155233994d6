#include "store/memory/memory_store.hpp"

#include <algorithm>

namespace reprise::store {

bool memory_store::has_copy(std::int64_t key) {
  auto found = copies_.find(key);
  return found != copies_.end() && !found->second.is_dropped;
}

result<std::size_t> memory_store::copy_history(const history_copy& part) {
  std::lock_guard guard{mutex_};
  if (part.begin && !copies_.contains(part.to_key))
    copies_[part.to_key] = {.rows = {*part.begin}, .begun_at = part.begun_at};
  else if (part.begin || !has_copy(part.to_key))
    return make_error(errc::failed_precondition, "There is no such copy.");
  auto& rows = copies_[part.to_key].rows;
  std::size_t copied = 0;
  if (const auto* run = run_data_of(part.from_key); run != nullptr)
    for (auto row : run->journal) {
      if (row.seq < part.first_seq || row.seq > part.last_seq || row.event_count == 0)
        continue;
      row.seq = part.to_seq + copied++;
      row.facts.clear();
      rows.push_back(std::move(row));
    }
  return copied;
}

result<std::size_t> memory_store::sweep_copies(time_point begun_before, std::size_t limit) {
  std::lock_guard guard{mutex_};
  auto oldest = std::ranges::min_element(copies_, {},
                                         [](const auto& entry) { return entry.second.begun_at; });
  if (oldest == copies_.end() || oldest->second.begun_at >= begun_before)
    return std::size_t{0};
  auto& copy = oldest->second;
  copy.is_dropped = true;
  auto count = std::min(limit, copy.rows.size());
  copy.rows.resize(copy.rows.size() - count);
  if (count < limit)
    copies_.erase(oldest);
  return count + (count < limit ? 1 : 0);
}

} // namespace reprise::store
