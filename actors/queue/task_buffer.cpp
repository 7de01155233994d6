#include "actors/queue/task_buffer.hpp"

#include "base/ensure.hpp"

#include <algorithm>
#include <charconv>

namespace reprise::actors {

namespace {

std::size_t cost(const cluster::Task& task) {
  constexpr std::size_t fixed = 400;
  return fixed + task.workflow_id().size() + task.run_id().size() + task.task_queue().size()
         + task.query_id().size() + 2 * task.fairness_key().size();
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

bool same_task(const cluster::Task& a, const cluster::Task& b) noexcept {
  return a.scheduled_event_id() == b.scheduled_event_id() && a.kind() == b.kind()
         && a.attempt() == b.attempt() && a.stamp() == b.stamp() && a.run_id() == b.run_id()
         && a.query_id() == b.query_id();
}

int task_buffer::priority_of(const cluster::Task& task) noexcept {
  auto p = task.priority();
  return p >= 1 ? std::min(p, priority_last) : priority_default;
}

duration pause_after(int tries) noexcept {
  constexpr duration first = std::chrono::milliseconds{100};
  constexpr duration longest = std::chrono::seconds{5};
  constexpr int doublings_max = 6;
  return std::min(longest, first * (1 << std::clamp(tries - 1, 0, doublings_max)));
}

std::size_t task_buffer::size_of(int priority) const noexcept {
  auto kept_back = std::count_if(kept_back_.begin(), kept_back_.end(), [priority](const auto& k) {
    return priority_of(k.second.task) == priority;
  });
  return lanes_[static_cast<std::size_t>(priority - 1)].size()
         + static_cast<std::size_t>(kept_back);
}

task_buffer::lanes task_buffer::make_lanes(std::size_t keys_max) {
  return {fair_lane{keys_max}, fair_lane{keys_max}, fair_lane{keys_max}, fair_lane{keys_max},
          fair_lane{keys_max}};
}

fair_lane& task_buffer::lane_of(const cluster::Task& task) {
  return lanes_[static_cast<std::size_t>(priority_of(task) - 1)];
}

void task_buffer::obey(queue_rules rules, time_point now) {
  rules_ = std::move(rules);
  key_limits_.set(rules_.key_rate, now);
  for (auto& lane : lanes_)
    lane.ask_again();
}

std::int64_t task_buffer::next_place(const cluster::Task& task) {
  return lane_of(task).next_place(task.fairness_key(), rules_.weight_of(task));
}

void task_buffer::count(const held_task& t) {
  ++size_;
  bytes_ += cost(t.task);
  rows_ += t.row ? 1 : 0;
}

void task_buffer::push_back(held_task t) {
  if (t.task.place() == 0)
    t.task.set_place(next_place(t.task));
  count(t);
  auto weight = rules_.weight_of(t.task);
  lane_of(t.task).push_back(std::move(t), weight);
}

void task_buffer::keep_back(held_task t, time_point until) {
  count(t);
  bytes_kept_back_ += cost(t.task);
  rows_kept_back_ += t.row ? 1 : 0;
  kept_back_.emplace(until, std::move(t));
}

void task_buffer::bring_forward(time_point now) {
  auto end = kept_back_.upper_bound(now);
  // The one that was kept back longest comes to the front last.
  for (auto at = end; at != kept_back_.begin();) {
    auto& t = (--at)->second;
    bytes_kept_back_ -= cost(t.task);
    rows_kept_back_ -= t.row ? 1 : 0;
    lane_of(t.task).push_front(std::move(t));
  }
  kept_back_.erase(kept_back_.begin(), end);
}

std::optional<time_point> task_buffer::next_time() const {
  std::optional<time_point> next;
  auto sooner = [&next](std::optional<time_point> t) {
    if (t)
      next = next ? std::min(*next, *t) : *t;
  };
  if (!kept_back_.empty())
    sooner(kept_back_.begin()->first);
  for (const auto& lane : lanes_)
    sooner(lane.next_time());
  return next;
}

std::optional<backlog_place> task_buffer::exchange_row(const cluster::Task& task,
                                                       const backlog_place& row) {
  for (auto& [until, t] : kept_back_)
    if (same_task(t.task, task)) {
      rows_ += t.row ? 0 : 1;
      rows_kept_back_ += t.row ? 0 : 1;
      return std::exchange(t.row, row);
    }
  for (auto& lane : lanes_)
    if (auto* t = lane.find([&](const held_task& h) { return same_task(h.task, task); })) {
      rows_ += t->row ? 0 : 1;
      return std::exchange(t->row, row);
    }
  return row;
}

void task_buffer::forget_rows() noexcept {
  for (auto& [until, t] : kept_back_)
    t.row.reset();
  for (auto& lane : lanes_)
    lane.for_each([](held_task& t) { t.row.reset(); });
  rows_ = 0;
  rows_kept_back_ = 0;
}

held_task task_buffer::uncounted(held_task t) {
  --size_;
  bytes_ -= cost(t.task);
  rows_ -= t.row ? 1 : 0;
  return t;
}

held_task task_buffer::pop() {
  for (auto& lane : lanes_) {
    lane.ask_again();
    if (auto t = lane.pop({}, {}))
      return uncounted(std::move(*t));
  }
  ENSURE(false, "a buffer without ready tasks has no first one");
  return {};
}

std::optional<held_task> task_buffer::pop_allowed(time_point now) {
  fair_lane::key_wait wait;
  if (rules_.key_rate)
    wait = [&](const cluster::Task& task) {
      return key_limits_.wait_of(task.fairness_key(), rules_.weight_of(task), now);
    };
  for (auto& lane : lanes_)
    if (auto t = lane.pop(now, wait)) {
      if (rules_.key_rate)
        key_limits_.take(t->task.fairness_key());
      return uncounted(std::move(*t));
    }
  return std::nullopt;
}

void task_buffer::uncount(const cluster::Task& task) {
  if (!rules_.key_rate)
    return;
  key_limits_.give_back(task.fairness_key());
  for (auto& lane : lanes_)
    lane.ask_again();
}

const cluster::Task& task_buffer::first() const {
  for (const auto& lane : lanes_)
    if (const auto* t = lane.first())
      return t->task;
  ENSURE(!kept_back_.empty(), "a buffer without tasks has no first one");
  return kept_back_.begin()->second.task;
}

const cluster::Task* task_buffer::first_of(int priority) const {
  for (const auto& [until, t] : kept_back_)
    if (priority_of(t.task) == priority)
      return &t.task;
  const auto* t = lanes_[static_cast<std::size_t>(priority - 1)].first();
  return t == nullptr ? nullptr : &t->task;
}

} // namespace reprise::actors
