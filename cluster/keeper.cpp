#include "cluster/keeper.hpp"

#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace reprise::cluster {

namespace {

constexpr duration retry_embedded = std::chrono::seconds{1};
constexpr duration raise_again = std::chrono::milliseconds{200};

/// What a reader found out for the keeper; read by it when the result message is there.
struct attempt {
  std::vector<store::epoch_number> epochs{};
  std::string failure{};
  std::chrono::nanoseconds begun{};
  bool held_by_other = false;
  /// What the slots were served by is no more.
  bool is_deposed = false;
};

class keeper final : public keeper_actor::base {
public:
  keeper(caf::actor_config& config, actors::services& shared, keeper_options options)
    : keeper_actor::base(config), shared_(shared), options_(std::move(options)) {
  }

  behavior_type make_behavior() override {
    send(this, tick_atom_v, ticket_);
    return {
      [this](lost_atom) {
        if (is_ == phase::serving)
          lose("the store is not as this server left it");
      },
      [this](result_atom, bool ours) { on_result(ours); },
      [this](tick_atom, std::uint64_t ticket) {
        if (ticket == ticket_)
          on_tick();
      },
      [this](clock_atom) { on_clock(); },
      [this](renew_atom) { tell_timer(); },
      [this](renew_atom, std::uint64_t slot) { renew_slot(static_cast<store::slot_id>(slot)); },
      [this](epoch_atom, std::uint64_t slot, std::uint64_t epoch) {
        on_slot_renewed(static_cast<store::slot_id>(slot), epoch);
      },
      [this](stop_atom) { on_stop(); },
    };
  }

private:
  enum class phase : std::uint8_t {
    standby,
    serving,
    stopped
  };

  bool leased() const noexcept {
    return options_.lease_length > duration{0};
  }

  void on_tick() {
    ticking_ = false;
    if (is_ == phase::stopped || asking_)
      return;
    if (is_ == phase::serving && !shared_.own_lease.valid())
      lose("the lease ran out");
    asking_ = true;
    last_ = std::make_shared<attempt>();
    auto take = is_ == phase::standby;
    auto job = [&shared = shared_, me = keeper_actor{this}, owner = options_.owner,
                length = options_.lease_length, found = last_, take] {
      auto ours = ask(shared, owner, length, take, *found);
      caf::anon_send(me, result_atom_v, ours);
    };
    if (shared_.readers.post(actors::lane::lease, std::move(job)))
      return;
    last_->failure = "this node ends";
    on_result(false);
  }

  /// Delayed messages wait by a clock that stands still while the machine sleeps; the lease does
  /// not. The one that is under way comes when it comes, and counts for nothing.
  void on_clock() {
    if (!ticking_)
      return;
    send(this, tick_atom_v, ++ticket_);
  }

  /// On a reader's thread.
  static bool ask(actors::services& shared, const std::string& owner, duration length, bool take,
                  attempt& found) {
    try {
      return try_to_ask(shared, owner, length, take, found);
    } catch (...) {
      // The keeper waits for its answer, whatever was thrown; there may be no memory for its text.
      log_thrown(log_level::error, "the store could not be asked for the lease");
      found.failure.clear();
      return false;
    }
  }

  static bool try_to_ask(actors::services& shared, const std::string& owner, duration length,
                         bool take, attempt& found) {
    // That the slots have to be taken is no news for who is about to.
    if (!acquire(shared, owner, length, found)
        && !(take && found.is_deposed && acquire(shared, owner, length, found)))
      return false;
    if (!take)
      return true;
    auto failed = [&found](const error& e) {
      found.failure = e.message;
      return false;
    };
    if (auto loaded = shared.namespaces.load(); !loaded)
      return failed(loaded.error());
    auto epochs = shared.db.take_slots(owner);
    if (!epochs)
      return failed(epochs.error());
    found.epochs = std::move(*epochs);
    // That may have waited for what the last owner left open in the database, for longer than the
    // lease has left.
    return length == duration{0} || acquire(shared, owner, length, found);
  }

  static bool acquire(actors::services& shared, const std::string& owner, duration length,
                      attempt& found) {
    found.begun = shared.time.boot_time();
    auto acquired = shared.db.acquire_lease(owner, length);
    if (!acquired)
      found.failure = acquired.error().message;
    found.is_deposed = !acquired && acquired.error().code == errc::failed_precondition;
    found.held_by_other = acquired && !*acquired;
    return acquired && *acquired;
  }

  void on_result(bool ours) {
    asking_ = false;
    if (is_ == phase::stopped)
      return;
    // It ended while it was renewed: another server may have had it, and written, in between.
    if (ours && is_ == phase::serving && !shared_.own_lease.valid())
      return lose("the lease ran out while it was renewed");
    // Given up while the lease was renewed: the slots have to be taken first.
    if (ours && is_ == phase::standby && last_->epochs.empty())
      return tick_later(false);
    if (ours)
      grant();
    if (ours && is_ == phase::standby)
      serve();
    if (!ours && is_ == phase::standby)
      say_waiting();
    if (!ours && is_ == phase::serving) {
      if (last_->held_by_other)
        lose("another server holds the lease");
      else if (last_->is_deposed)
        lose(last_->failure);
      else
        log(log_level::warn, "the lease could not be renewed: " + last_->failure);
    }
    tick_later(ours);
  }

  void grant() {
    // A little less than the store grants, for clocks that run at different rates.
    if (leased())
      shared_.own_lease.grant(last_->begun + options_.lease_length * 9 / 10);
    else
      shared_.own_lease.grant_forever();
  }

  void serve() {
    is_ = phase::serving;
    said_.clear();
    for (std::size_t i = 0; i < shared_.slots.size(); ++i) {
      shared_.epochs.set(static_cast<store::slot_id>(i), last_->epochs[i]);
      send(shared_.slots[i].get(), epoch_atom_v, last_->epochs[i]);
    }
    tell_timer();
    log(log_level::info, "serving all workflows of the store");
    if (options_.on_serving)
      options_.on_serving(true);
  }

  void lose(const std::string& why) {
    log(log_level::warn, "no longer serving: " + why);
    give_up();
    is_ = phase::standby;
    tick_later(false);
  }

  void give_up() {
    shared_.own_lease.revoke();
    send(shared_.timer.get(), epoch_atom_v, false);
    for (const auto& slot : shared_.slots)
      send(slot.get(), epoch_atom_v, std::uint64_t{0});
    if (options_.on_serving)
      options_.on_serving(false);
  }

  // -- what was begun anew
  // --------------------------------------------------------------------------

  void tell_timer() {
    if (is_ == phase::serving)
      send(shared_.timer.get(), epoch_atom_v, true);
  }

  /// Before the new slot reads anything, nothing that the dead one's executions wrote may still
  /// become durable (invariant 3).
  void renew_slot(store::slot_id slot) {
    if (is_ != phase::serving)
      return;
    auto job = [&shared = shared_, me = keeper_actor{this}, slot] {
      auto raised = shared.epochs.raise(shared.db, slot, shared.epochs.of(slot));
      if (!raised && raised.error().code == errc::failed_precondition)
        caf::anon_send(me, lost_atom_v);
      else
        caf::anon_send(me, epoch_atom_v, std::uint64_t{slot}, raised ? *raised : std::uint64_t{0});
    };
    if (!shared_.readers.post(actors::lane::epochs, std::move(job)))
      on_slot_renewed(slot, 0);
  }

  void on_slot_renewed(store::slot_id slot, store::epoch_number epoch) {
    // Given up in between, or taken anew with all the others.
    if (is_ != phase::serving || (epoch != 0 && epoch < shared_.epochs.of(slot)))
      return;
    if (epoch == 0) {
      delayed_send(this, raise_again, renew_atom_v, std::uint64_t{slot});
      return;
    }
    send(shared_.slots[slot].get(), epoch_atom_v, epoch);
    send(shared_.timer.get(), renew_atom_v, std::uint64_t{slot});
  }

  void say_waiting() {
    auto text = last_->held_by_other ? std::string{"standby: another server holds the lease"}
                                     : "the store is not ready: " + last_->failure;
    if (text != said_)
      log(log_level::info, text);
    said_ = text;
  }

  void tick_later(bool ours) {
    if (ticking_ || asking_ || (ours && !leased()))
      return;
    ticking_ = true;
    auto wait = !leased() ? retry_embedded
                          : (ours ? options_.lease_length / 3
                                  : std::min(options_.lease_length / 6, retry_embedded));
    delayed_send(this, wait, tick_atom_v, ++ticket_);
  }

  void on_stop() {
    if (is_ == phase::serving)
      give_up();
    is_ = phase::stopped;
  }

  actors::services& shared_;
  keeper_options options_;
  phase is_ = phase::standby;
  bool asking_ = false;
  bool ticking_ = false;
  /// Of the tick that is waited for.
  std::uint64_t ticket_ = 0;
  std::shared_ptr<attempt> last_;
  std::string said_;
};

} // namespace

keeper_actor spawn_keeper(caf::actor_system& system, actors::services& shared,
                          keeper_options options) {
  return system.spawn<keeper>(shared, std::move(options));
}

} // namespace reprise::cluster
