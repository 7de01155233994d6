#include "actors/queue/queue_backlog.hpp"

#include <algorithm>
#include <utility>

namespace reprise::actors {

void queue_backlog::on_counted(std::optional<std::int64_t> rows, time_point now) {
  counted_ = true;
  rows_ = rows.value_or(0);
  // What could not be counted may be there.
  has_rows_ = !rows || *rows > 0;
  if (!rows)
    not_before_ = now + retry_after;
}

void queue_backlog::on_refused(int priority, time_point now) {
  ++rows_;
  first_priority_ = has_rows_ ? std::min(first_priority_, priority) : priority;
  has_rows_ = true;
  watching_ = true;
  watch_until_ = now + watch_time;
  pause_ = pass_pause_min;
  refused_while_reading_ = true;
  // More urgent than what was read: the row will lie before the cursor.
  if (priority < cursor_.first && !reading_) {
    cursor_ = front;
    at_end_ = false;
  }
}

std::optional<backlog_place> queue_backlog::wanted(time_point now, bool room,
                                                   std::size_t aside) const {
  if (!counted_ || reading_ || !room || (!has_rows_ && !watching_) || now < not_before_)
    return std::nullopt;
  if (!at_end_)
    return cursor_;
  if (!little_is_left(aside))
    return std::nullopt;
  return front;
}

void queue_backlog::on_reading() {
  reading_ = true;
  if (!at_end_)
    return;
  at_end_ = false;
  cursor_ = front;
  pass_found_ = false;
  refused_while_reading_ = false;
}

std::vector<bool> queue_backlog::on_page(std::optional<std::span<const backlog_place>> rows,
                                         time_point now) {
  reading_ = false;
  if (!rows) {
    not_before_ = now + retry_after;
    return {};
  }
  std::vector<bool> fresh;
  if (cursor_ == front && !rows->empty())
    first_priority_ = rows->front().first;
  for (const auto& place : *rows) {
    fresh.push_back(known_.insert(place).second);
    pass_found_ = pass_found_ || fresh.back();
    cursor_ = place;
  }
  if (rows->size() == page_rows_)
    return fresh;
  at_end_ = true;
  if (!pass_found_ && !refused_while_reading_) {
    has_rows_ = false;
    rows_ = static_cast<std::int64_t>(known_.size());
    watching_ = now < watch_until_;
  }
  if (pass_found_) {
    pause_ = pass_pause_min;
  } else {
    not_before_ = now + pause_;
    pause_ = std::min(pause_ * 2, pass_pause_max);
  }
  pass_found_ = false;
  return fresh;
}

void queue_backlog::on_done(const backlog_place& row, time_point now) {
  done_.push_back(row);
  if (!erase_at_)
    erase_at_ = now + erase_after;
}

void queue_backlog::on_put_back(const backlog_place& row, time_point now) {
  known_.erase(row);
  first_priority_ = has_rows_ ? std::min(first_priority_, row.first) : row.first;
  has_rows_ = true;
  // A page that is on its way may have passed it.
  refused_while_reading_ = true;
  if (not_before_ <= now)
    not_before_ = now + retry_after;
}

std::vector<backlog_place> queue_backlog::take_erasable(time_point now) {
  if (erasing_ || done_.empty() || now < erase_not_before_)
    return {};
  if (done_.size() < erase_rows_ && erase_at_ && now < *erase_at_)
    return {};
  erasing_ = true;
  erase_at_.reset();
  return std::exchange(done_, {});
}

void queue_backlog::on_erased(std::span<const backlog_place> rows, bool erased, time_point now) {
  erasing_ = false;
  if (!erased) {
    done_.insert(done_.end(), rows.begin(), rows.end());
    erase_not_before_ = now + retry_after;
    erase_at_ = erase_not_before_;
    return;
  }
  for (const auto& row : rows)
    known_.erase(row);
  rows_ = std::max<std::int64_t>(0, rows_ - static_cast<std::int64_t>(rows.size()));
  if (!done_.empty() && !erase_at_)
    erase_at_ = now + erase_after;
}

std::optional<time_point> queue_backlog::next_time(bool room, std::size_t aside) const {
  std::optional<time_point> next;
  if (erase_at_ && !erasing_)
    next = erase_at_;
  auto reads_later = room && counted_ && !reading_ && (has_rows_ || watching_)
                     && (!at_end_ || little_is_left(aside));
  if (reads_later)
    next = next ? std::min(*next, not_before_) : not_before_;
  return next;
}

} // namespace reprise::actors
