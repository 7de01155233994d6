#include "actors/timer/timer.hpp"

#include "actors/node/alarms.hpp"
#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace reprise::actors {

namespace {

/// How far ahead deadlines are read, and how long before the first of them.
constexpr duration window = std::chrono::minutes{10};
constexpr duration lead = std::chrono::minutes{1};
constexpr duration retry = std::chrono::seconds{1};
constexpr time_point long_ago{};

using run = store::due_run;

/// What a slot is to do for a run.
struct work {
  time_point at{};
  run due{};
  /// Offer again what the run has for this queue (empty: any); absent: wake the run.
  std::optional<std::string> reoffer{};
  /// How often its slot could not.
  int tries = 0;
};

/// By time; the same work twice counts once.
struct work_order {
  bool operator()(const work& a, const work& b) const noexcept {
    return std::tie(a.at, a.due.run_id, a.due.workflow_id, a.reoffer)
           < std::tie(b.at, b.due.run_id, b.due.workflow_id, b.reoffer);
  }
};

/// What slots could not do when they were asked, by time; the same work of a run is in it once.
class put_off {
public:
  bool empty() const noexcept {
    return by_time_.empty();
  }

  std::size_t size() const noexcept {
    return by_time_.size();
  }

  const work& first() const {
    return *by_time_.begin();
  }

  work take_first() {
    by_work_.erase(by_time_.begin());
    return std::move(by_time_.extract(by_time_.begin()).value());
  }

  /// How often the same could not be done, which goes: whoever finds it in the store again puts it
  /// off for as long.
  int take_tries(const work& w) {
    auto same = by_work_.find(w);
    if (same == by_work_.end())
      return 0;
    auto old = *same;
    auto tries = old->tries;
    by_work_.erase(same);
    by_time_.erase(old);
    return tries;
  }

  void insert(work w) {
    take_tries(w);
    by_work_.insert(by_time_.insert(std::move(w)).first);
  }

  template <class Predicate>
  void erase_if(Predicate p) {
    std::erase_if(by_work_, [&](const auto& at) { return p(*at); });
    std::erase_if(by_time_, p);
  }

  void clear() noexcept {
    by_work_.clear();
    by_time_.clear();
  }

private:
  using place = std::set<work, work_order>::const_iterator;

  struct same_work {
    using is_transparent = void;

    static auto key(const work& w) {
      return std::tie(w.due.run_id, w.due.workflow_id, w.reoffer);
    }

    bool operator()(const place& a, const place& b) const {
      return key(*a) < key(*b);
    }

    bool operator()(const place& a, const work& b) const {
      return key(*a) < key(b);
    }

    bool operator()(const work& a, const place& b) const {
      return key(a) < key(*b);
    }
  };

  std::set<work, work_order> by_time_;
  std::set<place, same_work> by_work_;
};

constexpr int pause_doublings_max = 5;

duration wake_pause(int tries) {
  constexpr duration first = std::chrono::seconds{1};
  return first * (1 << std::min(tries - 1, pause_doublings_max));
}

/// What this actor added to a gauge, which is taken back with it.
class shown_level {
public:
  explicit shown_level(gauge& on) : on_(on) {
  }

  void show(std::size_t n) {
    auto level = static_cast<std::int64_t>(n);
    on_.add(level - std::exchange(shown_, level));
  }

private:
  gauge& on_;
  std::int64_t shown_ = 0;
};

struct sweep {
  std::string namespace_id{};
  std::string queue{};
  /// Absent: all slots.
  std::optional<store::slot_id> slot{};
  friend bool operator==(const sweep&, const sweep&) = default;
};

/// A page whose reading threw failed, like one that the store could not give.
template <class Read>
void read_guarded(due_page& page, Read&& read) {
  try {
    read();
  } catch (...) {
    log_thrown(log_level::error, "wake-ups could not be read");
    page.failed = true;
  }
}

class timer final : public timer_actor::base {
public:
  timer(caf::actor_config& config, services& shared)
    : timer_actor::base(config),
      shared_(shared),
      bounds_(shared.capacity.timer),
      armed_shown_(shared.watch.used.deadlines),
      put_off_shown_(shared.watch.used.wakes_put_off),
      under_way_shown_(shared.watch.used.wakes) {
  }

  void on_exit() override {
    armed_shown_.show(0);
    put_off_shown_.show(0);
    under_way_shown_.show(0);
  }

  behavior_type make_behavior() override {
    return {
      [this](arm_atom, std::string& ns, std::uint8_t kind, std::string& id, std::string& run_id,
             std::int64_t at) {
        arm(run{.at = time_point{duration{at}},
                .namespace_id = std::move(ns),
                .kind = static_cast<machine_kind>(kind),
                .workflow_id = std::move(id),
                .run_id = std::move(run_id)});
        go();
      },
      [this](credit_atom, std::uint64_t ticket) {
        under_way_.erase(ticket);
        go();
      },
      [this](later_atom, std::uint64_t ticket) {
        on_later(ticket);
        go();
      },
      [this](epoch_atom, bool serving) { on_serving(serving); },
      [this](reoffer_atom, std::string& ns, std::string& queue) {
        add_sweep({std::move(ns), std::move(queue)});
        go();
      },
      [this](renew_atom, std::uint64_t slot) {
        on_slot_renewed(static_cast<store::slot_id>(slot));
        go();
      },
      [this](loaded_atom, const std::shared_ptr<due_page>& page) {
        if (page->era != era_)
          return;
        if (page->of_deadlines)
          on_deadlines(*page);
        else
          on_sweep_page(*page);
        go();
      },
      [this](clock_atom) {
        alarms_.forget();
        go();
      },
      [this](tick_atom, std::uint64_t ticket) {
        alarms_.rang(ticket);
        go();
      },
    };
  }

private:
  void on_serving(bool serving) {
    serving_ = serving;
    armed_.clear();
    postponed_.clear();
    left_from_.reset();
    left_offers_ = false;
    look_again_at_.reset();
    sweeps_.clear();
    sweep_rows_.clear();
    sweep_ends_ = false;
    sweep_at_ = long_ago;
    sweep_key_ = 0;
    // What slots say of it from now on belongs to the time before.
    under_way_.clear();
    turned_away_.reset();
    horizon_ = long_ago;
    horizon_key_ = 0;
    // Pages that are on their way belong to the time before.
    ++era_;
    scan_until_.reset();
    scan_is_stale_ = false;
    sweeping_ = false;
    next_known_.reset();
    if (!serving)
      return;
    next_known_ = long_ago;
    add_sweep({});
    go();
  }

  /// The store answers for all ranges; other nodes see to theirs.
  bool is_ours(const run& r) const {
    return shared_.own_lease.serves(
      store::range_of(store::slot_of(r.namespace_id, r.kind, r.workflow_id)));
  }

  /// Nobody but the store knows the deadlines of what that slot had in memory.
  void on_slot_renewed(store::slot_id slot) {
    if (!serving_)
      return;
    // What it was to do is found again.
    auto of_slot = [slot](const work& w) {
      return store::slot_of(w.due.namespace_id, w.due.kind, w.due.workflow_id) == slot;
    };
    std::erase_if(under_way_, [&](const auto& item) { return of_slot(item.second); });
    postponed_.erase_if(of_slot);
    armed_.clear();
    turned_away_.reset();
    horizon_ = long_ago;
    horizon_key_ = 0;
    next_known_ = long_ago;
    scan_is_stale_ = scan_until_.has_value();
    add_sweep({.slot = slot});
  }

  // -- deadlines
  // ------------------------------------------------------------------------------------

  void arm(run due) {
    if (!serving_)
      return;
    auto until = scan_until_ ? std::max(*scan_until_, horizon_) : horizon_;
    auto at = due.at;
    // Whoever is due sooner has the place: the scan does not come while memory is full.
    if (at <= until && armed_.size() >= bounds_.armed_max && !armed_.empty()
        && at < std::prev(armed_.end())->at)
      put_last_back();
    if (at <= until && armed_.size() < bounds_.armed_max) {
      armed_.insert({.at = at, .due = std::move(due)});
      return;
    }
    if (at <= until)
      shared_.watch.refused.deadlines.add();
    leave_to_store(at);
  }

  void put_last_back() {
    shared_.watch.refused.deadlines.add();
    auto last = std::prev(armed_.end());
    auto at = last->at;
    armed_.erase(last);
    leave_to_store(at);
  }

  /// It lies in the store: read from before it again when its time comes near. A scan under way may
  /// have passed it, and moves the horizon when it ends.
  void leave_to_store(time_point at) {
    if (scan_until_)
      turned_away_ = turned_away_ ? std::min(*turned_away_, at) : at;
    begin_before(at);
    know(at);
  }

  /// What is due then or later is to be read, too.
  void begin_before(time_point at) {
    if (at > horizon_)
      return;
    horizon_ = at - duration{1};
    horizon_key_ = std::numeric_limits<std::int64_t>::max();
  }

  void know(time_point at) {
    if (!next_known_ || at < *next_known_)
      next_known_ = at;
  }

  bool has_room_for_page() const {
    return armed_.empty() || armed_.size() <= bounds_.armed_max / 2;
  }

  /// There is room for a page, or make_room() makes some.
  bool may_scan() const {
    return !scan_until_ && next_known_
           && (has_room_for_page() || std::prev(armed_.end())->at > horizon_);
  }

  /// What was armed behind the horizon, by a scan that did not come as far, is due later than what
  /// it would keep out of memory. It lies in the store, and is read in its turn.
  void make_room() {
    while (!has_room_for_page() && std::prev(armed_.end())->at > horizon_) {
      shared_.watch.refused.deadlines.add();
      armed_.erase(std::prev(armed_.end()));
    }
  }

  void scan_if_near() {
    auto now = shared_.time.now();
    if (!may_scan() || *next_known_ - now > lead)
      return;
    make_room();
    if (!has_room_for_page())
      return;
    scan_until_ = std::max(now, *next_known_) + window;
    next_known_.reset();
    auto page = new_page(true);
    auto job = [&shared = shared_, me = timer_actor{this}, page, until = *scan_until_,
                at = horizon_, key = horizon_key_, page_rows = bounds_.page_rows] {
      read_guarded(*page, [&] {
        auto rows = shared.db.due_timers(until, at, key, page_rows);
        page->failed = !rows;
        if (rows) {
          page->runs = std::move(*rows);
          page->complete = page->runs.size() < page_rows;
        }
        if (page->complete) {
          auto next = shared.db.next_timer(until);
          page->failed = !next;
          if (next)
            page->next = *next;
        }
      });
      caf::anon_send(me, loaded_atom_v, page);
    };
    if (!shared_.readers.post(lane::points, std::move(job))) {
      page->failed = true;
      delayed_send(this, retry, loaded_atom_v, page);
    }
  }

  void on_deadlines(due_page& page) {
    auto until = *scan_until_;
    scan_until_.reset();
    if (std::exchange(scan_is_stale_, false))
      return know(long_ago);
    if (page.failed) {
      turned_away_.reset();
      shared_.watch.store_read_failures.add();
      // Not before a while: now stands for "read again then", whatever is due.
      know(shared_.time.now() + lead + retry);
      return;
    }
    if (page.complete) {
      horizon_ = until;
      horizon_key_ = std::numeric_limits<std::int64_t>::max();
      if (page.next)
        know(*page.next);
    } else {
      horizon_ = page.runs.back().at;
      horizon_key_ = page.runs.back().key;
      know(horizon_);
    }
    if (turned_away_) {
      begin_before(*turned_away_);
      know(*turned_away_);
      turned_away_.reset();
    }
    for (auto& due : page.runs)
      if (is_ours(due))
        armed_.insert({.at = due.at, .due = std::move(due)});
  }

  // -- undelivered work
  // -------------------------------------------------------------------------------

  bool sweep_began() const {
    return sweeping_ || sweep_at_ != long_ago || !sweep_rows_.empty();
  }

  void add_sweep(sweep s) {
    // One that began may have passed what is lost now: only those that did not stand for this one.
    auto unbegun = sweeps_.begin() + (sweep_began() ? 1 : 0);
    if (!serving_ || std::find(unbegun, sweeps_.end(), s) != sweeps_.end())
      return;
    if (sweeps_.size() >= bounds_.sweeps_max) {
      sweeps_.resize(1); // the one under way
      s = {};
    }
    sweeps_.push_back(std::move(s));
  }

  void read_sweep_page() {
    if (sweeping_ || sweeps_.empty() || !sweep_rows_.empty())
      return;
    sweeping_ = true;
    auto page = new_page(false);
    auto job = [&shared = shared_, me = timer_actor{this}, page, at = sweep_at_, key = sweep_key_,
                page_rows = bounds_.page_rows] {
      read_guarded(*page, [&] {
        auto rows = shared.db.pending_offers(at, key, page_rows);
        page->failed = !rows;
        if (rows) {
          page->runs = std::move(*rows);
          page->complete = page->runs.size() < page_rows;
        }
      });
      caf::anon_send(me, loaded_atom_v, page);
    };
    if (!shared_.readers.post(lane::points, std::move(job))) {
      page->failed = true;
      delayed_send(this, retry, loaded_atom_v, page);
    }
  }

  void on_sweep_page(due_page& page) {
    sweeping_ = false;
    if (page.failed) {
      shared_.watch.store_read_failures.add();
      sweep_pause_until_ = shared_.time.now() + retry;
      return;
    }
    for (auto& r : page.runs) {
      sweep_at_ = r.at;
      sweep_key_ = r.key;
      const auto& wanted = sweeps_.front();
      auto of_slot = !wanted.slot
                     || store::slot_of(r.namespace_id, r.kind, r.workflow_id) == *wanted.slot;
      if (of_slot && is_ours(r)
          && (wanted.namespace_id.empty() || wanted.namespace_id == r.namespace_id))
        sweep_rows_.push_back(std::move(r));
    }
    sweep_ends_ = page.complete;
    end_sweep_if_empty();
  }

  void end_sweep_if_empty() {
    if (!sweep_rows_.empty() || !sweep_ends_)
      return;
    sweep_ends_ = false;
    sweeps_.pop_front();
    sweep_at_ = long_ago;
    sweep_key_ = 0;
  }

  std::shared_ptr<due_page> new_page(bool of_deadlines) const {
    auto page = std::make_shared<due_page>();
    page->of_deadlines = of_deadlines;
    page->era = era_;
    return page;
  }

  // -- both
  // ---------------------------------------------------------------------------------------------

  void show_levels() {
    armed_shown_.show(armed_.size());
    put_off_shown_.show(postponed_.size());
    under_way_shown_.show(under_way_.size());
  }

  bool has_credit() const {
    return under_way_.size() < bounds_.credits_max;
  }

  /// To its slot, which says when it is done, or that it could not be.
  void hand_over(work w) {
    const auto& r = w.due;
    // What is due is looked for where the slots are ours.
    const auto& to = shared_.slots[store::slot_of(r.namespace_id, r.kind, r.workflow_id)].get();
    auto kind = number_of(r.kind);
    auto ticket = ++shared_.tickets;
    if (w.reoffer)
      send(to, reoffer_atom_v, r.namespace_id, kind, r.workflow_id, r.run_id, *w.reoffer, ticket);
    else
      send(to, wake_atom_v, r.namespace_id, kind, r.workflow_id, r.run_id, ticket);
    under_way_.emplace(ticket, std::move(w));
  }

  void on_later(std::uint64_t ticket) {
    auto found = under_way_.extract(ticket);
    if (found.empty())
      return;
    auto w = std::move(found.mapped());
    w.tries = std::max(w.tries, postponed_.take_tries(w)) + 1;
    shared_.watch.wakes_postponed.add();
    if (postponed_.size() >= bounds_.put_off_max)
      return leave_for_later(w);
    w.at = shared_.time.now() + wake_pause(w.tries);
    postponed_.insert(std::move(w));
  }

  /// There is no room to keep it: it lies in the store, which is asked for all that is due again
  /// when the longest pause is over.
  void leave_for_later(const work& w) {
    shared_.watch.refused.wakes_put_off.add();
    if (w.reoffer)
      left_offers_ = true;
    else
      left_from_ = left_from_ ? std::min(*left_from_, w.due.at) : w.due.at;
    if (!look_again_at_)
      look_again_at_ = shared_.time.now() + wake_pause(pause_doublings_max + 1);
  }

  void look_again() {
    look_again_at_.reset();
    if (left_from_)
      leave_to_store(*left_from_);
    if (left_offers_)
      add_sweep({});
    left_from_.reset();
    left_offers_ = false;
  }

  void go() {
    if (!serving_)
      return;
    auto now = shared_.time.now();
    if (look_again_at_ && *look_again_at_ <= now)
      look_again();
    while (has_credit() && !armed_.empty() && armed_.begin()->at <= now)
      hand_over(std::move(armed_.extract(armed_.begin()).value()));
    while (has_credit() && !postponed_.empty() && postponed_.first().at <= now)
      hand_over(postponed_.take_first());
    while (has_credit() && !sweep_rows_.empty()) {
      hand_over({.due = std::move(sweep_rows_.front()), .reoffer = sweeps_.front().queue});
      sweep_rows_.pop_front();
      end_sweep_if_empty();
    }
    if (sweep_pause_until_ <= now)
      read_sweep_page();
    scan_if_near();
    show_levels();
    arm_tick(now);
  }

  void arm_tick(time_point now) {
    std::optional<time_point> next;
    auto sooner = [&next](time_point t) {
      if (!next || t < *next)
        next = t;
    };
    if (has_credit() && !armed_.empty())
      sooner(armed_.begin()->at);
    if (has_credit() && !postponed_.empty())
      sooner(postponed_.first().at);
    if (may_scan())
      sooner(*next_known_ - std::min(lead, next_known_->time_since_epoch()));
    if (sweep_pause_until_ > now)
      sooner(sweep_pause_until_);
    if (look_again_at_)
      sooner(*look_again_at_);
    if (!next)
      return;
    if (auto alarm = alarms_.set(*next, now))
      delayed_send(this, alarm->wait, tick_atom_v, alarm->ticket);
  }

  services& shared_;
  const timer_bounds& bounds_;
  bool serving_ = false;
  std::uint64_t era_ = 0;

  /// What slots have to do now, by ticket: until they say that it is done it is not forgotten.
  std::map<std::uint64_t, work> under_way_;
  std::set<work, work_order> armed_;
  /// A run that is parked for good stays here and holds up no deadline.
  put_off postponed_;
  /// The first deadline of those that had no room there, and whether an offer was among them.
  std::optional<time_point> left_from_;
  bool left_offers_ = false;
  std::optional<time_point> look_again_at_;
  shown_level armed_shown_;
  shown_level put_off_shown_;
  shown_level under_way_shown_;
  /// All deadlines up to here that belong to no execution in memory are armed.
  time_point horizon_ = long_ago;
  std::int64_t horizon_key_ = 0;
  /// Of the scan under way.
  std::optional<time_point> scan_until_;
  /// What it finds is not all there is.
  bool scan_is_stale_ = false;
  /// The earliest deadline that found no room meanwhile.
  std::optional<time_point> turned_away_;
  /// The earliest deadline behind the horizon.
  std::optional<time_point> next_known_;

  std::deque<sweep> sweeps_;
  std::deque<run> sweep_rows_;
  bool sweeping_ = false;
  bool sweep_ends_ = false;
  time_point sweep_at_ = long_ago;
  std::int64_t sweep_key_ = 0;
  time_point sweep_pause_until_ = long_ago;

  alarms alarms_;
};

} // namespace

timer_actor spawn_timer(caf::actor_system& system, services& shared) {
  return system.spawn<timer>(shared);
}

} // namespace reprise::actors
