#pragma once

#include "actors/bounds.hpp"
#include "protocol/cluster.pb.h"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

namespace reprise::actors {

/// Where a task's row lies in its queue's backlog: priority and seq.
using backlog_place = std::pair<int, std::int64_t>;

/// A task in a queue's memory; `row` when it was read from the backlog.
struct held_task {
  cluster::Task task{};
  std::optional<backlog_place> row{};
};

/// Tells a task from every other, and from other attempts of the same.
std::string task_identity(const cluster::Task& task);

/// The tasks that a queue holds: by priority (1 first), then in the order in which they came;
/// within bounds of number and bytes. A plain value.
class task_buffer {
public:
  static constexpr int priority_default = 3;
  static constexpr int priority_last = 5;

  explicit task_buffer(const queue_bounds& bounds = {})
    : tasks_max_(bounds.tasks_max), bytes_max_(bounds.task_bytes_max) {
  }

  /// 1 to priority_last; what is not set or out of range becomes the default.
  static int priority_of(const cluster::Task& task) noexcept;

  bool full() const noexcept {
    return size_ >= tasks_max_ || bytes_ >= bytes_max_;
  }

  bool has_room_for_a_page() const noexcept {
    return size_ < tasks_max_ / 2 && bytes_ < bytes_max_ / 2;
  }

  bool empty() const noexcept {
    return size_ == 0;
  }

  std::size_t size() const noexcept {
    return size_;
  }

  /// Tasks of one priority.
  std::size_t size_of(int priority) const noexcept {
    return lanes_[static_cast<std::size_t>(priority - 1)].size();
  }

  /// Tasks that were read from the backlog.
  std::size_t rows() const noexcept {
    return rows_;
  }

  void push_back(held_task t);
  /// The most urgent task; the buffer must not be empty.
  held_task pop();
  const cluster::Task& first() const;
  /// The first of one priority; null when there is none.
  const cluster::Task* first_of(int priority) const;

private:
  std::size_t tasks_max_;
  std::size_t bytes_max_;
  std::array<std::deque<held_task>, priority_last> lanes_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::size_t rows_ = 0;
};

} // namespace reprise::actors
