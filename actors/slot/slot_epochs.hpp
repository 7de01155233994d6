#pragma once

#include "base/log.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

#include <atomic>
#include <vector>

namespace reprise::actors {

/// The epoch of each slot that this node knew last. It outlives the slot's actor: the next one must
/// not come before it was raised, so that nothing of the dead one can land behind it (invariant 3).
/// Thread-safe.
class slot_epochs {
public:
  store::epoch_number of(store::slot_id slot) const noexcept {
    return known_[slot].load(std::memory_order_acquire);
  }

  /// Taken over with all the others.
  void set(store::slot_id slot, store::epoch_number epoch) noexcept {
    known_[slot].store(epoch, std::memory_order_release);
  }

  /// Blocks on the store. Raises the epoch behind `seen`; when that was done already, for an actor
  /// that is dead by now, answers what came of it. Refused (unavailable: try again) while
  /// that one's raise is still under way: the store would take the second for another server's.
  result<store::epoch_number> raise(store::store& db, store::slot_id slot,
                                    store::epoch_number seen) {
    if (raising_[slot].exchange(true, std::memory_order_acq_rel))
      return make_error(errc::unavailable, "The slot's epoch is being raised.");
    // Whatever is thrown here: a mark that stays would mean that no epoch is ever raised again.
    struct mark {
      std::atomic<bool>& busy;
      ~mark() {
        busy.store(false, std::memory_order_release);
      }
    } at_the_end{raising_[slot]};
    result<store::epoch_number> out = of(slot);
    if (*out <= seen) {
      out = attempt(db, slot, seen);
      if (out)
        advance(slot, *out);
    }
    return out;
  }

private:
  /// All slots may have been taken over anew since the store answered.
  void advance(store::slot_id slot, store::epoch_number to) noexcept {
    auto known = of(slot);
    while (known < to
           && !known_[slot].compare_exchange_weak(known, to, std::memory_order_acq_rel,
                                                  std::memory_order_acquire))
      ;
  }

  static result<store::epoch_number> attempt(store::store& db, store::slot_id slot,
                                             store::epoch_number seen) {
    try {
      return db.raise_epoch(slot, seen);
    } catch (...) {
      // Nobody but the log wants the text, and there may be no memory for one.
      log_thrown(log_level::error, "a slot's epoch could not be raised");
      return error{.code = errc::unavailable};
    }
  }

  std::vector<std::atomic<store::epoch_number>> known_
    = std::vector<std::atomic<store::epoch_number>>(store::slot_count);
  std::vector<std::atomic<bool>> raising_ = std::vector<std::atomic<bool>>(store::slot_count);
};

} // namespace reprise::actors
