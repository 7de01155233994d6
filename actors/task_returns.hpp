#pragma once

#include "actors/handle_cell.hpp"
#include "actors/returned_task.hpp"
#include "protocol/interfaces.hpp"
#include "store/types.hpp"

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

/// On its way back: a message to the slot of its run. Destroyed before that is done with it, it is
/// sent again, to the slot's next actor.
struct returned_task {
  returned_task(std::shared_ptr<task_returns> by, cluster::ExecutionRequest r)
    : home(std::move(by)), request(std::move(r)) {
  }

  ~returned_task();
  returned_task(const returned_task&) = delete;
  returned_task& operator=(const returned_task&) = delete;

  /// A TakeBack with the task's token.
  std::shared_ptr<task_returns> home;
  cluster::ExecutionRequest request;
  slot_actor sent_to{};
  /// Slots that it was sent to, and executions that died of it. The slot's business.
  int sends = 0;
  int deaths = 0;
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

  /// The task of this token; what is none is ignored.
  void take_back(std::string_view token) noexcept;
  /// All that this answer brings.
  void take_back_all(const cluster::Reply& reply) noexcept;

  /// This slot is another actor from now on: what the one before it was sent in vain goes to it.
  void on_renewed(store::slot_id slot) noexcept;

  /// The node ends: from now on nothing is taken back.
  void close() noexcept;

private:
  friend struct returned_task;

  void send(returned_task_ptr task);
  void again(returned_task& lost) noexcept;
  slot_actor slot_of(const cluster::ExecutionRequest& request) const;

  mutable std::mutex mutex_;
  const slot_cells* slots_;
  /// Those whose slot died, and has no next actor yet.
  std::vector<returned_task_ptr> waiting_;
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
