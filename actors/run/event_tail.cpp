#include "actors/run/event_tail.hpp"

#include <algorithm>
#include <utility>

namespace reprise::actors {

void event_tail::add(std::int64_t first_event_id, std::int64_t event_count, std::string events) {
  if (event_count == 0)
    return;
  bytes_ += events.size();
  rows_.push_back(row{first_event_id, event_count, std::move(events)});
  std::size_t drop = 0;
  while (bytes_ > bytes_max_ && drop + 1 < rows_.size())
    bytes_ -= rows_[drop++].events.size();
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(drop));
}

std::optional<engine::page> event_tail::read(const engine::page_request& want) const {
  engine::page_builder builder{want};
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

result<engine::page> read_page(store::store& db, std::int64_t key,
                               const engine::page_request& want) {
  engine::page_builder builder{want};
  // Most pages end by the number of their batches, long before their bytes are used up.
  constexpr std::size_t first_bytes = 128U << 10;
  auto bytes = std::min(first_bytes, want.bytes_max);
  for (; !builder.done(); bytes = std::min(2 * bytes, want.bytes_max)) {
    auto place = builder.next();
    auto rows = want.reverse ? db.read_events_reverse(key, place, bytes)
                             : db.read_events(key, place, bytes);
    if (!rows)
      return std::move(rows).error();
    for (const auto& row : *rows)
      if (!builder.add(row.first_event_id, row.event_count, row.events))
        break;
    if (builder.broken())
      return make_error(errc::data_loss, "The history of this workflow has a gap.");
    // A page may be full before the next part's first event.
    if (!builder.done() && builder.next() == place)
      return make_error(errc::not_found, "The history of this workflow is gone.");
  }
  return std::move(builder).take();
}

} // namespace reprise::actors
