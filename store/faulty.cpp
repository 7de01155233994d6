#include "store/faulty.hpp"

#include <algorithm>

namespace reprise::store {

namespace {

error injected() {
  return make_error(errc::unavailable, "The store does not work now: an injected fault.");
}

std::vector<commit_status> all(std::size_t n, commit_status status) {
  return std::vector<commit_status>(n, status);
}

} // namespace

faulty_store::faulty_store(std::shared_ptr<store> below, fault_decider decide)
  : below_(std::move(below)), decide_(std::move(decide)) {
}

/// Lets late groups land whose time has come, and asks what shall become of this call.
fault::kind faulty_store::next_fault(operation what, std::span<const transition> group) {
  std::lock_guard guard{mutex_};
  for (auto& late : late_)
    if (--late.calls_left <= 0)
      below_->commit(late.members);
  std::erase_if(late_, [](auto& late) { return late.calls_left <= 0; });
  auto next = decide_(what);
  if (next.what == fault::kind::late && what == operation::commit)
    late_.push_back(
      {.members = {group.begin(), group.end()}, .calls_left = std::max(1, next.late_calls)});
  return next.what;
}

void faulty_store::land_late() {
  std::lock_guard guard{mutex_};
  for (auto& late : late_)
    below_->commit(late.members);
  late_.clear();
}

std::vector<commit_status> faulty_store::commit(std::span<const transition> group) {
  switch (next_fault(operation::commit, group)) {
    case fault::kind::none:
      return below_->commit(group);
    case fault::kind::before:
      return all(group.size(), commit_status::unavailable);
    case fault::kind::late:
      return all(group.size(), commit_status::unknown);
    case fault::kind::forgotten:
      return all(group.size(), commit_status::committed);
    case fault::kind::deposed:
      return all(group.size(), commit_status::stale_epoch);
    case fault::kind::after:
      break;
  }
  auto answers = below_->commit(group);
  std::ranges::replace(answers, commit_status::committed, commit_status::unknown);
  return answers;
}

template <class F>
auto faulty_store::reading(F f) -> decltype(f()) {
  if (next_fault(operation::read) != fault::kind::none)
    return injected();
  return f();
}

template <class F>
auto faulty_store::writing(F f) -> decltype(f()) {
  auto what = next_fault(operation::write);
  if (what == fault::kind::before)
    return injected();
  if (what == fault::kind::deposed)
    return make_error(errc::failed_precondition, "as the test wants it");
  auto answer = f();
  if (what != fault::kind::none)
    return injected();
  return answer;
}

std::string faulty_store::kind() const {
  return below_->kind();
}

result<void> faulty_store::join(const member& self, incarnation_id before) {
  return writing([&] { return below_->join(self, before); });
}

result<membership> faulty_store::renew(incarnation_id self, bool is_draining) {
  return writing([&] { return below_->renew(self, is_draining); });
}

result<taken_ranges> faulty_store::take(const take_over& what) {
  return writing([&] { return below_->take(what); });
}

result<void> faulty_store::give(incarnation_id self, range_id range, incarnation_id to) {
  return writing([&] { return below_->give(self, range, to); });
}

result<void> faulty_store::leave(incarnation_id self) {
  return writing([&] { return below_->leave(self); });
}

result<epoch_number> faulty_store::raise_epoch(slot_id slot, epoch_number seen) {
  auto what = next_fault(operation::write);
  if (what == fault::kind::before)
    return injected();
  if (what == fault::kind::deposed)
    return make_error(errc::failed_precondition, "as the test wants it");
  auto answer = below_->raise_epoch(slot, seen);
  std::lock_guard guard{mutex_};
  if (answer && what != fault::kind::none) {
    doubtful_raises_.insert_or_assign(slot, seen);
    return injected();
  }
  // The contract: a call that was answered `unavailable` can be repeated, happened or not.
  auto doubtful = doubtful_raises_.find(slot);
  if (!answer && doubtful != doubtful_raises_.end() && doubtful->second == seen)
    return seen + 1;
  return answer;
}

result<std::optional<run_head>> faulty_store::current_run(const std::string& namespace_id,
                                                          machine_kind kind,
                                                          const std::string& workflow_id) {
  return reading([&] { return below_->current_run(namespace_id, kind, workflow_id); });
}

result<std::optional<run_head>>
faulty_store::find_run(const std::string& namespace_id, machine_kind kind,
                       const std::string& workflow_id, const std::string& run_id) {
  return reading([&] { return below_->find_run(namespace_id, kind, workflow_id, run_id); });
}

result<std::optional<snapshot>> faulty_store::load_snapshot(std::int64_t key) {
  return reading([&] { return below_->load_snapshot(key); });
}

result<std::vector<journal_row>>
faulty_store::read_journal(std::int64_t key, std::uint64_t from_seq, std::size_t bytes_max) {
  return reading([&] { return below_->read_journal(key, from_seq, bytes_max); });
}

result<std::vector<journal_row>>
faulty_store::read_events(std::int64_t key, std::int64_t from_event, std::size_t bytes_max) {
  return reading([&] { return below_->read_events(key, from_event, bytes_max); });
}

result<std::vector<journal_row>>
faulty_store::read_events_reverse(std::int64_t key, std::int64_t to_event, std::size_t bytes_max) {
  return reading([&] { return below_->read_events_reverse(key, to_event, bytes_max); });
}

result<std::vector<due_run>> faulty_store::due_timers(time_point until, time_point after_at,
                                                      std::int64_t after_key, std::size_t limit) {
  return reading([&] { return below_->due_timers(until, after_at, after_key, limit); });
}

result<std::optional<time_point>> faulty_store::next_timer(time_point after) {
  return reading([&] { return below_->next_timer(after); });
}

result<std::vector<due_run>>
faulty_store::pending_offers(time_point after_at, std::int64_t after_key, std::size_t limit) {
  return reading([&] { return below_->pending_offers(after_at, after_key, limit); });
}

result<std::optional<inbox_row>> faulty_store::read_inbox(slot_id slot,
                                                          const std::string& message_id) {
  return reading([&] { return below_->read_inbox(slot, message_id); });
}

result<std::vector<inbox_row>> faulty_store::unforgotten(range_id range, time_point taken_before,
                                                         const inbox_place& behind,
                                                         std::size_t limit) {
  return reading([&] { return below_->unforgotten(range, taken_before, behind, limit); });
}

result<std::size_t> faulty_store::copy_history(const history_copy& part) {
  return writing([&] { return below_->copy_history(part); });
}

result<std::size_t> faulty_store::sweep_copies(time_point begun_before, std::size_t limit) {
  return writing([&] { return below_->sweep_copies(begun_before, limit); });
}

result<std::size_t> faulty_store::sweep_inbox(range_id range, time_point forgotten_before,
                                              std::size_t limit) {
  return writing([&] { return below_->sweep_inbox(range, forgotten_before, limit); });
}

result<std::vector<backlog_row>>
faulty_store::read_backlog(const queue_key& queue, int after_priority, std::int64_t after_seq,
                           std::size_t limit) {
  return reading([&] { return below_->read_backlog(queue, after_priority, after_seq, limit); });
}

result<std::int64_t> faulty_store::count_backlog(const queue_key& queue) {
  return reading([&] { return below_->count_backlog(queue); });
}

result<std::vector<queue_key>> faulty_store::backlog_queues() {
  return reading([&] { return below_->backlog_queues(); });
}

result<void> faulty_store::erase_backlog(const queue_key& queue,
                                         std::span<const std::pair<int, std::int64_t>> places) {
  return writing([&] { return below_->erase_backlog(queue, places); });
}

result<std::vector<visibility_row>>
faulty_store::list(const std::string& namespace_id, machine_kind kind, const filter& query,
                   const std::optional<list_cursor>& behind, std::size_t limit) {
  return reading([&] { return below_->list(namespace_id, kind, query, behind, limit); });
}

result<std::vector<visibility_row>>
faulty_store::list_sorted(const std::string& namespace_id, machine_kind kind, const filter& query,
                          std::span<const sort_key> order,
                          const std::optional<sorted_place>& behind, std::size_t limit) {
  return reading(
    [&] { return below_->list_sorted(namespace_id, kind, query, order, behind, limit); });
}

result<time_point> faulty_store::latest_close(const std::string& namespace_id, machine_kind kind) {
  return reading([&] { return below_->latest_close(namespace_id, kind); });
}

result<std::int64_t> faulty_store::count(const std::string& namespace_id, machine_kind kind,
                                         const filter& query) {
  return reading([&] { return below_->count(namespace_id, kind, query); });
}

result<std::vector<group_count>>
faulty_store::count_by(const std::string& namespace_id, machine_kind kind, const filter& query,
                       const std::string& attribute, value_type type) {
  return reading([&] { return below_->count_by(namespace_id, kind, query, attribute, type); });
}

result<void> faulty_store::create_namespace(const namespace_row& row) {
  return writing([&] { return below_->create_namespace(row); });
}

result<void> faulty_store::update_namespace(const namespace_row& row) {
  return writing([&] { return below_->update_namespace(row); });
}

result<std::vector<namespace_row>> faulty_store::namespaces() {
  return reading([&] { return below_->namespaces(); });
}

result<run_page> faulty_store::runs_of(const std::string& namespace_id, std::int64_t behind_key,
                                       std::size_t rows_max) {
  return reading([&] { return below_->runs_of(namespace_id, behind_key, rows_max); });
}

result<void> faulty_store::erase_namespace(const std::string& id) {
  return writing([&] { return below_->erase_namespace(id); });
}

result<std::string> faulty_store::cluster_fact(const std::string& name, const std::string& value) {
  return writing([&] { return below_->cluster_fact(name, value); });
}

result<void> faulty_store::check() {
  return writing([&] { return below_->check(); });
}

// -- faults from a seed -------------------------------------------------------------------------

fault_decider seeded_faults(std::uint64_t seed, const fault_rates& rates) {
  // xorshift must not begin at zero.
  auto state = std::make_shared<std::uint64_t>(seed * 0x9e3779b97f4a7c15ULL | 1);
  return [state, rates](operation what) -> fault {
    auto below = [&](int n) {
      auto& x = *state;
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
      return static_cast<int>((x >> 33) % static_cast<std::uint64_t>(std::max(1, n)));
    };
    auto dice = below(1000);
    if (what == operation::read)
      return {.what = dice < rates.failed_reads ? fault::kind::before : fault::kind::none};
    if (dice < rates.before)
      return {.what = fault::kind::before};
    if (dice < rates.before + rates.after)
      return {.what = fault::kind::after};
    if (what == operation::commit && dice < rates.before + rates.after + rates.late)
      return {.what = fault::kind::late, .late_calls = 1 + below(rates.late_calls_max)};
    return {};
  };
}

} // namespace reprise::store
