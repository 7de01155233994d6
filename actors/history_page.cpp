#include "actors/history_page.hpp"

#include "actors/wire.hpp"

#include <algorithm>
#include <utility>

namespace reprise::actors {

page_builder::page_builder(const page_request& want)
  : want_(want), next_(want.reverse ? want.last : want.first) {
}

bool page_builder::complete() const noexcept {
  return want_.reverse ? next_ < want_.first : next_ > want_.last;
}

bool page_builder::append(std::string_view event) {
  if (count_ > 0
      && (count_ >= want_.events_max || out_.events.size() + event.size() > want_.bytes_max)) {
    full_ = true;
    return false;
  }
  out_.events.append(event);
  ++count_;
  next_ += want_.reverse ? -1 : 1;
  if (count_ >= want_.events_max)
    full_ = true;
  return !done();
}

bool page_builder::add_forward(std::int64_t first_event_id, std::int64_t count,
                               std::string_view events) {
  for (auto id = first_event_id; id < first_event_id + count; ++id) {
    auto event = take_event(events);
    if (event.empty()) {
      broken_ = true;
      return false;
    }
    if (id == next_ && !append(event))
      return false;
  }
  return true;
}

bool page_builder::add_reverse(std::int64_t first_event_id, std::int64_t count,
                               std::string_view events) {
  std::vector<std::string_view> all;
  all.reserve(static_cast<std::size_t>(std::min<std::int64_t>(count, 4096)));
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(take_event(events));
    if (all.back().empty()) {
      broken_ = true;
      return false;
    }
  }
  for (auto i = std::min(next_, first_event_id + count - 1); i >= first_event_id; --i)
    if (!append(all[static_cast<std::size_t>(i - first_event_id)]))
      return false;
  return true;
}

bool page_builder::add(std::int64_t first_event_id, std::int64_t event_count,
                       std::string_view events) {
  if (done() || broken_)
    return false;
  auto last = first_event_id + event_count - 1;
  auto outside = want_.reverse ? first_event_id > next_ : last < next_;
  if (event_count == 0 || outside)
    return true;
  auto gap = want_.reverse ? last < next_ : first_event_id > next_;
  if (gap) {
    broken_ = true;
    return false;
  }
  return want_.reverse ? add_reverse(first_event_id, event_count, events)
                       : add_forward(first_event_id, event_count, events);
}

page page_builder::take() && {
  out_.next = next_;
  out_.complete = complete();
  return std::move(out_);
}

void event_tail::add(std::int64_t first_event_id, std::int64_t event_count,
                     std::string_view events) {
  if (event_count == 0)
    return;
  bytes_ += events.size();
  rows_.push_back(row{first_event_id, event_count, std::string{events}});
  std::size_t drop = 0;
  while (bytes_ > bytes_max && drop + 1 < rows_.size())
    bytes_ -= rows_[drop++].events.size();
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(drop));
}

std::optional<page> event_tail::read(const page_request& want) const {
  page_builder builder{want};
  if (want.reverse) {
    for (auto row = rows_.rbegin(); row != rows_.rend() && !builder.done(); ++row)
      builder.add(row->first_event_id, row->event_count, row->events);
  } else {
    for (const auto& row : rows_)
      if (!builder.add(row.first_event_id, row.event_count, row.events))
        break;
  }
  if (!builder.done() || builder.broken())
    return std::nullopt;
  return std::move(builder).take();
}

result<page> read_page(store::store& db, std::int64_t key, const page_request& want) {
  page_builder builder{want};
  while (!builder.done()) {
    auto place = builder.next();
    auto rows = want.reverse ? db.read_events_reverse(key, place, want.bytes_max)
                             : db.read_events(key, place, want.bytes_max);
    if (!rows)
      return std::move(rows).error();
    for (const auto& row : *rows)
      if (!builder.add(row.first_event_id, row.event_count, row.events))
        break;
    if (builder.broken())
      return make_error(errc::data_loss, "The history of this workflow has a gap.");
    if (builder.next() == place)
      return make_error(errc::not_found, "The history of this workflow is gone.");
  }
  return std::move(builder).take();
}

} // namespace reprise::actors
