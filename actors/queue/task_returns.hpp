#pragma once

#include "actors/call/returned_task.hpp"
#include "actors/node/handle_cell.hpp"
#include "base/metrics.hpp"
#include "protocol/interfaces.hpp"
#include "store/types.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A started task whose worker cannot get it is taken back into its run, wherever on its way it is
// lost: with a call that is over, a connection, the mailbox of an actor that died. So what carries
// one sees to it when it is destroyed.

namespace reprise::actors {

class task_returns;

/// A started task that its run is to have back.
struct returning_task {
  /// A TakeBack with the task's token.
  cluster::ExecutionRequest request{};
  /// The slot's actor that has the message; null: it could not be sent.
  slot_actor sent_to{};
  /// Actors of its slot that it was sent to, and executions that died of it.
  int sends = 0;
  int deaths = 0;
};

/// One task, or none. It moves without memory, so that none is lost for want of it.
using returning_list = std::list<returning_task>;

/// On its way back: a message to the slot of its run. Destroyed before that is done with it, it is
/// sent again, to the slot's next actor.
struct returned_task {
  explicit returned_task(std::shared_ptr<task_returns> by) : home(std::move(by)) {
  }

  ~returned_task();
  returned_task(const returned_task&) = delete;
  returned_task& operator=(const returned_task&) = delete;

  returning_task& task() {
    return what.front();
  }

  std::shared_ptr<task_returns> home;
  returning_list what{};
  /// It is durable, or nothing more can be done for it.
  bool is_done = false;
};

using returned_task_ptr = std::shared_ptr<returned_task>;

/// Takes the started tasks of one node back. Thread-safe; outlives the node as long as anybody
/// carries a task.
class task_returns : public std::enable_shared_from_this<task_returns> {
public:
  using slot_cells = std::vector<handle_cell<slot_actor>>;

  /// The cells, by slot, have to live until close().
  explicit task_returns(const slot_cells& slots) : slots_(&slots) {
  }

  /// From now until close() this shows how many tasks cannot be sent back now.
  void show(gauge& waiting) noexcept;

  /// The task of this token; what is none is ignored.
  void take_back(std::string_view token) noexcept;
  /// All that this answer brings.
  void take_back_all(const cluster::Reply& reply) noexcept;

  /// Sends what waits and can be sent: what a slot's former actor was sent in vain, and what there
  /// was no memory to send. To be called now and then, and when a slot is another actor.
  void retry() noexcept;

  /// The node ends: from now on nothing is taken back.
  void close() noexcept;

  /// Tests let a send fail by throwing here; else empty.
  std::function<void()> before_send{};

private:
  friend struct returned_task;

  void send(returning_list one) noexcept;
  void again(returning_list& lost) noexcept;
  void wait(returning_list& one) noexcept;
  /// Holds the mutex.
  void count(std::int64_t more) noexcept;
  /// Holds the mutex.
  const slot_actor& actor_of(const cluster::ExecutionRequest& request) const;

  mutable std::mutex mutex_;
  const slot_cells* slots_;
  gauge* shown_ = nullptr;
  /// Those whose slot died, and has no next actor yet, or that could not be sent.
  returning_list waiting_;
};

/// An answer that brings started tasks. Destroyed before it was taken, they are taken back.
class task_reply {
public:
  task_reply(std::shared_ptr<task_returns> home, cluster::Reply reply)
    : home_(std::move(home)), reply_(std::move(reply)) {
  }

  ~task_reply() {
    home_->take_back_all(reply_);
  }

  task_reply(const task_reply&) = delete;
  task_reply& operator=(const task_reply&) = delete;

  /// Once; it is the taker's then.
  cluster::Reply take() {
    return std::exchange(reply_, {});
  }

  const cluster::Reply& see() const noexcept {
    return reply_;
  }

private:
  std::shared_ptr<task_returns> home_;
  cluster::Reply reply_;
};

/// Started tasks whose answer is still to be made. Destroyed before release(), they are taken back.
class started_tasks {
public:
  started_tasks(std::shared_ptr<task_returns> home, std::vector<std::string> tokens)
    : home_(std::move(home)), tokens_(std::move(tokens)) {
  }

  ~started_tasks() {
    for (const auto& token : tokens_)
      home_->take_back(token);
  }

  started_tasks(const started_tasks&) = delete;
  started_tasks& operator=(const started_tasks&) = delete;

  /// The answer has them.
  void release() noexcept {
    tokens_.clear();
  }

private:
  std::shared_ptr<task_returns> home_;
  std::vector<std::string> tokens_;
};

} // namespace reprise::actors
