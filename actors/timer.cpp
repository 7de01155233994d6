#include "actors/timer.hpp"

#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <limits>
#include <map>
#include <utility>

namespace reprise::actors {

namespace {

/// How far ahead deadlines are read, and how long before the first of them.
constexpr duration window = std::chrono::minutes{10};
constexpr duration lead = std::chrono::minutes{1};
constexpr duration retry = std::chrono::seconds{1};
constexpr time_point long_ago{};

using run = store::due_run;

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
  } catch (const std::exception& e) {
    log(log_level::error, std::string{"wake-ups could not be read: "} + e.what());
    page.failed = true;
  }
}

class timer final : public timer_actor::base {
public:
  timer(caf::actor_config& config, services& shared)
    : timer_actor::base(config), shared_(shared), bounds_(shared.capacity.timer) {
  }

  behavior_type make_behavior() override {
    return {
      [this](arm_atom, std::string& ns, std::string& id, std::string& run_id, std::int64_t at) {
        arm(run{.at = time_point{duration{at}},
                .namespace_id = std::move(ns),
                .workflow_id = std::move(id),
                .run_id = std::move(run_id)});
        go();
      },
      [this](credit_atom) {
        credits_ = std::min(credits_ + 1, bounds_.credits_max);
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
        if (page->of_deadlines)
          on_deadlines(*page);
        else
          on_sweep_page(*page);
        go();
      },
      [this](tick_atom, std::uint64_t ticket) {
        if (ticket != ticket_)
          return;
        tick_at_.reset();
        go();
      },
    };
  }

private:
  void on_serving(bool serving) {
    serving_ = serving;
    armed_.clear();
    sweeps_.clear();
    sweep_rows_.clear();
    sweep_ends_ = false;
    sweep_at_ = long_ago;
    sweep_key_ = 0;
    credits_ = bounds_.credits_max;
    horizon_ = long_ago;
    horizon_key_ = 0;
    // Pages that are on their way belong to the time before.
    pages_ignored_ += pages_under_way_;
    pages_under_way_ = 0;
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

  /// Nobody but the store knows the deadlines of what that slot had in memory, and how many of our
  /// credits died with it.
  void on_slot_renewed(store::slot_id slot) {
    if (!serving_)
      return;
    credits_ = bounds_.credits_max;
    armed_.clear();
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
    if (due.at <= until && armed_.size() < bounds_.armed_max) {
      armed_.emplace(due.at, std::move(due));
      return;
    }
    // It lies in the store: read from before it again when its time comes near.
    if (due.at <= horizon_) {
      horizon_ = due.at - duration{1};
      horizon_key_ = std::numeric_limits<std::int64_t>::max();
    }
    know(due.at);
  }

  void know(time_point at) {
    if (!next_known_ || at < *next_known_)
      next_known_ = at;
  }

  void scan_if_near() {
    if (scan_until_ || !next_known_ || armed_.size() > bounds_.armed_max / 2)
      return;
    auto now = shared_.time.now();
    if (*next_known_ - now > lead)
      return;
    scan_until_ = std::max(now, *next_known_) + window;
    next_known_.reset();
    ++pages_under_way_;
    auto job = [&shared = shared_, me = timer_actor{this}, until = *scan_until_, at = horizon_,
                key = horizon_key_, page_rows = bounds_.page_rows] {
      auto page = std::make_shared<due_page>();
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
      caf::anon_send(me, loaded_atom_v, std::move(page));
    };
    if (!shared_.readers.post(lane::points, std::move(job))) {
      auto page = std::make_shared<due_page>();
      page->failed = true;
      delayed_send(this, retry, loaded_atom_v, std::move(page));
    }
  }

  void on_deadlines(due_page& page) {
    if (ignore_page())
      return;
    auto until = *scan_until_;
    scan_until_.reset();
    if (std::exchange(scan_is_stale_, false))
      return know(long_ago);
    if (page.failed) {
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
    for (auto& due : page.runs)
      armed_.emplace(due.at, std::move(due));
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
    ++pages_under_way_;
    auto job = [&shared = shared_, me = timer_actor{this}, at = sweep_at_, key = sweep_key_,
                page_rows = bounds_.page_rows] {
      auto page = std::make_shared<due_page>();
      page->of_deadlines = false;
      read_guarded(*page, [&] {
        auto rows = shared.db.pending_offers(at, key, page_rows);
        page->failed = !rows;
        if (rows) {
          page->runs = std::move(*rows);
          page->complete = page->runs.size() < page_rows;
        }
      });
      caf::anon_send(me, loaded_atom_v, std::move(page));
    };
    if (!shared_.readers.post(lane::points, std::move(job))) {
      auto page = std::make_shared<due_page>();
      page->of_deadlines = false;
      page->failed = true;
      delayed_send(this, retry, loaded_atom_v, std::move(page));
    }
  }

  void on_sweep_page(due_page& page) {
    if (ignore_page())
      return;
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
      auto of_slot = !wanted.slot || store::slot_of(r.namespace_id, r.workflow_id) == *wanted.slot;
      if (of_slot && (wanted.namespace_id.empty() || wanted.namespace_id == r.namespace_id))
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

  bool ignore_page() {
    if (pages_ignored_ > 0) {
      --pages_ignored_;
      return true;
    }
    --pages_under_way_;
    return false;
  }

  // -- both
  // ---------------------------------------------------------------------------------------------

  void go() {
    if (!serving_)
      return;
    auto now = shared_.time.now();
    while (credits_ > 0 && !armed_.empty() && armed_.begin()->first <= now) {
      auto due = std::move(armed_.extract(armed_.begin()).mapped());
      --credits_;
      const auto& to = shared_.slot_for(due.namespace_id, due.workflow_id);
      send(to, wake_atom_v, std::move(due.namespace_id), std::move(due.workflow_id),
           std::move(due.run_id));
    }
    while (credits_ > 0 && !sweep_rows_.empty()) {
      auto r = std::move(sweep_rows_.front());
      sweep_rows_.pop_front();
      --credits_;
      const auto& to = shared_.slot_for(r.namespace_id, r.workflow_id);
      send(to, reoffer_atom_v, std::move(r.namespace_id), std::move(r.workflow_id),
           std::move(r.run_id), sweeps_.front().queue);
      end_sweep_if_empty();
    }
    if (sweep_pause_until_ <= now)
      read_sweep_page();
    scan_if_near();
    arm_tick(now);
  }

  void arm_tick(time_point now) {
    std::optional<time_point> next;
    auto sooner = [&next](time_point t) {
      if (!next || t < *next)
        next = t;
    };
    if (credits_ > 0 && !armed_.empty())
      sooner(armed_.begin()->first);
    if (!scan_until_ && next_known_ && armed_.size() <= bounds_.armed_max / 2)
      sooner(*next_known_ - std::min(lead, next_known_->time_since_epoch()));
    if (sweep_pause_until_ > now)
      sooner(sweep_pause_until_);
    if (!next || (tick_at_ && *tick_at_ <= *next))
      return;
    tick_at_ = next;
    auto wait = std::clamp(*next - now, duration{0}, window);
    delayed_send(this, wait, tick_atom_v, ++ticket_);
  }

  services& shared_;
  const timer_bounds& bounds_;
  bool serving_ = false;
  std::size_t credits_ = bounds_.credits_max;
  std::size_t pages_under_way_ = 0;
  std::size_t pages_ignored_ = 0;

  std::multimap<time_point, run> armed_;
  /// All deadlines up to here that belong to no execution in memory are armed.
  time_point horizon_ = long_ago;
  std::int64_t horizon_key_ = 0;
  /// Of the scan under way.
  std::optional<time_point> scan_until_;
  /// What it finds is not all there is.
  bool scan_is_stale_ = false;
  /// The earliest deadline behind the horizon.
  std::optional<time_point> next_known_;

  std::deque<sweep> sweeps_;
  std::deque<run> sweep_rows_;
  bool sweeping_ = false;
  bool sweep_ends_ = false;
  time_point sweep_at_ = long_ago;
  std::int64_t sweep_key_ = 0;
  time_point sweep_pause_until_ = long_ago;

  std::optional<time_point> tick_at_;
  std::uint64_t ticket_ = 0;
};

} // namespace

timer_actor spawn_timer(caf::actor_system& system, services& shared) {
  return system.spawn<timer>(shared);
}

} // namespace reprise::actors
