#include "store/group_check.hpp"

namespace reprise::store {

namespace {

template <class Map, class Key>
const typename Map::mapped_type* lookup(const Map& map, const Key& key) {
  auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

/// The last entry of a list that has few.
template <class List>
auto last_of(const List& list, std::int64_t key) -> decltype(&list.front().second) {
  for (auto entry = list.rbegin(); entry != list.rend(); ++entry)
    if (entry->first == key)
      return &entry->second;
  return nullptr;
}

template <class Map, class Members>
void merge_into(Map& all, Members& member) {
  for (auto& [key, value] : member)
    all.insert_or_assign(key, std::move(value));
  member.clear();
}

stored_run as_stored(const run_head& head) {
  return {.last_seq = head.last_seq, .timer_at = head.timer_at, .offer_at = head.offer_at};
}

} // namespace

std::size_t group_check::address_hash::operator()(const address_view& a) const noexcept {
  auto hash = std::hash<std::string_view>{};
  return (hash(a.namespace_id) * 31 + static_cast<std::size_t>(a.kind)) * 31 + hash(a.id);
}

const std::optional<stored_run>* group_check::written_run(std::int64_t key) const {
  auto found = last_of(member_runs_, key);
  return found != nullptr ? found : lookup(runs_, key);
}

std::optional<stored_run> group_check::find_run(std::int64_t key) {
  auto found = written_run(key);
  return found != nullptr ? *found : stored_.run(key);
}

std::optional<stored_current> group_check::find_current(const address_view& of) {
  if (auto found = lookup(member_currents_, of))
    return *found;
  if (auto found = lookup(currents_, of))
    return *found;
  return stored_.current(of.copy());
}

bool group_check::run_exists(std::int64_t key, const std::string& run_id) {
  auto by_key = written_run(key);
  if (by_key != nullptr ? by_key->has_value() : stored_.has_key(key))
    return true;
  auto by_id = lookup(member_run_ids_, run_id);
  if (by_id == nullptr)
    by_id = lookup(run_ids_, run_id);
  return by_id != nullptr ? *by_id : stored_.has_run_id(run_id);
}

commit_status group_check::admit(const transition& t) {
  merge_into(runs_, member_runs_);
  merge_into(currents_, member_currents_);
  merge_into(run_ids_, member_run_ids_);
  messages_.merge(member_messages_);
  if (auto why = lookup(refused_, t.incarnation))
    return *why;
  auto status = check(t);
  if (status != commit_status::committed)
    withdraw(t, status);
  return status;
}

void group_check::withdraw(const transition& t, commit_status why) {
  member_runs_.clear();
  member_currents_.clear();
  member_run_ids_.clear();
  member_messages_.clear();
  refuse(t, why);
}

void group_check::refuse(const transition& t, commit_status why) {
  if (t.incarnation != 0)
    refused_.emplace(t.incarnation, why);
}

commit_status group_check::check(const transition& t) {
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
  for (auto& message : t.inbox_adds)
    if (auto status = check_message(t.slot, message.message_id); status != commit_status::committed)
      return status;
  return commit_status::committed;
}

commit_status group_check::check_run(const run_write& w) {
  if (w.what == run_write::kind::create)
    return check_create(w);
  auto key = w.head.key;
  auto old = find_run(key);
  // A transition may write one run twice; what counts to the writer is the stored state.
  if (last_of(before_, key) == nullptr)
    before_.emplace_back(key, old);
  switch (w.what) {
    case run_write::kind::create:
      break;
    case run_write::kind::append:
      if (!old || old->last_seq + 1 < w.head.last_seq)
        return commit_status::predecessor_lost;
      if (old->last_seq + 1 != w.head.last_seq || w.row.seq != w.head.last_seq)
        return commit_status::conflict;
      break;
    case run_write::kind::touch:
      if (!old || old->last_seq < w.head.last_seq)
        return commit_status::predecessor_lost;
      if (old->last_seq != w.head.last_seq)
        return commit_status::conflict;
      break;
    case run_write::kind::erase:
      if (old)
        note_erase(w);
      return commit_status::committed;
  }
  member_runs_.emplace_back(key, as_stored(w.head));
  return commit_status::committed;
}

commit_status group_check::check_create(const run_write& w) {
  if (run_exists(w.head.key, w.head.run_id))
    return commit_status::already_exists;
  if (w.row.seq != w.head.last_seq)
    return commit_status::conflict;
  if (w.on_copy && !stored_.has_copy(w.head.key))
    return commit_status::conflict;
  member_runs_.emplace_back(w.head.key, as_stored(w.head));
  member_run_ids_.insert_or_assign(w.head.run_id, true);
  return commit_status::committed;
}

void group_check::note_erase(const run_write& w) {
  address_view of{w.head};
  auto current = find_current(of);
  if (current && current->key == w.head.key)
    member_currents_.insert_or_assign(of.copy(), std::nullopt);
  member_run_ids_.insert_or_assign(w.head.run_id, false);
  member_runs_.emplace_back(w.head.key, std::nullopt);
}

commit_status group_check::check_current(const current_change& change) {
  address_view of{change};
  auto now = find_current(of);
  auto run_id = now ? std::string_view{now->run_id} : std::string_view{};
  if (run_id != change.expected_run_id)
    return commit_status::already_exists;
  current_before_.try_emplace(of.copy(), std::move(now));
  member_currents_.insert_or_assign(of.copy(),
                                    stored_current{.run_id = change.run_id, .key = change.key});
  return commit_status::committed;
}

commit_status group_check::check_message(slot_id slot, const std::string& message_id) {
  message_place place{slot, message_id};
  auto is_taken = messages_.contains(place) || !member_messages_.insert(std::move(place)).second
                  || stored_.has_message(slot, message_id);
  return is_taken ? commit_status::message_taken : commit_status::committed;
}

const stored_run* group_check::before(std::int64_t key) const {
  auto found = last_of(before_, key);
  return found != nullptr && *found ? &**found : nullptr;
}

const stored_current* group_check::current_before(const current_change& change) const {
  auto found = lookup(current_before_, address_view{change});
  return found != nullptr && *found ? &**found : nullptr;
}

} // namespace reprise::store
