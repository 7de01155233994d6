#include "store/group_check.hpp"

namespace reprise::store {

namespace {

template <class Map, class Key>
const typename Map::mapped_type* lookup(const Map& map, const Key& key) {
  auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

template <class Map>
void merge_into(Map& all, Map& member) {
  for (auto& [key, value] : member)
    all.insert_or_assign(key, std::move(value));
  member.clear();
}

stored_run as_stored(const run_head& head) {
  return {.run_id = head.run_id,
          .last_seq = head.last_seq,
          .timer_at = head.timer_at,
          .offer_at = head.offer_at};
}

} // namespace

std::size_t group_check::workflow_hash::operator()(const workflow& w) const noexcept {
  auto hash = std::hash<std::string>{};
  return hash(w.first) * 31 + hash(w.second);
}

std::optional<stored_run> group_check::find_run(std::int64_t key) {
  if (auto found = lookup(member_runs_, key))
    return *found;
  if (auto found = lookup(runs_, key))
    return *found;
  return stored_.run(key);
}

std::optional<stored_current> group_check::find_current(const workflow& w) {
  if (auto found = lookup(member_currents_, w))
    return *found;
  if (auto found = lookup(currents_, w))
    return *found;
  return stored_.current(w.first, w.second);
}

bool group_check::run_id_exists(const std::string& run_id) {
  if (auto found = lookup(member_run_ids_, run_id))
    return *found;
  if (auto found = lookup(run_ids_, run_id))
    return *found;
  return stored_.run_id_exists(run_id);
}

commit_status group_check::admit(const transition& t) {
  member_runs_.clear();
  member_currents_.clear();
  member_run_ids_.clear();
  before_.clear();
  current_before_.clear();
  if (t.slot >= slot_count || stored_.epoch(t.slot) != t.epoch)
    return commit_status::stale_epoch;
  for (auto& w : t.runs)
    if (auto status = check_run(w); status != commit_status::committed)
      return status;
  for (auto& change : t.currents)
    if (auto status = check_current(change); status != commit_status::committed)
      return status;
  merge_into(runs_, member_runs_);
  merge_into(currents_, member_currents_);
  merge_into(run_ids_, member_run_ids_);
  return commit_status::committed;
}

commit_status group_check::check_run(const run_write& w) {
  auto key = w.head.key;
  auto old = find_run(key);
  // A transition may write one run twice; what counts to the writer is the stored state.
  before_.try_emplace(key, old);
  switch (w.what) {
    case run_write::kind::create:
      return check_create(w, old);
    case run_write::kind::append:
      if (!old || old->last_seq + 1 != w.head.last_seq || w.row.seq != w.head.last_seq)
        return commit_status::conflict;
      break;
    case run_write::kind::touch:
      if (!old || old->last_seq != w.head.last_seq)
        return commit_status::conflict;
      break;
    case run_write::kind::erase:
      if (old)
        note_erase(w);
      return commit_status::committed;
  }
  auto now = as_stored(w.head);
  now.run_id = old->run_id;
  member_runs_.insert_or_assign(key, std::move(now));
  return commit_status::committed;
}

commit_status group_check::check_create(const run_write& w, const std::optional<stored_run>& old) {
  if (old || run_id_exists(w.head.run_id))
    return commit_status::already_exists;
  if (w.row.seq != w.head.last_seq)
    return commit_status::conflict;
  member_runs_.insert_or_assign(w.head.key, as_stored(w.head));
  member_run_ids_.insert_or_assign(w.head.run_id, true);
  return commit_status::committed;
}

void group_check::note_erase(const run_write& w) {
  auto workflow_of = workflow{w.head.namespace_id, w.head.workflow_id};
  auto current = find_current(workflow_of);
  if (current && current->key == w.head.key)
    member_currents_.insert_or_assign(std::move(workflow_of), std::nullopt);
  auto old = find_run(w.head.key);
  member_run_ids_.insert_or_assign(old->run_id, false);
  member_runs_.insert_or_assign(w.head.key, std::nullopt);
}

commit_status group_check::check_current(const current_change& change) {
  auto workflow_of = workflow{change.namespace_id, change.workflow_id};
  auto now = find_current(workflow_of);
  auto run_id = now ? now->run_id : std::string{};
  if (run_id != change.expected_run_id)
    return commit_status::already_exists;
  current_before_.try_emplace(workflow_of, std::move(now));
  member_currents_.insert_or_assign(std::move(workflow_of),
                                    stored_current{.run_id = change.run_id, .key = change.key});
  return commit_status::committed;
}

const stored_run* group_check::before(std::int64_t key) const {
  auto found = lookup(before_, key);
  return found != nullptr && *found ? &**found : nullptr;
}

const stored_current* group_check::current_before(const current_change& change) const {
  auto found = lookup(current_before_, workflow{change.namespace_id, change.workflow_id});
  return found != nullptr && *found ? &**found : nullptr;
}

} // namespace reprise::store
