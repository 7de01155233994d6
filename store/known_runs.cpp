#include "store/known_runs.hpp"

#include <new>

namespace reprise::store {

const known_runs::entry* known_runs::find(std::int64_t key) {
  if (auto found = young_.find(key); found != young_.end())
    return &found->second;
  auto found = old_.find(key);
  return found == old_.end() ? nullptr : &found->second;
}

void known_runs::learn(const transition& t) noexcept {
  try {
    for (auto& w : t.runs)
      learn(w, t);
  } catch (const std::bad_alloc&) {
    clear();
  }
}

void known_runs::learn(const run_write& w, const transition& t) {
  auto key = w.head.key;
  if (w.what == run_write::kind::erase) {
    young_.erase(key);
    old_.erase(key);
    return;
  }
  if (young_.size() >= half_size_ && !young_.contains(key)) {
    // What still lives comes back with its next write.
    old_ = std::move(young_);
    young_.clear();
  }
  stored_run run{
    .last_seq = w.head.last_seq, .timer_at = w.head.timer_at, .offer_at = w.head.offer_at};
  young_.insert_or_assign(key, entry{.run = run, .slot = t.slot, .epoch = t.epoch});
}

void known_runs::clear() noexcept {
  young_.clear();
  old_.clear();
}

} // namespace reprise::store
