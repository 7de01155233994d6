#include "tests/simulation/model/disk.hpp"

#include "store/open.hpp"

#include <algorithm>

namespace reprise::simulation {

using store::commit_status;

namespace {

error lost() {
  return make_error(errc::unavailable, "The store does not work now: the simulation says so.");
}

} // namespace

disk::disk(universe& all, ledger& judge, const loss_plan& plan)
  : all_(all), judge_(judge), below_(store::open_memory()), plan_(plan), inbox_(plan, *below_) {
}

std::vector<commit_status> disk::commit(std::span<const store::transition> group, int process) {
  auto begins = [](const store::transition& t) {
    return std::ranges::any_of(t.runs, &store::run_write::on_copy);
  };
  auto copied = std::ranges::find_if(group, begins);
  if (copied == group.end())
    return commit_together(group, process);
  auto count = static_cast<std::size_t>(copied - group.begin()) + 1;
  auto out = commit_together(group.first(count), process);
  std::map<std::uint64_t, commit_status> refused;
  for (std::size_t i = 0; i < count; ++i)
    if (group[i].incarnation != 0 && out[i] != commit_status::committed)
      refused.emplace(group[i].incarnation, out[i]);
  std::vector<store::transition> rest;
  for (const auto& t : group.subspan(count))
    if (!refused.contains(t.incarnation))
      rest.push_back(t);
  auto answers = rest.empty() ? std::vector<commit_status>{} : commit(rest, process);
  auto next = answers.begin();
  for (const auto& t : group.subspan(count)) {
    auto why = refused.find(t.incarnation);
    out.push_back(why != refused.end() ? why->second : *next++);
  }
  return out;
}

std::vector<commit_status> disk::commit_together(std::span<const store::transition> group,
                                                 int process) {
  auto out = inbox_.is_odd() ? below_->commit(inbox_.named(group)) : below_->commit(group);
  for (std::size_t i = 0; i < group.size(); ++i)
    if (out[i] != commit_status::committed && !group[i].runs.empty())
      all_.say("not committed (" + std::to_string(static_cast<int>(out[i]))
               + "): " + group[i].runs[0].head.run_id + " row "
               + std::to_string(group[i].runs[0].head.last_seq) + " by p" + std::to_string(process)
               + " epoch " + std::to_string(group[i].epoch));
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (out[i] != commit_status::committed)
      continue;
    for (const auto& w : group[i].runs)
      if (w.on_copy)
        judge_.on_copied(w, *below_->read_journal(w.head.key, 1, 1U << 30));
    inbox_.on_committed(group[i]);
    judge_.on_commit(group[i], process);
  }
  return out;
}

void disk::commit_late(std::span<const store::transition> group, int process, int calls) {
  late_.push_back({{group.begin(), group.end()}, process, calls});
}

void disk::tick() {
  for (auto& g : late_)
    if (--g.calls_left <= 0) {
      all_.say("a late commit lands");
      commit(g.members, g.process);
    }
  std::erase_if(late_, [](const late_group& g) { return g.calls_left <= 0; });
}

void disk::land_late() {
  for (auto& g : late_)
    g.calls_left = 1;
  tick();
}

bool disk::loses(std::span<const store::transition> group) {
  auto asks = std::ranges::any_of(group, [](const store::transition& t) {
    return std::ranges::any_of(t.runs, [](const store::run_write& w) {
      temporal::api::history::v1::History h;
      h.ParseFromString(w.row.events);
      return std::ranges::any_of(h.events(), [](const auto& e) {
        return e.has_signal_external_workflow_execution_initiated_event_attributes();
      });
    });
  });
  return asks && plan_.what == loss::word && !plan_.is_fair && all_.random.chance(500);
}

std::vector<commit_status> disk::forget(std::span<const store::transition> group) {
  std::vector<commit_status> out;
  for (const auto& t : group) {
    auto is_owned = t.slot < epochs_.size() && epochs_[t.slot] == t.epoch;
    out.push_back(is_owned ? commit_status::committed : commit_status::stale_epoch);
    if (is_owned)
      judge_.on_forgotten(t);
  }
  return out;
}

result<store::taken_ranges> disk::take(const store::take_over& what, int process) {
  auto taken = below_->take(what);
  if (!taken || taken->ranges.none())
    return taken;
  if (!taken->ranges.all())
    all_.fail("a part of the slots was taken, and nobody shares them");
  epochs_ = taken->epochs;
  judge_.on_take_over(process);
  return taken;
}

result<void> disk::leave(store::incarnation_id self) {
  auto seen = below_->renew(self, false);
  auto owned = seen && std::ranges::find(seen->owners, self) != seen->owners.end();
  auto left = below_->leave(self);
  if (owned)
    std::ranges::fill(epochs_, store::epoch_number{0});
  return left;
}

result<store::epoch_number> disk::raise_epoch(store::slot_id slot, store::epoch_number seen,
                                              bool answer_is_lost) {
  auto raised = below_->raise_epoch(slot, seen);
  if (!raised) {
    // The contract: what was answered `unavailable` can be asked again, happened or not.
    auto doubtful = doubtful_.find(slot);
    if (doubtful != doubtful_.end() && doubtful->second == seen && epochs_[slot] == seen + 1)
      return answer_is_lost ? result<store::epoch_number>{lost()} : seen + 1;
    return raised;
  }
  epochs_[slot] = *raised;
  if (!answer_is_lost)
    return raised;
  doubtful_[slot] = seen;
  return lost();
}

result<std::optional<store::inbox_row>> disk::read_inbox(store::slot_id slot,
                                                         const std::string& message_id) {
  return inbox_.is_odd() ? inbox_.read(slot, message_id) : below_->read_inbox(slot, message_id);
}

result<std::optional<store::snapshot>> disk::load_snapshot(std::int64_t key) {
  auto snap = below_->load_snapshot(key);
  if (snap && *snap)
    ++all_.happened["loads from a snapshot"];
  return snap;
}

result<std::vector<store::journal_row>> disk::read_journal(std::int64_t key, std::uint64_t from_seq,
                                                           std::size_t bytes_max) {
  auto rows = below_->read_journal(key, from_seq, bytes_max);
  if (from_seq > 1 && rows && !rows->empty())
    ++all_.happened["loads of rows behind a snapshot"];
  return rows;
}

// -- as one process sees it ----------------------------------------------------------------------

verdict process_store::ask(operation what) {
  if (closed_)
    return {.what = verdict::kind::refused};
  disk_.tick();
  auto out = decide_(what);
  // It may have been killed while it waited.
  return closed_ ? verdict{.what = verdict::kind::refused} : out;
}

template <class F>
auto process_store::reading(F f) -> decltype(f()) {
  return ask(operation::read).what == verdict::kind::done ? f() : decltype(f()){lost()};
}

template <class F>
auto process_store::writing(F f) -> decltype(f()) {
  auto v = ask(operation::write);
  if (v.what == verdict::kind::refused)
    return lost();
  auto out = f();
  return v.what == verdict::kind::done ? std::move(out) : decltype(f()){lost()};
}

std::vector<commit_status> process_store::commit(std::span<const st::transition> group) {
  auto v = ask(operation::commit);
  if (v.what == verdict::kind::done && disk_.loses(group))
    v.what = verdict::kind::forgotten;
  switch (v.what) {
    case verdict::kind::refused:
      return std::vector(group.size(), commit_status::unavailable);
    case verdict::kind::late:
      disk_.commit_late(group, process_, v.late_calls);
      return std::vector(group.size(), commit_status::unknown);
    case verdict::kind::forgotten:
      return disk_.forget(group);
    case verdict::kind::done:
      return disk_.commit(group, process_);
    case verdict::kind::answer_lost:
      break;
  }
  auto out = disk_.commit(group, process_);
  std::ranges::replace(out, commit_status::committed, commit_status::unknown);
  return out;
}

result<void> process_store::join(const st::member& self, st::incarnation_id before) {
  return writing([&] { return disk_.below().join(self, before); });
}

result<st::membership> process_store::renew(st::incarnation_id self, bool is_draining) {
  return writing([&] { return disk_.below().renew(self, is_draining); });
}

result<st::taken_ranges> process_store::take(const st::take_over& what) {
  return writing([&] { return disk_.take(what, process_); });
}

result<void> process_store::give(st::incarnation_id self, st::range_id range,
                                 st::incarnation_id to) {
  return writing([&] { return disk_.below().give(self, range, to); });
}

result<void> process_store::leave(st::incarnation_id self) {
  return writing([&] { return disk_.leave(self); });
}

result<st::epoch_number> process_store::raise_epoch(st::slot_id slot, st::epoch_number seen) {
  auto v = ask(operation::write);
  if (v.what == verdict::kind::refused)
    return lost();
  return disk_.raise_epoch(slot, seen, v.what != verdict::kind::done);
}

result<std::optional<st::run_head>> process_store::current_run(const std::string& namespace_id,
                                                               machine_kind kind,
                                                               const std::string& workflow_id) {
  return reading([&] { return disk_.below().current_run(namespace_id, kind, workflow_id); });
}

result<std::optional<st::run_head>>
process_store::find_run(const std::string& namespace_id, machine_kind kind,
                        const std::string& workflow_id, const std::string& run_id) {
  return reading([&] { return disk_.below().find_run(namespace_id, kind, workflow_id, run_id); });
}

result<std::optional<st::snapshot>> process_store::load_snapshot(std::int64_t key) {
  return reading([&] { return disk_.load_snapshot(key); });
}

result<std::vector<st::journal_row>>
process_store::read_journal(std::int64_t key, std::uint64_t from_seq, std::size_t bytes_max) {
  return reading([&] { return disk_.read_journal(key, from_seq, bytes_max); });
}

result<std::vector<st::journal_row>>
process_store::read_events(std::int64_t key, std::int64_t from_event, std::size_t bytes_max) {
  return reading([&] { return disk_.below().read_events(key, from_event, bytes_max); });
}

result<std::vector<st::journal_row>>
process_store::read_events_reverse(std::int64_t key, std::int64_t to_event, std::size_t bytes_max) {
  return reading([&] { return disk_.below().read_events_reverse(key, to_event, bytes_max); });
}

result<std::vector<st::due_run>> process_store::due_timers(time_point until, time_point after_at,
                                                           std::int64_t after_key,
                                                           std::size_t limit) {
  return reading([&] { return disk_.below().due_timers(until, after_at, after_key, limit); });
}

result<std::optional<time_point>> process_store::next_timer(time_point after) {
  return reading([&] { return disk_.below().next_timer(after); });
}

result<std::vector<st::due_run>>
process_store::pending_offers(time_point after_at, std::int64_t after_key, std::size_t limit) {
  return reading([&] { return disk_.below().pending_offers(after_at, after_key, limit); });
}

result<std::size_t> process_store::copy_history(const st::history_copy& part) {
  return writing([&] { return disk_.below().copy_history(part); });
}

result<std::size_t> process_store::sweep_copies(time_point begun_before, std::size_t limit) {
  return writing([&] { return disk_.below().sweep_copies(begun_before, limit); });
}

result<std::optional<st::inbox_row>> process_store::read_inbox(st::slot_id slot,
                                                               const std::string& message_id) {
  return reading([&] { return disk_.read_inbox(slot, message_id); });
}

result<std::vector<st::inbox_row>>
process_store::unforgotten(st::range_id range, time_point taken_before,
                           const st::inbox_place& behind, std::size_t limit) {
  return reading([&] { return disk_.below().unforgotten(range, taken_before, behind, limit); });
}

result<std::size_t> process_store::sweep_inbox(st::range_id range, time_point forgotten_before,
                                               std::size_t limit) {
  return writing([&] { return disk_.below().sweep_inbox(range, forgotten_before, limit); });
}

result<std::vector<st::backlog_row>>
process_store::read_backlog(const st::queue_key& queue, int after_priority, std::int64_t after_seq,
                            std::size_t limit) {
  return reading(
    [&] { return disk_.below().read_backlog(queue, after_priority, after_seq, limit); });
}

result<std::int64_t> process_store::count_backlog(const st::queue_key& queue) {
  return reading([&] { return disk_.below().count_backlog(queue); });
}

result<std::vector<st::queue_key>> process_store::backlog_queues() {
  return reading([&] { return disk_.below().backlog_queues(); });
}

result<void> process_store::erase_backlog(const st::queue_key& queue,
                                          std::span<const std::pair<int, std::int64_t>> places) {
  return writing([&] { return disk_.below().erase_backlog(queue, places); });
}

result<std::vector<st::visibility_row>>
process_store::list(const std::string& namespace_id, machine_kind kind, const st::filter& query,
                    const std::optional<st::list_cursor>& behind, std::size_t limit) {
  return reading([&] { return disk_.below().list(namespace_id, kind, query, behind, limit); });
}

result<std::vector<st::visibility_row>>
process_store::list_sorted(const std::string& namespace_id, machine_kind kind,
                           const st::filter& query, std::span<const st::sort_key> order,
                           const std::optional<st::sorted_place>& behind, std::size_t limit) {
  return reading(
    [&] { return disk_.below().list_sorted(namespace_id, kind, query, order, behind, limit); });
}

result<time_point> process_store::latest_close(const std::string& namespace_id, machine_kind kind) {
  return reading([&] { return disk_.below().latest_close(namespace_id, kind); });
}

result<std::int64_t> process_store::count(const std::string& namespace_id, machine_kind kind,
                                          const st::filter& query) {
  return reading([&] { return disk_.below().count(namespace_id, kind, query); });
}

result<std::vector<st::group_count>>
process_store::count_by(const std::string& namespace_id, machine_kind kind, const st::filter& query,
                        const std::string& attribute, st::value_type type) {
  return reading(
    [&] { return disk_.below().count_by(namespace_id, kind, query, attribute, type); });
}

result<void> process_store::create_namespace(const st::namespace_row& row) {
  return writing([&] { return disk_.below().create_namespace(row); });
}

result<void> process_store::update_namespace(const st::namespace_row& row) {
  return writing([&] { return disk_.below().update_namespace(row); });
}

result<std::vector<st::namespace_row>> process_store::namespaces() {
  return reading([&] { return disk_.below().namespaces(); });
}

result<st::run_page> process_store::runs_of(const std::string& namespace_id,
                                            std::int64_t behind_key, std::size_t rows_max) {
  return reading([&] { return disk_.below().runs_of(namespace_id, behind_key, rows_max); });
}

result<void> process_store::erase_namespace(const std::string& id) {
  return writing([&] { return disk_.below().erase_namespace(id); });
}

result<std::string> process_store::cluster_fact(const std::string& name, const std::string& value) {
  return writing([&] { return disk_.below().cluster_fact(name, value); });
}

result<void> process_store::check() {
  return writing([&] { return disk_.below().check(); });
}

std::string process_store::kind() const {
  return disk_.below().kind();
}

} // namespace reprise::simulation
