#pragma once

#include "actors/node/bounds.hpp"
#include "actors/queue/fair_lane.hpp"
#include "actors/queue/held_task.hpp"
#include "actors/queue/queue_rules.hpp"
#include "base/clock.hpp"
#include "protocol/cluster.pb.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>

namespace reprise::actors {

/// How long a task that was handed out in vain for the `tries`th time is kept back.
duration pause_after(int tries) noexcept;

/// The tasks that a queue holds: by priority (1 first), of one priority fairly by their keys
/// (fair_lane); within bounds of number and bytes. Some are kept back for a time, within the same
/// bounds once more: those that nobody can do for good take no room from the others. A plain value.
class task_buffer {
public:
  static constexpr int priority_default = 3;
  static constexpr int priority_last = 5;

  explicit task_buffer(const queue_bounds& bounds = {})
    : tasks_max_(bounds.tasks_max),
      bytes_max_(bounds.task_bytes_max),
      lanes_(make_lanes(bounds.fairness_keys_max)),
      key_limits_(bounds.fairness_keys_max) {
  }

  /// 1 to priority_last: what is beyond is as little urgent as the last; the default where none is
  /// set.
  static int priority_of(const cluster::Task& task) noexcept;

  bool full() const noexcept {
    return ready() >= tasks_max_ || ready_bytes() >= bytes_max_;
  }

  bool has_room_for_a_page() const noexcept {
    return ready() == 0 || (ready() < tasks_max_ / 2 && ready_bytes() < bytes_max_ / 2);
  }

  /// One more may be kept back.
  bool has_room_to_keep_back() const noexcept {
    return kept_back_.size() < tasks_max_ && bytes_kept_back_ < bytes_max_;
  }

  bool empty() const noexcept {
    return size_ == 0;
  }

  /// There is one that is not kept back.
  bool has_ready() const noexcept {
    return ready() > 0;
  }

  std::size_t size() const noexcept {
    return size_;
  }

  /// Tasks of one priority.
  std::size_t size_of(int priority) const noexcept;

  /// Tasks that were read from the backlog.
  std::size_t rows() const noexcept {
    return rows_;
  }

  /// Of these, the ones that are kept back.
  std::size_t rows_kept_back() const noexcept {
    return rows_kept_back_;
  }

  /// What was configured of the queue.
  void obey(queue_rules rules, time_point now);

  /// Where a task stands that goes into the backlog instead.
  std::int64_t next_place(const cluster::Task& task);
  /// One without a place gets the next of its key.
  void push_back(held_task t);
  /// Keeps a task back until then; it is the first of its priority afterwards.
  void keep_back(held_task t, time_point until);
  /// Ends that for those whose time has come.
  void bring_forward(time_point now);
  /// When bring_forward() has something to do, or pop() that it had not; nothing: never.
  std::optional<time_point> next_time() const;
  /// Of a task that is held: it lies in this row from now on. Returns the row that nothing here
  /// needs any more, if any: the one that it had, or this one when the task is not here.
  std::optional<backlog_place> exchange_row(const cluster::Task& task, const backlog_place& row);
  /// No task lies in a row any more.
  void forget_rows() noexcept;
  /// The most urgent task that is not kept back; there must be one.
  held_task pop();
  /// The most urgent one whose key's rate allows it; nothing when there is none. It counts for
  /// that rate.
  std::optional<held_task> pop_allowed(time_point now);
  /// The task was not handed out after all: it does not count.
  void uncount(const cluster::Task& task);
  /// The buffer must not be empty.
  const cluster::Task& first() const;
  /// The first of one priority; null when there is none.
  const cluster::Task* first_of(int priority) const;

private:
  std::size_t ready() const noexcept {
    return size_ - kept_back_.size();
  }

  std::size_t ready_bytes() const noexcept {
    return bytes_ - bytes_kept_back_;
  }

  using lanes = std::array<fair_lane, priority_last>;

  static lanes make_lanes(std::size_t keys_max);
  fair_lane& lane_of(const cluster::Task& task);
  void count(const held_task& t);
  held_task uncounted(held_task t);

  std::size_t tasks_max_;
  std::size_t bytes_max_;
  lanes lanes_;
  queue_rules rules_;
  key_limits key_limits_;
  std::multimap<time_point, held_task> kept_back_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::size_t rows_ = 0;
  std::size_t bytes_kept_back_ = 0;
  std::size_t rows_kept_back_ = 0;
};

} // namespace reprise::actors
