#pragma once

#include "actors/node/bounds.hpp"
#include "actors/node/hooks.hpp"
#include "actors/queue/queue_directory.hpp"
#include "frontend/backend/backend.hpp"
#include "protocol/interfaces.hpp"

#include <caf/fwd.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace reprise::frontend {

/// A call that waits for its answer.
struct waiting_call {
  backend::reply_handler done{};
  /// The bridge actor that its answer goes to.
  caf::actor_id answered_by = 0;
  /// Who serves it: a slot, or the queue of `poll`.
  slot_actor slot{};
  std::unique_ptr<const cluster::Poll> poll{};
  queue_actor queue{};
  /// For what may be long in coming; polls always do.
  bool waits = false;
  /// Who the queue answers, when it is not the first that was asked: that one died. Else null.
  bridge_actor sent_again{};
  /// The queue was told to answer at once.
  bool ends = false;
  /// The queue that is asked to describe itself; null: none is.
  std::unique_ptr<const store::queue_key> described{};
  /// Of its request.
  std::size_t bytes = 0;
};

/// The queue that a poll waits on.
inline store::queue_key queue_of(const cluster::Poll& poll) {
  return {.namespace_id = poll.namespace_id(),
          .name = poll.task_queue(),
          .kind = std::max<int>(poll.kind(), cluster::Task::WORKFLOW)};
}

/// All calls of a bridge by number. Thread-safe, in parts that do not wait for each other.
class call_table {
public:
  call_table(const actors::node_bounds& bounds, actors::hooks& watch)
    : bounds_(bounds), watch_(watch) {
  }

  /// Adds a call and runs `send`, with its number, before anybody can take the call: an answer,
  /// however quick, waits. Returns the number; 0 when the table is closed, or full (`always`: when
  /// it is closed only). `send` does not run then, `call` is as it was.
  template <class Send>
  std::uint64_t add(waiting_call& call, bool always, Send&& send) {
    auto id = last_.fetch_add(1, std::memory_order_relaxed) + 1;
    auto& part = part_of(id);
    std::lock_guard lock{part.mutex};
    if (closed_.load(std::memory_order_acquire) || (!always && !has_room(call)))
      return 0;
    auto added = part.calls.emplace(id, std::move(call)).first;
    count(added->second, 1);
    try {
      send(id, added->second);
    } catch (...) {
      // Nobody will answer it.
      count(added->second, -1);
      part.calls.erase(added);
      throw;
    }
    return id;
  }

  /// Nothing when the call is over.
  std::optional<waiting_call> take(std::uint64_t id) {
    auto& part = part_of(id);
    std::lock_guard lock{part.mutex};
    auto found = part.calls.find(id);
    if (found == part.calls.end())
      return std::nullopt;
    auto out = std::move(found->second);
    part.calls.erase(found);
    count(out, -1);
    return out;
  }

  /// Shows the call to `see`, which may change it; not when it is over.
  template <class See>
  void with(std::uint64_t id, See&& see) {
    auto& part = part_of(id);
    std::lock_guard lock{part.mutex};
    if (auto found = part.calls.find(id); found != part.calls.end())
      see(found->second);
  }

  /// Takes all calls for which `wanted` holds.
  template <class Wanted>
  std::vector<std::pair<std::uint64_t, waiting_call>> take_if(Wanted&& wanted) {
    std::vector<std::pair<std::uint64_t, waiting_call>> out;
    for (auto& part : parts_) {
      std::lock_guard lock{part.mutex};
      for (auto c = part.calls.begin(); c != part.calls.end();) {
        if (!wanted(c->second)) {
          ++c;
          continue;
        }
        out.emplace_back(c->first, std::move(c->second));
        c = part.calls.erase(c);
        count(out.back().second, -1);
      }
    }
    return out;
  }

  /// Shows all calls to `see`, which may change them.
  template <class See>
  void for_each(See&& see) {
    for (auto& part : parts_) {
      std::lock_guard lock{part.mutex};
      for (auto& [id, c] : part.calls)
        see(id, c);
    }
  }

  /// From now on nothing can be added.
  void close() {
    closed_.store(true, std::memory_order_release);
  }

  bool is_closed() const noexcept {
    return closed_.load(std::memory_order_acquire);
  }

private:
  struct part {
    std::mutex mutex{};
    std::unordered_map<std::uint64_t, waiting_call> calls{};
  };

  bool has_room(const waiting_call& call) {
    auto bytes = static_cast<std::int64_t>(call.bytes);
    auto bytes_used = bytes_.load(std::memory_order_relaxed);
    if (size_.load(std::memory_order_relaxed) >= static_cast<std::int64_t>(bounds_.calls_max)) {
      watch_.refused.node_calls.add();
      return false;
    }
    // A request of any size has its turn.
    if (bytes > 0 && bytes_used > 0
        && bytes_used + bytes > static_cast<std::int64_t>(bounds_.call_bytes_max)) {
      watch_.refused.node_call_bytes.add();
      return false;
    }
    return true;
  }

  void count(const waiting_call& call, std::int64_t sign) {
    auto bytes = sign * static_cast<std::int64_t>(call.bytes);
    size_.fetch_add(sign, std::memory_order_relaxed);
    watch_.used.node_calls.add(sign);
    if (bytes == 0)
      return;
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    watch_.used.node_call_bytes.add(bytes);
  }

  part& part_of(std::uint64_t id) {
    return parts_[id % parts_.size()];
  }

  const actors::node_bounds& bounds_;
  actors::hooks& watch_;
  std::array<part, 64> parts_;
  std::atomic<std::uint64_t> last_{0};
  std::atomic<std::int64_t> size_{0};
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<bool> closed_{false};
};

} // namespace reprise::frontend
