#include "store/columns.hpp"
#include "store/memory/memory_store.hpp"
#include "store/open.hpp"
#include "store/value_counts.hpp"

#include <algorithm>

namespace reprise::store {

std::unique_ptr<store> open_memory() {
  return std::make_unique<memory_store>();
}

std::string memory_store::kind() const {
  return "memory";
}

result<void> memory_store::check() {
  return {};
}

// -- members, ranges and epochs ------------------------------------------------------------------

/// Shuts out whoever had them.
void memory_store::raise(const range_set& ranges) {
  for (std::size_t slot = 0; slot < epochs_.size(); ++slot)
    if (ranges[range_of(static_cast<slot_id>(slot))])
      ++epochs_[slot];
}

result<void> memory_store::join(const member& self, incarnation_id before) {
  std::lock_guard guard{mutex_};
  auto done = members_.join(self, before);
  if (!done)
    return std::move(done).error();
  raise(done->freed);
  return {};
}

result<membership> memory_store::renew(incarnation_id self, bool is_draining) {
  std::lock_guard guard{mutex_};
  return members_.renew(self, is_draining);
}

result<taken_ranges> memory_store::take(const take_over& what) {
  std::lock_guard guard{mutex_};
  auto done = members_.take(what);
  if (!done)
    return std::move(done).error();
  raise(done->taken | done->freed);
  taken_ranges out{.ranges = done->taken};
  for (std::size_t slot = 0; slot < epochs_.size(); ++slot)
    if (out.ranges[range_of(static_cast<slot_id>(slot))])
      out.epochs[slot] = epochs_[slot];
  out.key_floor = std::max(runs_.empty() ? 0 : runs_.rbegin()->first,
                           copies_.empty() ? 0 : copies_.rbegin()->first);
  return out;
}

result<void> memory_store::give(incarnation_id self, range_id range, incarnation_id to) {
  std::lock_guard guard{mutex_};
  auto done = members_.give(self, range, to);
  if (!done)
    return std::move(done).error();
  raise(done->freed);
  return {};
}

result<void> memory_store::leave(incarnation_id self) {
  std::lock_guard guard{mutex_};
  raise(members_.leave(self).freed);
  return {};
}

result<epoch_number> memory_store::raise_epoch(slot_id slot, epoch_number seen) {
  std::lock_guard guard{mutex_};
  if (slot >= slot_count)
    return make_error(errc::invalid_argument, "There is no such slot.");
  if (epochs_[slot] != seen)
    return make_error(errc::failed_precondition, "The slot has another epoch: it was taken over.");
  return ++epochs_[slot];
}

// -- runs ----------------------------------------------------------------------------------------

result<std::optional<run_head>> memory_store::current_run(const std::string& namespace_id,
                                                          machine_kind kind,
                                                          const std::string& workflow_id) {
  std::lock_guard guard{mutex_};
  auto now = current({.namespace_id = namespace_id, .kind = kind, .id = workflow_id});
  if (!now)
    return std::optional<run_head>{};
  return std::optional{runs_.at(now->key).head};
}

result<std::optional<run_head>>
memory_store::find_run(const std::string& namespace_id, machine_kind kind,
                       const std::string& workflow_id, const std::string& run_id) {
  std::lock_guard guard{mutex_};
  auto found = keys_by_run_id_.find(run_id);
  if (found == keys_by_run_id_.end())
    return std::optional<run_head>{};
  auto& head = runs_.at(found->second).head;
  if (head.namespace_id != namespace_id || head.kind != kind || head.workflow_id != workflow_id)
    return std::optional<run_head>{};
  return std::optional{head};
}

result<std::optional<snapshot>> memory_store::load_snapshot(std::int64_t key) {
  std::lock_guard guard{mutex_};
  auto run = run_data_of(key);
  return run != nullptr ? run->snap : std::nullopt;
}

result<std::vector<journal_row>>
memory_store::read_journal(std::int64_t key, std::uint64_t from_seq, std::size_t bytes_max) {
  std::lock_guard guard{mutex_};
  std::vector<journal_row> rows;
  auto run = run_data_of(key);
  if (run == nullptr)
    return rows;
  auto row = std::ranges::lower_bound(run->journal, from_seq, {}, &journal_row::seq);
  for (std::size_t bytes = 0; row != run->journal.end() && (rows.empty() || bytes < bytes_max);
       ++row) {
    bytes += row->events.size() + row->facts.size();
    rows.push_back(*row);
  }
  return rows;
}

namespace {

/// Appends rows with events, without their facts, until the bytes are passed.
template <class Iterator>
std::vector<journal_row> take_events(Iterator row, Iterator end, std::size_t bytes_max) {
  std::vector<journal_row> rows;
  for (std::size_t bytes = 0; row != end && (rows.empty() || bytes < bytes_max); ++row) {
    if (row->event_count == 0)
      continue;
    bytes += row->events.size();
    auto& copy = rows.emplace_back(*row);
    copy.facts.clear();
  }
  return rows;
}

} // namespace

result<std::vector<journal_row>>
memory_store::read_events(std::int64_t key, std::int64_t from_event, std::size_t bytes_max) {
  std::lock_guard guard{mutex_};
  auto run = run_data_of(key);
  if (run == nullptr)
    return std::vector<journal_row>{};
  auto end_of = [](const journal_row& r) { return r.first_event_id + r.event_count; };
  auto first = std::ranges::upper_bound(run->journal, from_event, {}, end_of);
  return take_events(first, run->journal.end(), bytes_max);
}

result<std::vector<journal_row>>
memory_store::read_events_reverse(std::int64_t key, std::int64_t to_event, std::size_t bytes_max) {
  std::lock_guard guard{mutex_};
  auto run = run_data_of(key);
  if (run == nullptr)
    return std::vector<journal_row>{};
  auto behind = std::ranges::upper_bound(run->journal, to_event, {}, &journal_row::first_event_id);
  return take_events(std::make_reverse_iterator(behind), run->journal.rend(), bytes_max);
}

// -- wake-ups ------------------------------------------------------------------------------------

std::vector<due_run> memory_store::due(const due_index& index, time_point after_at,
                                       std::int64_t after_key, std::int64_t until,
                                       std::size_t limit) const {
  std::vector<due_run> found;
  for (auto i = index.upper_bound({nanoseconds(after_at), after_key});
       i != index.end() && i->first <= until && found.size() < limit; ++i) {
    auto& head = runs_.at(i->second).head;
    found.push_back({.at = from_nanoseconds(i->first),
                     .slot = head.slot,
                     .key = head.key,
                     .namespace_id = head.namespace_id,
                     .kind = head.kind,
                     .workflow_id = head.workflow_id,
                     .run_id = head.run_id});
  }
  return found;
}

result<std::vector<due_run>> memory_store::due_timers(time_point until, time_point after_at,
                                                      std::int64_t after_key, std::size_t limit) {
  std::lock_guard guard{mutex_};
  return due(timers_, after_at, after_key, nanoseconds(until), limit);
}

result<std::optional<time_point>> memory_store::next_timer(time_point after) {
  std::lock_guard guard{mutex_};
  auto next = timers_.upper_bound({nanoseconds(after), std::numeric_limits<std::int64_t>::max()});
  if (next == timers_.end())
    return std::optional<time_point>{};
  return std::optional{from_nanoseconds(next->first)};
}

result<std::vector<due_run>>
memory_store::pending_offers(time_point after_at, std::int64_t after_key, std::size_t limit) {
  std::lock_guard guard{mutex_};
  return due(offers_, after_at, after_key, std::numeric_limits<std::int64_t>::max(), limit);
}

// -- inboxes -------------------------------------------------------------------------------------

result<std::optional<inbox_row>> memory_store::read_inbox(slot_id slot,
                                                          const std::string& message_id) {
  std::lock_guard guard{mutex_};
  auto found = inbox_.find({slot, message_id});
  return found == inbox_.end() ? std::nullopt : std::optional{found->second};
}

result<std::vector<inbox_row>> memory_store::unforgotten(range_id range, time_point taken_before,
                                                         const inbox_place& behind,
                                                         std::size_t limit) {
  std::lock_guard guard{mutex_};
  auto place_of = [](const inbox_row& row) {
    return std::tie(row.taken_at, row.message_id, row.slot);
  };
  std::vector<inbox_row> rows;
  for (auto& [place, row] : inbox_)
    if (range_of(row.slot) == range && !row.forgotten_at && row.taken_at < taken_before
        && place_of(row) > std::tie(behind.taken_at, behind.message_id, behind.slot))
      rows.push_back(row);
  std::ranges::sort(rows, {}, place_of);
  rows.resize(std::min(rows.size(), limit));
  return rows;
}

result<std::size_t> memory_store::sweep_inbox(range_id range, time_point forgotten_before,
                                              std::size_t limit) {
  std::lock_guard guard{mutex_};
  std::size_t erased = 0;
  std::erase_if(inbox_, [&](const auto& entry) {
    auto& row = entry.second;
    auto goes = erased < limit && range_of(row.slot) == range && row.forgotten_at
                && *row.forgotten_at < forgotten_before;
    erased += goes ? 1 : 0;
    return goes;
  });
  return erased;
}

// -- backlogs ------------------------------------------------------------------------------------

result<std::vector<backlog_row>>
memory_store::read_backlog(const queue_key& queue, int after_priority, std::int64_t after_seq,
                           std::size_t limit) {
  std::lock_guard guard{mutex_};
  std::vector<backlog_row> rows;
  auto found = backlogs_.find(queue);
  if (found == backlogs_.end())
    return rows;
  for (auto i = found->second.upper_bound({after_priority, after_seq});
       i != found->second.end() && rows.size() < limit; ++i)
    rows.push_back({.queue = queue,
                    .priority = i->first.first,
                    .seq = i->first.second,
                    .task_id = i->second.id,
                    .task = i->second.task});
  return rows;
}

result<std::int64_t> memory_store::count_backlog(const queue_key& queue) {
  std::lock_guard guard{mutex_};
  auto found = backlogs_.find(queue);
  return found == backlogs_.end() ? 0 : static_cast<std::int64_t>(found->second.size());
}

result<std::vector<queue_key>> memory_store::backlog_queues() {
  std::lock_guard guard{mutex_};
  std::vector<queue_key> queues;
  for (auto& [queue, rows] : backlogs_)
    queues.push_back(queue);
  return queues;
}

result<void> memory_store::erase_backlog(const queue_key& queue,
                                         std::span<const std::pair<int, std::int64_t>> places) {
  std::lock_guard guard{mutex_};
  for (auto& place : places)
    erase_backlog_row(queue, place);
  return {};
}

// -- visibility ----------------------------------------------------------------------------------

template <class Visit>
void memory_store::for_each_listed(const listed_kind& of, const filter& query, Visit visit) const {
  auto found = listed_.find(of);
  if (found == listed_.end())
    return;
  for (auto& place : found->second) {
    auto& row = *runs_.at(place.key).listed;
    if (matches(query, row))
      visit(row);
  }
}

result<std::vector<visibility_row>>
memory_store::list(const std::string& namespace_id, machine_kind kind, const filter& query,
                   const std::optional<list_cursor>& behind, std::size_t limit) {
  std::lock_guard guard{mutex_};
  std::vector<visibility_row> rows;
  auto found = listed_.find({namespace_id, kind});
  if (found == listed_.end())
    return rows;
  auto take = [&](const list_place& place) {
    auto& row = *runs_.at(place.key).listed;
    if (rows.size() < limit && matches(query, row))
      rows.push_back(row);
  };
  auto place = found->second.begin();
  if (behind && behind->walk_began && !behind->close_time) {
    // Who walks among open runs meets those that closed meanwhile where they were.
    std::vector<list_place> open_then;
    for (; place != found->second.end() && place->close_order > nanoseconds(*behind->walk_began);
         ++place)
      if (std::tuple{place->start_time, place->key}
          < std::tuple{nanoseconds(behind->start_time), behind->key})
        open_then.push_back(*place);
    std::ranges::sort(open_then, std::greater{},
                      [](auto& p) { return std::tuple{p.start_time, p.key}; });
    std::ranges::for_each(open_then, take);
  } else if (behind) {
    place = found->second.upper_bound({.close_order = close_order(*behind),
                                       .start_time = nanoseconds(behind->start_time),
                                       .key = behind->key});
  }
  for (; place != found->second.end() && rows.size() < limit; ++place)
    take(*place);
  return rows;
}

result<time_point> memory_store::latest_close(const std::string& namespace_id, machine_kind kind) {
  std::lock_guard guard{mutex_};
  auto found = listed_.find({namespace_id, kind});
  if (found != listed_.end())
    for (auto& place : found->second)
      if (place.close_order != open_run_order)
        return from_nanoseconds(place.close_order);
  return time_point::min();
}

result<std::vector<visibility_row>>
memory_store::list_sorted(const std::string& namespace_id, machine_kind kind, const filter& query,
                          std::span<const sort_key> order,
                          const std::optional<sorted_place>& behind, std::size_t limit) {
  if (auto bad = refuse_sorting(order))
    return *bad;
  std::lock_guard guard{mutex_};
  std::vector<std::pair<sorted_place, const visibility_row*>> found;
  for_each_listed({namespace_id, kind}, query, [&](auto& row) {
    auto place = sorted_place_of(row, order);
    if (!behind || is_sorted_before(*behind, place, order))
      found.emplace_back(std::move(place), &row);
  });
  std::ranges::sort(found,
                    [&](auto& a, auto& b) { return is_sorted_before(a.first, b.first, order); });
  found.resize(std::min(found.size(), limit));
  std::vector<visibility_row> rows;
  for (auto& [place, row] : found)
    rows.push_back(*row);
  return rows;
}

result<std::int64_t> memory_store::count(const std::string& namespace_id, machine_kind kind,
                                         const filter& query) {
  std::lock_guard guard{mutex_};
  std::int64_t n = 0;
  for_each_listed({namespace_id, kind}, query, [&](auto&) { ++n; });
  return n;
}

result<std::vector<group_count>>
memory_store::count_by(const std::string& namespace_id, machine_kind kind, const filter& query,
                       const std::string& attribute, value_type type) {
  if (auto bad = refuse_grouping(attribute, type))
    return *bad;
  std::lock_guard guard{mutex_};
  value_counts counts;
  for_each_listed({namespace_id, kind}, query, [&](auto& row) {
    for (auto& value : values_of(row, attribute, type))
      counts.add(std::move(value), 1);
  });
  return std::move(counts).sorted();
}

// -- namespaces and the cluster's facts ----------------------------------------------------------

result<void> memory_store::create_namespace(const namespace_row& row) {
  std::lock_guard guard{mutex_};
  for (auto& [id, other] : namespaces_)
    if (id == row.id || other.name == row.name)
      return make_error(errc::already_exists, "Namespace already exists.");
  namespaces_.emplace(row.id, row);
  members_.on_registry_changed();
  return {};
}

result<void> memory_store::update_namespace(const namespace_row& row) {
  std::lock_guard guard{mutex_};
  for (auto& [id, other] : namespaces_)
    if (id != row.id && other.name == row.name)
      return make_error(errc::already_exists, "Namespace already exists.");
  auto found = namespaces_.find(row.id);
  if (found == namespaces_.end() || found->second.version != row.version - 1)
    return make_error(errc::aborted, "The namespace was updated by someone else meanwhile.");
  found->second = row;
  members_.on_registry_changed();
  return {};
}

result<std::vector<namespace_row>> memory_store::namespaces() {
  std::lock_guard guard{mutex_};
  std::vector<namespace_row> rows;
  for (auto& [id, row] : namespaces_)
    rows.push_back(row);
  return rows;
}

result<run_page> memory_store::runs_of(const std::string& namespace_id, std::int64_t behind_key,
                                       std::size_t rows_max) {
  std::lock_guard guard{mutex_};
  run_page page{.last_key = behind_key};
  auto at = runs_.upper_bound(behind_key);
  for (std::size_t looked = 0; at != runs_.end() && looked < rows_max; ++at, ++looked) {
    page.last_key = at->first;
    if (at->second.head.namespace_id == namespace_id)
      page.runs.push_back(at->second.head);
  }
  page.is_last = at == runs_.end();
  return page;
}

result<void> memory_store::erase_namespace(const std::string& id) {
  std::lock_guard guard{mutex_};
  namespaces_.erase(id);
  members_.on_registry_changed();
  return {};
}

result<std::string> memory_store::cluster_fact(const std::string& name, const std::string& value) {
  std::lock_guard guard{mutex_};
  return facts_.emplace(name, value).first->second;
}

} // namespace reprise::store
