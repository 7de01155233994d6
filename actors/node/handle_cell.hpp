#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace reprise::actors {

/// The handle of an actor that is begun anew when it dies: others hold the cell, not the handle.
/// Reading is one load, from any thread; set() and clear() are for one thread at a time. Handles
/// that were replaced stay until clear(): somebody may be reading one.
template <class Handle>
class handle_cell {
public:
  handle_cell() = default;
  handle_cell(const handle_cell&) = delete;
  handle_cell& operator=(const handle_cell&) = delete;

  /// Null before the first set().
  const Handle& get() const noexcept {
    if (const auto* now = now_.load(std::memory_order_acquire)) [[likely]]
      return *now;
    static const Handle none{};
    return none;
  }

  void set(Handle next) {
    all_.push_back(std::make_unique<const Handle>(std::move(next)));
    now_.store(all_.back().get(), std::memory_order_release);
  }

  /// Only when nobody reads any more.
  void clear() noexcept {
    now_.store(nullptr, std::memory_order_release);
    all_.clear();
  }

private:
  std::atomic<const Handle*> now_{nullptr};
  std::vector<std::unique_ptr<const Handle>> all_;
};

} // namespace reprise::actors
