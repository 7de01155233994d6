#include "actors/task_buffer.hpp"

#include "base/ensure.hpp"

#include <charconv>

namespace reprise::actors {

namespace {

std::size_t cost(const cluster::Task& task) {
  constexpr std::size_t fixed = 400;
  return fixed + task.workflow_id().size() + task.run_id().size() + task.task_queue().size()
         + task.query_id().size();
}

} // namespace

std::string task_identity(const cluster::Task& task) {
  constexpr std::size_t digits_max = 21;
  std::array<char, 4 * (digits_max + 1)> numbers{};
  auto* at = numbers.data();
  for (auto n :
       {static_cast<std::int64_t>(task.kind()), task.scheduled_event_id(),
        static_cast<std::int64_t>(task.attempt()), static_cast<std::int64_t>(task.stamp())}) {
    *at++ = '/';
    at = std::to_chars(at, at + digits_max, n).ptr;
  }
  auto count = static_cast<std::size_t>(at - numbers.data());
  std::string out;
  out.reserve(task.run_id().size() + count + 1 + task.query_id().size());
  out.append(task.run_id()).append(numbers.data(), count).push_back('/');
  return out.append(task.query_id());
}

int task_buffer::priority_of(const cluster::Task& task) noexcept {
  auto p = task.priority();
  return p >= 1 && p <= priority_last ? p : priority_default;
}

void task_buffer::push_back(held_task t) {
  ++size_;
  bytes_ += cost(t.task);
  rows_ += t.row ? 1 : 0;
  lanes_[static_cast<std::size_t>(priority_of(t.task) - 1)].push_back(std::move(t));
}

held_task task_buffer::pop() {
  for (auto& lane : lanes_) {
    if (lane.empty())
      continue;
    auto t = std::move(lane.front());
    lane.pop_front();
    --size_;
    bytes_ -= cost(t.task);
    rows_ -= t.row ? 1 : 0;
    return t;
  }
  ENSURE(false, "a buffer without tasks has no first one");
  return {};
}

const cluster::Task& task_buffer::first() const {
  for (const auto& lane : lanes_)
    if (!lane.empty())
      return lane.front().task;
  ENSURE(false, "a buffer without tasks has no first one");
  return lanes_.front().front().task;
}

const cluster::Task* task_buffer::first_of(int priority) const {
  const auto& lane = lanes_[static_cast<std::size_t>(priority - 1)];
  return lane.empty() ? nullptr : &lane.front().task;
}

} // namespace reprise::actors
