#include "actors/queue/task_returns.hpp"

#include "base/log.hpp"
#include "protocol/address.hpp"

#include <caf/send.hpp>

#include <string_view>
#include <utility>

namespace reprise::actors {

namespace {

/// A slot that dies again and again of the same task is not given it for ever.
constexpr int sends_max = 10;

void say_lost(std::string_view why) noexcept {
  log(log_level::error, {"a task cannot be taken back, and runs into its time-out: ", why});
}

void say_lost() noexcept {
  log_thrown(log_level::error, "a task cannot be taken back, and runs into its time-out");
}

} // namespace

returned_task::~returned_task() {
  if (!is_done && !what.empty())
    home->again(what);
}

void task_returns::take_back(std::string_view token) noexcept {
  try {
    auto request = take_back_request(token);
    if (!request)
      return;
    returning_list one(1);
    one.front().request = std::move(*request);
    send(std::move(one));
  } catch (...) {
    say_lost();
  }
}

void task_returns::take_back_all(const cluster::Reply& reply) noexcept {
  if (reply.tasks() == cluster::Reply::NOWHERE)
    return;
  try {
    for (auto token : task_tokens_of(reply.response(), reply.tasks()))
      take_back(token);
  } catch (...) {
    say_lost();
  }
}

const slot_actor& task_returns::actor_of(const cluster::ExecutionRequest& request) const {
  return (*slots_)[store::slot_of(request.namespace_id(), kind_of(request), request.workflow_id())]
    .get();
}

/// Without the lock: a message to a dead actor is destroyed on the spot.
void task_returns::send(returning_list one) noexcept {
  slot_actor to;
  {
    std::lock_guard lock{mutex_};
    if (slots_ != nullptr)
      to = actor_of(one.front().request);
  }
  // The node ends, or has not begun.
  if (!to)
    return;
  if (one.front().sends >= sends_max)
    return say_lost("its slot dies of it");
  try {
    auto message = std::make_shared<returned_task>(shared_from_this());
    message->what.swap(one);
    message->task().sent_to = nullptr;
    // Until it is known that it went: it may be destroyed before.
    auto sent = message;
    if (before_send)
      before_send();
    caf::anon_send(to, returned_atom_v, std::move(message));
    ++sent->task().sends;
    sent->task().sent_to = to;
  } catch (...) {
    // It is tried again, and seen in the metric meanwhile.
    if (!one.empty())
      wait(one);
  }
}

void task_returns::wait(returning_list& one) noexcept {
  std::lock_guard lock{mutex_};
  if (slots_ == nullptr)
    return;
  waiting_.splice(waiting_.end(), one);
  count(1);
}

void task_returns::count(std::int64_t more) noexcept {
  if (shown_ != nullptr)
    shown_->add(more);
}

void task_returns::show(gauge& waiting) noexcept {
  std::lock_guard lock{mutex_};
  shown_ = &waiting;
}

void task_returns::again(returning_list& lost) noexcept {
  auto has_next = false;
  {
    std::lock_guard lock{mutex_};
    const auto& task = lost.front();
    has_next = slots_ != nullptr && task.sent_to && actor_of(task.request) != task.sent_to;
  }
  if (has_next)
    send(std::move(lost));
  else
    wait(lost);
}

void task_returns::retry() noexcept {
  returning_list ready;
  {
    std::lock_guard lock{mutex_};
    if (slots_ == nullptr)
      return;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      auto task = at++;
      if (actor_of(task->request) == task->sent_to)
        continue;
      ready.splice(ready.end(), waiting_, task);
      count(-1);
    }
  }
  while (!ready.empty()) {
    returning_list one;
    one.splice(one.begin(), ready, ready.begin());
    send(std::move(one));
  }
}

void task_returns::close() noexcept {
  returning_list none;
  std::lock_guard lock{mutex_};
  slots_ = nullptr;
  shown_ = nullptr;
  none.swap(waiting_);
}

} // namespace reprise::actors
