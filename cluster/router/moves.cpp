// What becomes of the map when it changes, and of what was on its way.

#include "base/log.hpp"
#include "cluster/router/router.hpp"
#include "cluster/router/stand_ins.hpp"

#include <caf/send.hpp>

#include <bitset>
#include <utility>

namespace reprise::cluster {

void router::on_places(const places& now) {
  after_change(take_places(now));
}

router::ranges router::take_places(const places& now) {
  ranges changed;
  std::lock_guard lock{mutex_};
  if (stopped_)
    return changed;
  auto self_before = std::exchange(self_, now.self);
  remember_addresses(now);
  for (std::uint32_t r = 0; r < store::range_count; ++r) {
    auto before = std::exchange(owners_[r], now.owners[r]);
    if (before == now.owners[r])
      continue;
    auto range = static_cast<store::range_id>(r);
    changed.push_back(range);
    if (before != self_before)
      replace_stand_in(range, before);
    point(range);
  }
  call_members(now);
  return changed;
}

void router::on_held(const held_ranges& now) {
  ranges changed;
  {
    std::lock_guard lock{mutex_};
    if (stopped_)
      return;
    for (std::uint32_t r = 0; r < store::range_count; ++r) {
      if (ours_[r].exchange(now[r], std::memory_order_acq_rel) == now[r])
        continue;
      changed.push_back(static_cast<store::range_id>(r));
      point(changed.back());
    }
    take_returns();
  }
  after_change(changed);
}

/// Where its slots are found from now on.
void router::point(store::range_id range) {
  auto elsewhere = is_ours(range) ? slot_actor{} : stand_ins_[range];
  for (std::uint32_t i = 0; i < store::slots_a_range; ++i)
    shared_.routes.set_elsewhere(static_cast<store::slot_id>(store::first_slot(range) + i),
                                 elsewhere);
}

void router::after_change(const ranges& changed) {
  if (changed.empty())
    return;
  flush(changed);
  review_queues(changed);
  // What queues of others held in memory they do not hold any more.
  offer_again({});
}

void router::offer_again(const store::queue_key& queue) {
  if (const auto& timer = shared_.timer.get())
    caf::anon_send(timer, reoffer_atom_v, queue.namespace_id, queue.name);
}

void router::replace_stand_in(store::range_id range, std::uint64_t owner_before) {
  auto where = addresses_.find(owner_before);
  // Nothing could be sent there.
  if (where == addresses_.end())
    return;
  former_.push_back({.range = range, .addresses = {where->second}, .stand_in = stand_ins_[range]});
  if (former_.size() > options_.former_max)
    former_.pop_front();
  stand_ins_[range] = spawn_remote_slots(system_, *this, range);
}

/// Those that have no range any more and are no members are forgotten, when the map is the next
/// one.
void router::remember_addresses(const places& now) {
  auto known = std::exchange(addresses_, {});
  for (const auto& m : now.members)
    addresses_[m.incarnation] = m.address;
  for (auto owner : owners_)
    if (auto found = known.find(owner); found != known.end())
      addresses_.insert(*found);
}

void router::call_members(const places& now) {
  std::set<std::string> addresses;
  for (const auto& m : now.members)
    if (m.incarnation != now.self && !m.address.empty())
      addresses.insert(m.address);
  for (const auto& gone : reached_)
    if (auto at = link::parse_endpoint(gone);
        at && carrier_ != nullptr && !addresses.contains(gone))
      carrier_->give_up(*at);
  for (const auto& address : addresses) {
    auto at = link::parse_endpoint(address);
    if (!at)
      log(log_level::warn, "another node has the address " + address + ": " + at.error().message);
    else if (carrier_ != nullptr && !reached_.contains(address))
      carrier_->reach(*at);
  }
  reached_ = std::move(addresses);
}

void router::take_returns() {
  for (auto at = returns_.begin(); at != returns_.end();) {
    auto& [slot, task] = at->second;
    if (!is_ours(store::range_of(slot))) {
      ++at;
      continue;
    }
    caf::anon_send(shared_.slots[slot].get(), returned_atom_v, std::move(task));
    at = returns_.erase(at);
  }
}

void router::review_queues(const ranges& which) {
  std::bitset<store::range_count> moved;
  for (auto range : which)
    moved.set(range);
  queues_.review(
    [&moved](const store::queue_key& queue) { return moved[store::range_of(slot_of(queue))]; });
}

void router::lose(const std::vector<slot_actor>& stand_ins) {
  for (const auto& stand_in : stand_ins) {
    shared_.lost_slots.tell(stand_in);
    queues_.on_slot_lost(stand_in.id());
  }
}

void router::tell_all(const routed::Routed& what) {
  std::lock_guard lock{mutex_};
  for (auto node : out_.all_up())
    (void)out_.send(node, what);
}

void router::have_others_look() {
  routed::Routed out;
  out.set_look(true);
  tell_all(out);
}

void router::on_slot_lost(store::slot_id slot) {
  routed::Routed out;
  out.set_slot_lost(slot);
  tell_all(out);
}

void router::on_queue_lost(const store::queue_key& queue) {
  routed::Routed out;
  *out.mutable_queue_lost() = to_proto(queue);
  tell_all(out);
}

bool router::is_here(const store::queue_key& queue) const {
  return is_ours(store::range_of(slot_of(queue)));
}

queue_actor router::stand_in(const store::queue_key& queue) {
  return spawn_remote_queue(system_, *this, queue);
}

void router::retire(const store::queue_key& queue, const queue_actor& stand_in) {
  queues_.retire(queue, stand_in);
}

} // namespace reprise::cluster
