#include "engine/history/page.hpp"

#include "protocol/wire.hpp"
#include "temporal/api/enums/v1/event_type.pb.h"

#include <utility>
#include <vector>

namespace reprise::engine {

page_builder::page_builder(const page_request& want)
  : want_(want), next_(want.reverse ? want.last : want.first) {
}

bool page_builder::complete() const noexcept {
  return want_.reverse ? next_ < want_.first : next_ > want_.last;
}

/// Cuts the next batch off a row. False: there is none; the row may be broken.
bool page_builder::take_batch(batch& row, batch& out) {
  constexpr int task_started = temporal::api::enums::v1::EVENT_TYPE_WORKFLOW_TASK_STARTED;
  auto all = row.events;
  out = {.first_event_id = row.first_event_id};
  for (auto ended = false; row.count > 0 && !ended; ++out.count) {
    auto event = protocol::take_event(row.events);
    broken_ = broken_ || event.empty();
    if (broken_)
      return false;
    ended = protocol::type_of_event(event) == task_started;
    ++row.first_event_id;
    --row.count;
  }
  out.events = all.substr(0, all.size() - row.events.size());
  return out.count > 0;
}

bool page_builder::begin_batch(std::size_t bytes) {
  full_ = batches_ > 0 && out_.events.size() + bytes > want_.bytes_max;
  if (!full_)
    ++batches_;
  return !full_;
}

bool page_builder::end_batch() {
  full_ = full_ || batches_ >= want_.batches_max;
  return !done();
}

bool page_builder::append(std::string_view event) {
  if (!out_.events.empty() && out_.events.size() + event.size() > want_.bytes_max) {
    full_ = true;
    return false;
  }
  out_.events.append(event);
  next_ += want_.reverse ? -1 : 1;
  return !complete();
}

bool page_builder::add_forward(batch row) {
  batch b;
  while (take_batch(row, b)) {
    for (; b.count > 0 && b.first_event_id < next_; ++b.first_event_id, --b.count)
      protocol::take_event(b.events);
    if (b.count == 0)
      continue;
    if (!begin_batch(b.events.size()))
      return false;
    while (b.count > 0 && append(protocol::take_event(b.events)))
      --b.count;
    if (!end_batch())
      return false;
  }
  return !broken_;
}

bool page_builder::add_reverse(batch row) {
  std::vector<batch> batches;
  for (batch b; take_batch(row, b);)
    batches.push_back(b);
  if (broken_)
    return false;
  std::vector<std::string_view> events;
  for (auto b = batches.rbegin(); b != batches.rend(); ++b) {
    if (b->first_event_id > next_)
      continue;
    if (!begin_batch(b->events.size()))
      return false;
    events.clear();
    for (auto id = b->first_event_id; id < b->first_event_id + b->count && id <= next_; ++id)
      events.push_back(protocol::take_event(b->events));
    while (!events.empty() && append(events.back()))
      events.pop_back();
    if (!end_batch())
      return false;
  }
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
  batch row{.first_event_id = first_event_id, .count = event_count, .events = events};
  return want_.reverse ? add_reverse(row) : add_forward(row);
}

page page_builder::take() && {
  out_.next = next_;
  out_.complete = complete();
  return std::move(out_);
}

} // namespace reprise::engine
