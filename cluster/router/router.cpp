#include "cluster/router/router.hpp"

#include "base/log.hpp"
#include "cluster/router/stand_ins.hpp"
#include "protocol/parse_stored.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace reprise::cluster {

namespace {

/// How often it is looked whether something waited for too long.
constexpr auto tick = std::chrono::milliseconds{10};

constexpr std::uint32_t first_kind = routed::Routed::kCallFieldNumber;
constexpr std::uint32_t last_kind = routed::Routed::kLookFieldNumber;
// The first sixteen are the link's own.
static_assert(first_kind >= 16);

} // namespace

router::router(caf::actor_system& system, actors::services& shared, actors::queue_directory& queues,
               metrics& m, router_options options)
  : system_(system),
    shared_(shared),
    queues_(queues),
    options_(options),
    sent_(m.counter("reprise_routed_total", "Messages between actors of different nodes.",
                    {{"direction", "sent"}})),
    received_(m.counter("reprise_routed_total", "Messages between actors of different nodes.",
                        {{"direction", "received"}})),
    bounced_(m.counter("reprise_routed_bounced_total",
                       "Messages that came to a node that did not have what they were for.")),
    failed_(m.counter("reprise_routed_failed_total",
                      "Messages to slots and queues that no node could be found for.")),
    known_(std::make_shared<known_actors>(
      system, options.mine,
      [this](link::incarnation to, const routed::Routed& what) { return to_node(to, what); })),
    out_(options.link_bytes_max) {
  for (std::uint32_t range = 0; range < store::range_count; ++range)
    stand_ins_.push_back(spawn_remote_slots(system, *this, static_cast<store::range_id>(range)));
  auto ticks = [this](caf::event_based_actor*) -> caf::behavior {
    return {[this](tick_atom) { on_tick(); }};
  };
  ticker_ = system.spawn(ticks);
  for (std::uint32_t slot = 0; slot < store::slot_count; ++slot) {
    auto id = static_cast<store::slot_id>(slot);
    shared_.routes.set_elsewhere(id, stand_ins_[store::range_of(id)]);
  }
}

router::~router() = default;

void router::use(link::carrier* by) {
  std::lock_guard lock{mutex_};
  carrier_ = by;
  out_.use(by);
  for (const auto& address : reached_)
    if (auto at = link::parse_endpoint(address); at && by != nullptr)
      by->reach(*at);
}

void router::stop(const std::function<void()>& run_all) {
  {
    std::lock_guard lock{mutex_};
    stopped_ = true;
    carrier_ = nullptr;
    out_.use(nullptr);
    waiting_.clear();
    later_.clear();
  }
  auto all = known_->stop();
  std::map<std::uint64_t, returning> returns;
  {
    std::lock_guard lock{mutex_};
    for (const auto& s : std::exchange(stand_ins_, {}))
      all.push_back(caf::actor_cast<caf::actor>(s));
    for (const auto& f : std::exchange(former_, {}))
      all.push_back(caf::actor_cast<caf::actor>(f.stand_in));
    all.push_back(std::exchange(ticker_, nullptr));
    returns.swap(returns_);
  }
  for (const auto& a : all)
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  if (run_all)
    return run_all();
  caf::scoped_actor self{system_};
  self->wait_for(all);
}

// -- sending -------------------------------------------------------------------------------------

bool router::to_node(link::incarnation node, const routed::Routed& what) {
  std::lock_guard lock{mutex_};
  if (out_.send(node, what) != outbound::result::taken)
    return false;
  sent_.add();
  return true;
}

void router::to_slot(routed::Routed&& what) {
  auto became = fate::gone;
  {
    std::lock_guard lock{mutex_};
    if (!stopped_)
      became = try_to_send(what);
  }
  if (became == fate::is_here)
    deliver_here(std::move(what));
  else if (became == fate::failed)
    fail(what);
}

link::incarnation router::connected(std::uint64_t owner) const {
  auto where = addresses_.find(owner);
  // One that is this node's, and is not served yet, or not any more, is nobody's for now.
  if (owner == 0 || owner == self_ || where == addresses_.end())
    return 0;
  auto who = connected_.find(where->second);
  return who == connected_.end() ? 0 : who->second;
}

router::ranges router::ranges_at(const std::string& address) const {
  auto is_there = [&](std::uint64_t owner) {
    auto found = addresses_.find(owner);
    return found != addresses_.end() && found->second == address;
  };
  ranges out;
  for (std::uint32_t r = 0; r < store::range_count; ++r)
    if (is_there(owners_[r]))
      out.push_back(static_cast<store::range_id>(r));
  return out;
}

router::fate router::try_to_send(routed::Routed& what) {
  auto range = store::range_of(static_cast<store::slot_id>(what.slot()));
  if (is_ours(range))
    return fate::is_here;
  auto owner = connected(owners_[range]);
  // Behind what waits already.
  auto waits = waiting_.find(range);
  if (owner == 0 || (waits != waiting_.end() && !waits->second.empty()))
    return wait(what);
  switch (out_.send(owner, what)) {
    case outbound::result::taken:
      sent_.add();
      return fate::gone;
    case outbound::result::down:
      return wait(what);
    case outbound::result::refused:
      break;
  }
  return fate::failed;
}

void router::note_resent(store::range_id range) {
  auto where = addresses_.find(owners_[range]);
  if (where == addresses_.end())
    return;
  for (auto& f : former_)
    if (f.range == range)
      f.addresses.insert(where->second);
}

bool router::is_idle() {
  std::lock_guard lock{mutex_};
  return returns_.empty() && waiting_.empty() && later_.empty() && known_->is_idle();
}

router::fate router::wait(routed::Routed& what) {
  // It is sent again when its range can be had.
  if (what.has_return_task())
    return fate::gone;
  // A queue hands out anew.
  if (what.has_call() && what.call().has_queue())
    return fate::failed;
  auto bytes = what.ByteSizeLong();
  if (waiting_bytes_ + bytes > options_.waiting_bytes_max)
    return fate::failed;
  waiting_bytes_ += bytes;
  auto range = store::range_of(static_cast<store::slot_id>(what.slot()));
  waiting_[range].push_back({.what = std::move(what),
                             .bytes = bytes,
                             .until = shared_.time.boot_time() + options_.wait_max});
  arm();
  return fate::gone;
}

void router::flush(const ranges& which) {
  std::vector<routed::Routed> here;
  std::vector<routed::Routed> failed;
  {
    std::lock_guard lock{mutex_};
    for (auto range : which) {
      auto found = waiting_.extract(range);
      if (found.empty())
        continue;
      note_resent(range);
      for (auto& w : found.mapped()) {
        waiting_bytes_ -= w.bytes;
        auto became = try_to_send(w.what);
        if (became == fate::is_here)
          here.push_back(std::move(w.what));
        else if (became == fate::failed)
          failed.push_back(std::move(w.what));
      }
    }
    send_returns(which);
  }
  for (auto& what : here)
    deliver_here(std::move(what));
  for (auto& what : failed)
    fail(what);
}

void router::arm() {
  if (armed_ || !ticker_)
    return;
  armed_ = true;
  caf::delayed_anon_send(ticker_, tick, tick_atom_v);
}

void router::on_tick() {
  std::vector<routed::Routed> again;
  std::vector<routed::Routed> failed;
  {
    std::lock_guard lock{mutex_};
    armed_ = false;
    auto now = shared_.time.boot_time();
    while (!later_.empty() && later_.begin()->first <= now)
      again.push_back(std::move(later_.extract(later_.begin()).mapped()));
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      auto& queue = at->second;
      for (; !queue.empty() && queue.front().until <= now; queue.pop_front()) {
        waiting_bytes_ -= queue.front().bytes;
        failed.push_back(std::move(queue.front().what));
      }
      at = queue.empty() ? waiting_.erase(at) : std::next(at);
    }
    if (!waiting_.empty() || !later_.empty())
      arm();
  }
  for (auto& what : again) {
    {
      std::lock_guard lock{mutex_};
      note_resent(store::range_of(static_cast<store::slot_id>(what.slot())));
    }
    to_slot(std::move(what));
  }
  for (auto& what : failed)
    fail(what);
}

// -- tasks on their way back ---------------------------------------------------------------------

void router::give_back(store::slot_id slot, actors::returned_task_ptr task) {
  std::unique_lock lock{mutex_};
  if (stopped_)
    return;
  // As what is served here changes under the lock, too, none is left between the two.
  if (is_ours(store::range_of(slot))) {
    lock.unlock();
    return caf::anon_send(shared_.slots[slot].get(), returned_atom_v, std::move(task));
  }
  auto ticket = ++last_return_;
  returns_.emplace(ticket, returning{.slot = slot, .task = std::move(task)});
  send_returns({store::range_of(slot)}, ticket);
}

void router::send_returns(const ranges& which, std::uint64_t since) {
  for (auto at = returns_.lower_bound(since); at != returns_.end(); ++at) {
    const auto& [slot, task] = at->second;
    if (std::ranges::find(which, store::range_of(slot)) == which.end())
      continue;
    routed::Routed out;
    out.set_slot(slot);
    out.mutable_return_task()->set_ticket(at->first);
    *out.mutable_return_task()->mutable_request() = task->task().request;
    (void)try_to_send(out);
  }
}

// -- of the link ---------------------------------------------------------------------------------

bool router::is_up(link::incarnation who) {
  std::lock_guard lock{mutex_};
  return out_.is_up(who);
}

bool router::knows(std::uint32_t kind) const {
  return kind >= first_kind && kind <= last_kind
         && routed::Routed::descriptor()->FindFieldByNumber(static_cast<int>(kind)) != nullptr;
}

void router::on_up(const link::peer& who) {
  if (who.role != link::NODE)
    return;
  ranges its;
  {
    std::lock_guard lock{mutex_};
    if (stopped_)
      return;
    out_.on_up(who.life);
    connected_[who.address] = who.life;
    its = ranges_at(who.address);
  }
  flush(its);
  // Offers that were on their way when the last connection was lost are lost with it.
  offer_again({});
}

void router::on_down(const link::peer& who, const std::string&) {
  ranges its;
  std::vector<slot_actor> lost;
  {
    std::lock_guard lock{mutex_};
    out_.on_down(who.life);
    if (auto found = connected_.find(who.address);
        found != connected_.end() && found->second == who.life)
      connected_.erase(found);
    its = ranges_at(who.address);
    for (auto range : its)
      if (!stopped_)
        lost.push_back(stand_ins_[range]);
    for (auto& f : former_)
      if (f.addresses.contains(who.address))
        lost.push_back(f.stand_in);
    std::erase_if(former_, [&](const former& f) { return f.addresses.contains(who.address); });
  }
  known_->forget(who.life);
  lose(lost);
  review_queues(its);
}

void router::on_room(link::incarnation who, link::lane on) {
  std::lock_guard lock{mutex_};
  out_.on_room(who, on);
}

void router::on_envelope(link::received what) {
  routed::Routed message;
  if (!protocol::parse_stored(message, what.what.content())
      || envelope_kind(message) != what.what.kind()) {
    log(log_level::warn, "another node sent what is no message");
    return;
  }
  // Others than nodes have nothing to say to actors.
  if (!is_up(what.from))
    return;
  received_.add();
  deliver(what.from, std::move(message));
}

} // namespace reprise::cluster
