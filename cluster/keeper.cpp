// How a server keeps its right to serve.
//
// Three things are under way beside each other, each on a reader's thread and at most once: a
// renewal (which begins with joining, where that has to be), a take-over, and a gift. What they
// found comes back as a message. A renewal that was asked for before a take-over or a gift ended
// may have read owners of before: `changes_` tells.
#include "cluster/keeper.hpp"

#include "base/ids.hpp"
#include "base/log.hpp"
#include "cluster/lease_watch.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reprise::cluster {

namespace {

using actors::lane;
using store::incarnation_id;
using store::range_set;

constexpr duration retry_embedded = std::chrono::seconds{1};
constexpr duration raise_again = std::chrono::milliseconds{200};
/// Renewals within one lease.
constexpr int renewals_a_lease = 6;
constexpr duration pause_min = std::chrono::milliseconds{10};
constexpr int joins_in_vain_max = 8;

/// What slots decided before they were given up lies with the writer by then.
constexpr duration gift_settles = std::chrono::milliseconds{50};
constexpr duration gift_looks_again = std::chrono::milliseconds{10};
constexpr int gift_looks_max = 100;

/// How far this machine's wall clock may be off the store's: timers of runs that move would fire
/// too early, or late.
constexpr duration off_takes_nothing = std::chrono::seconds{1};
constexpr duration off_gives_up = std::chrono::seconds{5};

/// The machine's wall clock as it is set.
time_point wall(const clock& time) {
  return time.now() - time.ahead();
}

/// How far the wall clock is ahead of the one that counts through suspends: between the two, since
/// whoever reads both may be held up in between.
struct clock_gap {
  duration least{};
  duration most{};

  static clock_gap of(const clock& time) {
    auto before = time.boot_time();
    auto wall_now = wall(time).time_since_epoch();
    return {.least = wall_now - time.boot_time(), .most = wall_now - before};
  }

  /// At least so much.
  duration moved_since(const clock_gap& then) const {
    return std::max({duration{0}, least - then.most, then.least - most});
  }
};

// What readers found out for the keeper; read by it when the message is there.

struct renewal {
  store::member self{};
  incarnation_id before = 0;
  bool joins = false;
  bool is_draining = false;
  std::uint64_t changes = 0;
  // Found out:
  store::membership seen{};
  std::string failure{};
  std::chrono::nanoseconds asked{};
  std::chrono::nanoseconds answered{};
  time_point wall_asked{};
  time_point wall_answered{};
  clock_gap gap{};
  bool has_joined = false;
  /// Somebody had that incarnation.
  bool is_used = false;
  /// It is no member any more, or may not write.
  bool is_deposed = false;
};

struct take_over {
  store::take_over what{};
  bool loads_registry = false;
  // Found out:
  store::taken_ranges taken{};
  std::string failure{};
};

struct gift {
  incarnation_id self = 0;
  range_set ranges{};
  std::array<incarnation_id, store::range_count> to{};
  int looks = 0;
  std::uint64_t written_up_to = 0;
  std::string failure{};
};

/// Which version of the registry is in memory; written by whoever loads it.
struct registry_copy {
  std::atomic<std::uint64_t> version{0};
  std::atomic<bool> is_loading{false};
};

void try_to_renew(actors::services& shared, renewal& x) {
  if (x.joins) {
    if (auto joined = shared.db.join(x.self, x.before); !joined) {
      x.is_used = joined.error().code == errc::failed_precondition;
      x.failure = joined.error().message;
      return;
    }
    x.has_joined = true;
  }
  x.asked = shared.time.boot_time();
  x.wall_asked = wall(shared.time);
  auto seen = shared.db.renew(x.self.incarnation, x.is_draining);
  x.answered = shared.time.boot_time();
  x.wall_answered = wall(shared.time);
  x.gap = clock_gap::of(shared.time);
  x.is_deposed = !seen && seen.error().code == errc::failed_precondition;
  if (seen)
    x.seen = std::move(*seen);
  else
    x.failure = seen.error().message;
}

void try_to_take(actors::services& shared, take_over& x) {
  if (x.loads_registry)
    if (auto loaded = shared.namespaces.load(); !loaded) {
      x.failure = loaded.error().message;
      return;
    }
  auto taken = shared.db.take(x.what);
  if (taken)
    x.taken = std::move(*taken);
  else
    x.failure = taken.error().message;
}

void try_to_give(actors::services& shared, gift& x) {
  for (std::size_t r = 0; r < store::range_count; ++r)
    if (x.ranges[r])
      if (auto given = shared.db.give(x.self, static_cast<store::range_id>(r), x.to[r]); !given)
        x.failure = given.error().message;
}

/// The keeper waits for an answer, whatever was thrown; there may be no memory for its text.
template <class Work>
void guarded(std::string& failure, Work work) {
  try {
    work();
  } catch (...) {
    log_thrown(log_level::error, "the store could not be asked for the lease");
    failure.assign("it threw");
  }
}

bool tells_the_same(const store::membership& a, const store::membership& b) {
  return a.owners == b.owners && a.registry_version == b.registry_version
         && std::ranges::equal(a.members, b.members, [](const auto& m, const auto& n) {
              return m.who == n.who && m.is_draining == n.is_draining;
            });
}

class keeper final : public keeper_actor::base {
public:
  keeper(caf::actor_config& config, actors::services& shared, keeper_options options)
    : keeper_actor::base(config),
      shared_(shared),
      options_(std::move(options)),
      self_(options_.self),
      ids_(options_.seed) {
    self_.lease_length = options_.lease_length;
  }

  behavior_type make_behavior() override {
    send(this, tick_atom_v, ticket_);
    ticking_ = true;
    return {
      [this](lost_atom) {
        if (held_.any())
          lose("the store is not as this server left it");
      },
      [this](result_atom, bool renewed) { on_renewed(renewed); },
      [this](taken_atom, bool taken) { on_taken(taken); },
      [this](finish_atom, bool given) { on_given(given); },
      [this](flush_atom) { on_flushed(); },
      [this](tick_atom, std::uint64_t ticket) {
        if (ticket == ticket_)
          on_tick();
      },
      [this](clock_atom) { tick_now(); },
      [this](renew_atom) { tell_timer(); },
      [this](renew_atom, std::uint64_t slot) { renew_slot(static_cast<store::slot_id>(slot)); },
      [this](epoch_atom, std::uint64_t slot, std::uint64_t epoch) {
        on_slot_renewed(static_cast<store::slot_id>(slot), epoch);
      },
      [this](stop_atom) { on_stop(); },
    };
  }

private:
  bool leased() const noexcept {
    return options_.lease_length > duration{0};
  }

  /// It may share ranges with others, and move them.
  bool shares() const noexcept {
    return leased() && !self_.link_address.empty();
  }

  // -- renewals -----------------------------------------------------------------------------------

  void on_tick() {
    ticking_ = false;
    if (stopped_ || renewal_)
      return;
    if (held_.any() && !shared_.own_lease.valid())
      lose("the lease ran out");
    renewal_ = std::make_shared<renewal>();
    renewal_->joins = incarnation_ == 0;
    if (renewal_->joins)
      self_.incarnation = next_incarnation();
    renewal_->self = self_;
    renewal_->before = before_;
    renewal_->is_draining = takes_nothing_ || leaving_;
    renewal_->changes = changes_;
    auto job = [&shared = shared_, me = keeper_actor{this}, x = renewal_] {
      guarded(x->failure, [&] { try_to_renew(shared, *x); });
      caf::anon_send(me, result_atom_v, x->failure.empty());
    };
    if (shared_.readers.post(lane::lease, std::move(job)))
      return;
    renewal_->failure = "this node ends";
    on_renewed(false);
  }

  incarnation_id next_incarnation() {
    auto first = std::exchange(options_.self.incarnation, 0);
    return first != 0 ? first : static_cast<incarnation_id>(ids_.random() >> 1) | 1;
  }

  void on_renewed(bool renewed) {
    auto found = std::exchange(renewal_, nullptr);
    if (stopped_)
      return;
    if (found->has_joined) {
      incarnation_ = found->self.incarnation;
      before_ = 0;
      joins_in_vain_ = 0;
      if (options_.on_joined)
        options_.on_joined(incarnation_);
    }
    if (!renewed)
      return on_not_renewed(*found);
    // It ended while it was renewed: another server may have had it, and written, in between.
    if (held_.any() && !shared_.own_lease.valid())
      lose("the lease ran out while it was renewed");
    watch_.see(found->seen, incarnation_, found->asked, found->answered);
    seen_ = std::move(found->seen);
    // A little less than others grant, for clocks that run at different rates.
    renewed_until_ = found->asked + options_.lease_length * 9 / 10;
    look_at_clocks(*found);
    if (found->changes == changes_)
      lose_what_is_not_ours();
    if (taken_)
      serve(*std::exchange(taken_, nullptr));
    else if (held_.any())
      grant();
    follow_registry();
    tell_membership();
    take_or_give();
    end_leaving();
    tick_later();
  }

  void on_not_renewed(const renewal& x) {
    // The next one may be free.
    if (x.is_used && ++joins_in_vain_ < joins_in_vain_max)
      return tick_now();
    if (x.is_deposed) {
      before_ = std::exchange(incarnation_, 0);
      taken_ = nullptr;
    }
    if (held_.none())
      say_waiting("the store is not ready: " + x.failure);
    else if (x.is_deposed)
      lose(x.failure);
    else
      log(log_level::warn, "the lease could not be renewed: " + x.failure);
    tick_later();
  }

  bool is_fresh() const {
    return !leased() || shared_.time.boot_time() < renewed_until_;
  }

  void grant() {
    if (leased())
      shared_.own_lease.grant(renewed_until_);
    else
      shared_.own_lease.grant_forever();
  }

  /// A wall clock that was set, or a machine that stood still in a way that its other clock did not
  /// count: nobody knows how much of the lease is left. And deadlines go by the wall clock.
  void look_at_clocks(const renewal& x) {
    if (!leased())
      return;
    auto moved = x.gap.moved_since(std::exchange(gap_, x.gap));
    if (held_.any() && moved > options_.lease_length / 10)
      lose("the wall clock was set, or the machine stood still");
    if (!shares() || !seen_.read_at)
      return;
    auto off
      = std::max({duration{0}, x.wall_asked - *seen_.read_at, *seen_.read_at - x.wall_answered});
    takes_nothing_ = off > off_takes_nothing;
    if (held_.any() && off > off_gives_up)
      lose("the wall clock is off the database's by more than five seconds");
  }

  void lose_what_is_not_ours() {
    range_set lost;
    for (std::size_t r = 0; r < store::range_count; ++r)
      if (held_[r] && seen_.owners[r] != incarnation_)
        lost.set(r);
    if (lost.none())
      return;
    log(log_level::warn, std::to_string(lost.count()) + " ranges are another server's");
    stop_serving(lost);
  }

  /// Namespaces of others.
  void follow_registry() {
    if (held_.none() || seen_.registry_version == registry_->version.load()
        || registry_->is_loading.exchange(true))
      return;
    auto job = [&shared = shared_, copy = registry_, version = seen_.registry_version] {
      std::string failure;
      guarded(failure, [&] {
        if (shared.namespaces.load())
          copy->version.store(version);
      });
      copy->is_loading.store(false);
    };
    if (!shared_.readers.post(lane::points, std::move(job)))
      registry_->is_loading.store(false);
  }

  void tell_membership() {
    if (!options_.on_membership || (has_told_ && tells_the_same(seen_, told_)))
      return;
    has_told_ = true;
    told_ = seen_;
    options_.on_membership(told_);
  }

  // -- ranges that come ---------------------------------------------------------------------------

  std::vector<store::still_number> dead() const {
    if (leased())
      return watch_.dead();
    // Nobody but this process can open the store.
    std::vector<store::still_number> others;
    for (const auto& m : seen_.members)
      if (m.who.incarnation != incarnation_)
        others.push_back({.incarnation = m.who.incarnation, .renewals = m.renewals});
    return others;
  }

  void take_or_give() {
    if (take_over_ || taken_ || gift_)
      return;
    auto dead = this->dead();
    std::erase_if(seen_.members, [&](const auto& m) {
      return std::ranges::find(dead, m.who.incarnation, &store::still_number::incarnation)
             != dead.end();
    });
    auto wanted = store::ranges_to_take(seen_, incarnation_, held_);
    if (!dead.empty() || wanted.any())
      return take(std::move(dead));
    if (held_.none())
      say_waiting("standby: another server holds the lease");
    if (shares())
      give_some();
  }

  void take(std::vector<store::still_number> dead) {
    take_over_ = std::make_shared<take_over>();
    take_over_->what = {.self = incarnation_, .dead = std::move(dead), .held = held_};
    take_over_->loads_registry = held_.none();
    taken_version_ = seen_.registry_version;
    auto job = [&shared = shared_, me = keeper_actor{this}, x = take_over_] {
      guarded(x->failure, [&] { try_to_take(shared, *x); });
      caf::anon_send(me, taken_atom_v, x->failure.empty());
    };
    if (shared_.readers.post(lane::epochs, std::move(job)))
      return;
    take_over_->failure = "this node ends";
    on_taken(false);
  }

  void on_taken(bool taken) {
    auto found = std::exchange(take_over_, nullptr);
    ++changes_;
    if (stopped_)
      return;
    if (!taken)
      say_waiting("the store is not ready: " + found->failure);
    // Deposed meanwhile, and another one by now.
    auto is_ours = taken && found->what.self == incarnation_;
    if (!is_ours || found->taken.ranges.none())
      return tick_later();
    if (found->loads_registry)
      registry_->version.store(taken_version_);
    // That may have waited for what another one left open in the database, for longer than the
    // lease has left.
    taken_ = std::make_shared<store::taken_ranges>(std::move(found->taken));
    if (!is_fresh())
      return tick_now();
    serve(*std::exchange(taken_, nullptr));
    tick_later();
  }

  void serve(const store::taken_ranges& taken) {
    auto was_serving = held_.any();
    said_.clear();
    shared_.keys.start_above(taken.key_floor);
    held_ |= taken.ranges;
    for (std::size_t r = 0; r < store::range_count; ++r)
      if (taken.ranges[r])
        shared_.own_lease.serve(static_cast<store::range_id>(r));
    grant();
    for (std::size_t i = 0; i < shared_.slots.size(); ++i) {
      auto slot = static_cast<store::slot_id>(i);
      if (!taken.ranges[store::range_of(slot)])
        continue;
      shared_.epochs.set(slot, taken.epochs[i]);
      send(shared_.slots[i].get(), epoch_atom_v, taken.epochs[i]);
    }
    tell_held();
    tell_timer();
    // What is left to do of them is left to do here, too.
    shared_.namespaces.changed.tell();
    log(log_level::info, held_.all() ? std::string{"serving all workflows of the store"}
                                     : "serving " + std::to_string(held_.count()) + " of "
                                         + std::to_string(store::range_count) + " ranges");
    if (!was_serving && options_.on_serving)
      options_.on_serving(true);
  }

  // -- ranges that go -----------------------------------------------------------------------------

  void lose(const std::string& why) {
    log(log_level::warn, "no longer serving: " + why);
    give_up();
    tick_later();
  }

  void give_up() {
    shared_.own_lease.revoke();
    stop_serving(held_);
  }

  void stop_serving(const range_set& ranges) {
    auto gone = ranges & held_;
    if (gone.none())
      return;
    held_ &= ~gone;
    for (std::size_t r = 0; r < store::range_count; ++r)
      if (gone[r])
        shared_.own_lease.lose(static_cast<store::range_id>(r));
    if (held_.none())
      shared_.own_lease.revoke();
    tell_held();
    tell_timer();
    for (std::size_t i = 0; i < shared_.slots.size(); ++i)
      if (gone[store::range_of(static_cast<store::slot_id>(i))])
        send(shared_.slots[i].get(), epoch_atom_v, std::uint64_t{0});
    // Who leaves is done when the last of them is another's.
    if (held_.none() && !leaving_ && options_.on_serving)
      options_.on_serving(false);
  }

  void tell_held() {
    if (options_.on_held)
      options_.on_held(held_);
  }

  /// A few ranges that another member wins; when the clock is off, what is not served any more.
  void give_some() {
    if (!leaving_ && shared_.time.boot_time() < gifts_rest_until_)
      return;
    auto next = std::make_shared<gift>();
    next->self = incarnation_;
    auto most = leaving_ ? options_.given_at_once_leaving : options_.given_at_once;
    for (std::size_t r = 0; r < store::range_count; ++r) {
      if (seen_.owners[r] != incarnation_ || next->ranges.count() >= most
          || held_[r] == takes_nothing_)
        continue;
      auto winner = store::winner_of(static_cast<store::range_id>(r), seen_.members);
      if (winner == incarnation_ || (winner == 0 && !takes_nothing_))
        continue;
      next->ranges.set(r);
      next->to[r] = winner;
    }
    if (next->ranges.none())
      return;
    gift_ = std::move(next);
    stop_serving(gift_->ranges);
    delayed_send(this, gift_settles, flush_atom_v);
  }

  /// What its slots decided is to be durable first: the store takes nothing of them behind a gift.
  void on_flushed() {
    if (!gift_ || stopped_)
      return;
    if (gift_->looks++ == 0)
      gift_->written_up_to = shared_.appends_sent.load(std::memory_order_acquire);
    if (shared_.appends_done.load(std::memory_order_acquire) < gift_->written_up_to
        && gift_->looks < gift_looks_max)
      return delayed_send(this, gift_looks_again, flush_atom_v);
    auto job = [&shared = shared_, me = keeper_actor{this}, x = gift_] {
      guarded(x->failure, [&] { try_to_give(shared, *x); });
      caf::anon_send(me, finish_atom_v, x->failure.empty());
    };
    if (!shared_.readers.post(lane::epochs, std::move(job)))
      gift_ = nullptr;
  }

  void on_given(bool given) {
    auto done = std::exchange(gift_, nullptr);
    ++changes_;
    if (stopped_)
      return;
    if (given)
      log(log_level::info, std::to_string(done->ranges.count()) + " ranges are other servers' now");
    else
      log(log_level::warn, "a range could not be given to another server: " + done->failure);
    if (given && options_.on_given)
      options_.on_given();
    // The next ones go when whoever got these had the time to see it.
    gifts_rest_until_ = shared_.time.boot_time() + options_.lease_length / renewals_a_lease;
    if (leaving_ && held_.none() && options_.on_serving)
      options_.on_serving(false);
    tick_now();
  }

  void on_stop() {
    // Others are given what is served here, a part at a time; until the node ends it sees who has
    // it.
    leaving_ = shares() && incarnation_ != 0 && others_share();
    if (leaving_)
      return tick_now();
    give_up();
    stopped_ = true;
  }

  bool others_share() const {
    return std::ranges::any_of(seen_.members, [this](const auto& m) {
      return m.who.incarnation != incarnation_ && !m.who.link_address.empty() && !m.is_draining;
    });
  }

  /// There was somebody to give it to, and is not any more.
  void end_leaving() {
    if (!leaving_ || held_.none() || others_share())
      return;
    leaving_ = false;
    give_up();
    stopped_ = true;
  }

  // -- what was begun anew ------------------------------------------------------------------------

  void tell_timer() {
    send(shared_.timer.get(), epoch_atom_v, held_.any());
  }

  /// Before the new slot reads anything, nothing that the dead one's executions wrote may still
  /// become durable (invariant 3).
  void renew_slot(store::slot_id slot) {
    if (!held_[store::range_of(slot)])
      return;
    auto job = [&shared = shared_, me = keeper_actor{this}, slot] {
      auto raised = shared.epochs.raise(shared.db, slot, shared.epochs.of(slot));
      if (!raised && raised.error().code == errc::failed_precondition)
        caf::anon_send(me, lost_atom_v);
      else
        caf::anon_send(me, epoch_atom_v, std::uint64_t{slot}, raised ? *raised : std::uint64_t{0});
    };
    if (!shared_.readers.post(lane::epochs, std::move(job)))
      on_slot_renewed(slot, 0);
  }

  void on_slot_renewed(store::slot_id slot, store::epoch_number epoch) {
    // Given up in between, or taken anew with others.
    if (!held_[store::range_of(slot)] || (epoch != 0 && epoch < shared_.epochs.of(slot)))
      return;
    if (epoch == 0) {
      delayed_send(this, raise_again, renew_atom_v, std::uint64_t{slot});
      return;
    }
    send(shared_.slots[slot].get(), epoch_atom_v, epoch);
    send(shared_.timer.get(), renew_atom_v, std::uint64_t{slot});
  }

  // -- when ---------------------------------------------------------------------------------------

  void say_waiting(const std::string& text) {
    if (text != said_)
      log(log_level::info, text);
    said_ = text;
  }

  void tick_later() {
    if (stopped_ || ticking_ || renewal_ || (!leased() && held_.all()))
      return;
    ticking_ = true;
    delayed_send(this, pause(), tick_atom_v, ++ticket_);
  }

  duration pause() const {
    if (!leased())
      return retry_embedded;
    duration out = options_.lease_length / renewals_a_lease;
    if (auto death = watch_.next_death())
      out = std::min(out, std::max<duration>(*death - shared_.time.boot_time(), pause_min));
    return out;
  }

  /// Delayed messages wait by a clock that stands still while the machine sleeps; the lease does
  /// not. The one that is under way comes when it comes, and counts for nothing.
  void tick_now() {
    if (stopped_ || renewal_ || (!leased() && held_.all()))
      return;
    ticking_ = true;
    send(this, tick_atom_v, ++ticket_);
  }

  actors::services& shared_;
  keeper_options options_;
  store::member self_;
  seeded_ids ids_;
  /// 0: no member yet, or no more.
  incarnation_id incarnation_ = 0;
  /// The one that was deposed.
  incarnation_id before_ = 0;
  int joins_in_vain_ = 0;
  bool stopped_ = false;
  /// It is asked to stop, and gives away what it has.
  bool leaving_ = false;
  /// Served here.
  range_set held_;
  /// Because of the clock.
  bool takes_nothing_ = false;
  bool ticking_ = false;
  /// Of the tick that is waited for.
  std::uint64_t ticket_ = 0;

  // Under way:
  std::shared_ptr<renewal> renewal_;
  std::shared_ptr<take_over> take_over_;
  std::shared_ptr<gift> gift_;
  /// Boot time.
  std::chrono::nanoseconds gifts_rest_until_{};
  /// Waits for a lease that lasts.
  std::shared_ptr<store::taken_ranges> taken_;
  std::uint64_t taken_version_ = 0;
  /// Take-overs and gifts that ended.
  std::uint64_t changes_ = 0;

  lease_watch watch_;
  store::membership seen_;
  /// Boot time.
  std::chrono::nanoseconds renewed_until_{};
  /// At the last renewal.
  clock_gap gap_;
  std::shared_ptr<registry_copy> registry_ = std::make_shared<registry_copy>();
  store::membership told_;
  bool has_told_ = false;
  std::string said_;
};

} // namespace

keeper_actor spawn_keeper(caf::actor_system& system, actors::services& shared,
                          keeper_options options) {
  return system.spawn<keeper>(shared, std::move(options));
}

} // namespace reprise::cluster
