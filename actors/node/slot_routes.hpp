#pragma once

#include "actors/node/handle_cell.hpp"
#include "protocol/interfaces.hpp"
#include "store/types.hpp"

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace reprise::actors {

/// Where what is for a slot goes: to its actor in this node, or to one that stands here for the
/// node that has it. Reading is one load, from any thread. What was sent before a change arrives
/// where it was sent to: that actor passes it on.
class slot_routes {
public:
  /// Null before the node's slots have begun.
  const slot_actor& to(store::slot_id slot) const noexcept {
    return cells_[slot].get();
  }

  /// Who stands for the node that has it; null: none does.
  const slot_actor* elsewhere(store::slot_id slot) const noexcept {
    return is_elsewhere_[slot].load(std::memory_order_acquire) ? &to(slot) : nullptr;
  }

  /// The slot's actor in this node, when it begins and when it begins anew.
  void set_own(store::slot_id slot, slot_actor own) {
    std::lock_guard lock{mutex_};
    auto& known = own_[slot];
    if (!elsewhere_[slot])
      cells_[slot].set(own);
    known = std::move(own);
  }

  /// Null: this node has it, or nobody is known who has.
  void set_elsewhere(store::slot_id slot, slot_actor stand_in) {
    std::lock_guard lock{mutex_};
    if (elsewhere_[slot] == stand_in)
      return;
    cells_[slot].set(stand_in ? stand_in : own_[slot]);
    is_elsewhere_[slot].store(bool{stand_in}, std::memory_order_release);
    elsewhere_[slot] = std::move(stand_in);
  }

  const std::vector<handle_cell<slot_actor>>& cells() const noexcept {
    return cells_;
  }

  /// Only when nobody sends any more.
  void clear() {
    std::lock_guard lock{mutex_};
    for (auto& c : cells_)
      c.clear();
    own_.assign(own_.size(), {});
    elsewhere_.assign(elsewhere_.size(), {});
  }

private:
  std::mutex mutex_;
  std::vector<handle_cell<slot_actor>> cells_
    = std::vector<handle_cell<slot_actor>>(store::slot_count);
  std::vector<std::atomic<bool>> is_elsewhere_ = std::vector<std::atomic<bool>>(store::slot_count);
  std::vector<slot_actor> own_ = std::vector<slot_actor>(store::slot_count);
  std::vector<slot_actor> elsewhere_ = std::vector<slot_actor>(store::slot_count);
};

} // namespace reprise::actors
