#include "actors/task_returns.hpp"

#include "base/log.hpp"
#include "protocol/address.hpp"

#include <caf/send.hpp>

#include <exception>

namespace reprise::actors {

namespace {

/// A slot that dies again and again of the same task is not given it for ever.
constexpr int sends_max = 10;

void say_lost(const char* why) noexcept {
  try {
    log(log_level::error,
        std::string{"a task cannot be taken back, and runs into its time-out: "} + why);
  } catch (const std::exception&) {
    // Not even memory to say so.
  }
}

} // namespace

returned_task::~returned_task() {
  if (!is_done)
    home->again(*this);
}

void task_returns::take_back(std::string_view token) noexcept {
  try {
    if (auto request = take_back_request(token))
      send(std::make_shared<returned_task>(shared_from_this(), std::move(*request)));
  } catch (const std::exception& e) {
    say_lost(e.what());
  }
}

void task_returns::take_back_all(const cluster::Reply& reply) noexcept {
  if (reply.tasks() == cluster::Reply::NOWHERE)
    return;
  try {
    for (auto token : task_tokens_of(reply.response(), reply.tasks()))
      take_back(token);
  } catch (const std::exception& e) {
    say_lost(e.what());
  }
}

/// Null when the node ends, or has not begun.
slot_actor task_returns::slot_of(const cluster::ExecutionRequest& request) const {
  std::lock_guard lock{mutex_};
  if (slots_ == nullptr)
    return {};
  return (*slots_)[store::slot_of(request.namespace_id(), kind_of(request), request.workflow_id())]
    .get();
}

/// Without the lock: a message to a dead actor is destroyed on the spot.
void task_returns::send(returned_task_ptr task) {
  auto to = slot_of(task->request);
  if (!to || task->sends >= sends_max) {
    task->is_done = true;
    if (to)
      say_lost("its slot dies of it");
    return;
  }
  ++task->sends;
  task->sent_to = to;
  caf::anon_send(to, returned_atom_v, std::move(task));
}

void task_returns::again(returned_task& lost) noexcept {
  try {
    auto next = std::make_shared<returned_task>(lost.home, std::move(lost.request));
    next->sends = lost.sends;
    next->deaths = lost.deaths;
    next->sent_to = lost.sent_to;
    // Until it has a place: what fails here is not to begin once more.
    next->is_done = true;
    {
      auto slot = store::slot_of(next->request.namespace_id(), kind_of(next->request),
                                 next->request.workflow_id());
      std::lock_guard lock{mutex_};
      if (slots_ == nullptr)
        return;
      if ((*slots_)[slot].get() == next->sent_to) {
        waiting_.push_back(next);
        next->is_done = false;
        return;
      }
    }
    next->is_done = false;
    send(std::move(next));
  } catch (const std::exception& e) {
    say_lost(e.what());
  }
}

void task_returns::on_renewed(store::slot_id slot) noexcept {
  try {
    std::vector<returned_task_ptr> ready;
    {
      std::lock_guard lock{mutex_};
      // Before anything moves: what fails here leaves all where it was.
      ready.reserve(waiting_.size());
      std::erase_if(waiting_, [&](returned_task_ptr& task) {
        if (store::slot_of(task->request.namespace_id(), kind_of(task->request),
                           task->request.workflow_id())
            != slot)
          return false;
        ready.push_back(std::move(task));
        return true;
      });
    }
    for (auto& task : ready)
      send(std::move(task));
  } catch (const std::exception& e) {
    say_lost(e.what());
  }
}

void task_returns::close() noexcept {
  std::vector<returned_task_ptr> none;
  std::lock_guard lock{mutex_};
  slots_ = nullptr;
  for (auto& task : waiting_)
    task->is_done = true;
  none.swap(waiting_);
}

} // namespace reprise::actors
