#pragma once

#include "actors/queue/task_buffer.hpp"
#include "base/clock.hpp"

#include <limits>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace reprise::actors {

/// What a queue knows of its rows in the store, and which of them it wants next. Decides only; the
/// queue reads and erases.
///
/// Refused tasks become rows a moment later, written by others: rows appear at any time, also
/// before places that were read already. So reading goes forward, and from the front again once
/// little is left; a whole pass without a new row means that there are none. For a while after a
/// refusal more passes follow, less and less often.
class queue_backlog {
public:
  static constexpr duration erase_after = std::chrono::milliseconds{200};
  static constexpr duration retry_after = std::chrono::seconds{1};
  static constexpr duration pass_pause_min = std::chrono::milliseconds{100};
  static constexpr duration pass_pause_max = std::chrono::seconds{10};
  static constexpr duration watch_time = std::chrono::minutes{1};

  explicit queue_backlog(const queue_bounds& bounds = {})
    : page_rows_(bounds.page_rows), erase_rows_(bounds.erase_rows) {
  }

  /// Whether there are rows is not known; nothing may be handed out yet.
  bool unknown() const noexcept {
    return !counted_;
  }

  /// The number of rows when the queue began; nothing: it could not be read.
  void on_counted(std::optional<std::int64_t> rows, time_point now);

  /// A task of this priority has to go behind rows.
  bool goes_behind(int priority) const noexcept {
    return has_rows_ && priority >= first_priority_;
  }

  /// A task of this priority was refused and becomes a row.
  void on_refused(int priority, time_point now);

  /// Rows in the store, about.
  std::int64_t rows() const noexcept {
    return rows_;
  }

  /// Nothing left to do for it.
  bool rests() const noexcept {
    return counted_ && !has_rows_ && !watching_ && known_.empty();
  }

  /// A page is to be read behind this place. `aside`: rows whose tasks are kept back; nobody waits
  /// until those are gone.
  std::optional<backlog_place> wanted(time_point now, bool room, std::size_t aside = 0) const;
  /// The page that was wanted is being read.
  void on_reading();
  /// Nothing: it could not be read. Returns for each row whether it is new.
  std::vector<bool> on_page(std::optional<std::span<const backlog_place>> rows, time_point now);

  /// The row's task is out of the queue for good.
  void on_done(const backlog_place& row, time_point now);
  /// The row's task has no place in memory any more: it is read again, after a pause.
  void on_put_back(const backlog_place& row, time_point now);
  /// Rows to erase now; empty: none.
  std::vector<backlog_place> take_erasable(time_point now);
  void on_erased(std::span<const backlog_place> rows, bool erased, time_point now);

  /// When wanted() or take_erasable() may have something that they do not have now.
  std::optional<time_point> next_time(bool room, std::size_t aside = 0) const;

private:
  bool little_is_left(std::size_t aside) const noexcept {
    return known_.size() < page_rows_ + aside;
  }

  static constexpr backlog_place front{0, std::numeric_limits<std::int64_t>::min()};

  std::size_t page_rows_;
  std::size_t erase_rows_;
  bool counted_ = false;
  bool has_rows_ = false;
  bool watching_ = false;
  int first_priority_ = 1;
  std::int64_t rows_ = 0;

  backlog_place cursor_ = front;
  bool reading_ = false;
  bool refused_while_reading_ = false;
  bool at_end_ = false;
  bool pass_found_ = false;
  time_point not_before_{};
  duration pause_ = pass_pause_min;
  time_point watch_until_{};

  /// Rows that are in memory, with a worker, or not erased yet.
  std::set<backlog_place> known_;
  std::vector<backlog_place> done_;
  std::optional<time_point> erase_at_;
  /// The store could not erase: however many wait, they are not tried again at once.
  time_point erase_not_before_{};
  bool erasing_ = false;
};

} // namespace reprise::actors
