#include "actors/namespaces/namespace_upkeep.hpp"

#include "actors/slot/run_order.hpp"
#include "base/log.hpp"
#include "engine/machine/proto_time.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace reprise::actors {

namespace {

using work = run_round::work;

/// Of a namespace whose work fails: doubled with each failure in a row.
constexpr duration try_again_after = std::chrono::seconds{1};
constexpr int doublings_max = 6;
/// Orders that are not over by then are given again.
constexpr duration patience = std::chrono::minutes{1};
/// Of task queues' rows, in one step.
constexpr std::size_t backlog_rows = 500;
/// What was decided before the change lies with the writer by then.
constexpr duration change_settles = std::chrono::seconds{1};
/// How often to ask whether it is written.
constexpr duration asks_after = std::chrono::milliseconds{100};
/// Namespaces without a record that are known at once; of more their runs will tell again.
constexpr std::size_t unrecorded_max = 1000;

/// What is to be done of one namespace.
struct task {
  work what = work::erase;
  std::string id{};
  std::string name{};
  google::protobuf::Duration retention{};
  /// Of its record.
  std::int64_t version = 0;
  /// It has runs, and was in no record that is known here.
  bool is_unrecorded = false;
};

/// A namespace whose work failed.
struct pause {
  int failures = 0;
  /// Boot time.
  std::chrono::nanoseconds ends{0};
};

std::optional<work> work_on(const namespace_entry& ns) {
  if (ns.is_deleted())
    return work::erase;
  if (ns.record.review_retention())
    return work::review;
  return std::nullopt;
}

/// Erases rows of the namespace's task queues; true when there are none any more.
result<bool> erase_backlogs(store::store& db, const std::string& namespace_id) {
  auto queues = db.backlog_queues();
  if (!queues)
    return std::move(queues).error();
  for (const auto& queue : *queues) {
    if (queue.namespace_id != namespace_id)
      continue;
    auto rows = db.read_backlog(queue, 0, 0, backlog_rows);
    if (!rows)
      return std::move(rows).error();
    std::vector<std::pair<int, std::int64_t>> places;
    places.reserve(rows->size());
    for (const auto& row : *rows)
      places.emplace_back(row.priority, row.seq);
    if (auto erased = db.erase_backlog(queue, places); !erased)
      return std::move(erased).error();
    return false;
  }
  return true;
}

class namespace_upkeep final : public upkeep_actor::base {
public:
  namespace_upkeep(caf::actor_config& config, services& shared)
    : upkeep_actor::base(config), shared_(shared) {
  }

  behavior_type make_behavior() override {
    send(this, tick_atom_v);
    return {
      [this](tick_atom) { look(); },
      [this](lost_atom, const std::string& id) { on_unrecorded(id); },
      [this](tick_atom, std::uint64_t number) {
        if (number == round_ && under_way_)
          give_up();
        else if (number == round_ && std::exchange(is_settling_, false))
          settle();
      },
      [this](loaded_atom, const std::shared_ptr<run_round>& page) { on_page(page); },
      [this](result_atom, std::uint64_t number, std::uint64_t undone) {
        if (number == round_ && under_way_)
          on_round(undone);
      },
      [this](result_atom, bool done) { on_end(done); },
    };
  }

private:
  // -- which namespace ----------------------------------------------------------------------------

  void look() {
    if (task_)
      return;
    forget_erased();
    std::optional<task> next;
    std::optional<duration> wait;
    auto consider = [&](task t, duration left) {
      left = std::max(left, pause_of(t.id).ends - shared_.time.boot_time());
      if (!shared_.own_lease.valid())
        left = std::max(left, try_again_after);
      if (left > duration{0})
        wait = wait ? std::min(*wait, left) : left;
      else if (!next || pause_of(t.id).ends < pause_of(next->id).ends)
        next = std::move(t);
    };
    auto all = shared_.namespaces.all();
    for (const auto& [name, ns] : *all)
      if (auto what = work_on(*ns); what && !has_reviewed(*ns))
        consider({.what = *what,
                  .id = ns->facts.id,
                  .name = name,
                  .retention = ns->record.config().workflow_execution_retention_ttl(),
                  .version = ns->version},
                 waits_for(*ns));
    for (const auto& id : unrecorded_)
      consider({.id = id, .name = id + ", which is in no record", .is_unrecorded = true},
               duration{0});
    if (next)
      begin(std::move(*next));
    else if (wait)
      later(*wait);
  }

  void on_unrecorded(const std::string& id) {
    if (unrecorded_.size() < unrecorded_max && unrecorded_.insert(id).second)
      look();
  }

  void forget_erased() {
    auto is_gone = [this](const std::string& id) {
      return !unrecorded_.contains(id) && !shared_.namespaces.find_by_id(id);
    };
    std::erase_if(emptied_, is_gone);
    std::erase_if(paused_, [&](const auto& one) { return is_gone(one.first); });
    std::erase_if(reviewed_, [&](const auto& one) { return is_gone(one.first); });
  }

  pause pause_of(const std::string& id) const {
    auto found = paused_.find(id);
    return found == paused_.end() ? pause{} : found->second;
  }

  /// One that has nothing left but its record waits for its time.
  duration waits_for(const namespace_entry& ns) const {
    if (!ns.is_deleted() || !emptied_.contains(ns.facts.id) || !ns.record.has_erase_not_before())
      return duration{0};
    constexpr duration longest = std::chrono::hours{1};
    return std::min(longest, engine::from_proto(ns.record.erase_not_before()) - shared_.time.now());
  }

  /// One message at a time waits, however often this is asked.
  void later(duration wait) {
    auto now = shared_.time.boot_time();
    if (looks_at_ > now && looks_at_ <= now + wait)
      return;
    looks_at_ = now + wait;
    delayed_send(this, wait, tick_atom_v);
  }

  void begin(task t) {
    task_ = std::move(t);
    written_up_to_.reset();
    settle_for(change_settles);
  }

  void settle_for(duration d) {
    is_settling_ = true;
    delayed_send(this, d, tick_atom_v, ++round_);
  }

  /// What was decided before the change is found by the pass only when it is written: a run that
  /// comes into the store behind it would be there for ever.
  void settle() {
    if (!written_up_to_)
      written_up_to_ = shared_.appends_sent.load(std::memory_order_acquire);
    if (shared_.appends_done.load(std::memory_order_acquire) < *written_up_to_)
      return settle_for(asks_after);
    begin_pass();
  }

  /// Of this namespace, until a pause is over: others are not to wait for what fails.
  void give_up() {
    under_way_ = false;
    orders_.clear();
    auto& p = paused_[task_->id];
    p.ends = shared_.time.boot_time()
             + try_again_after * (1 << std::min(p.failures++, doublings_max));
    task_.reset();
    look();
  }

  // -- its runs -----------------------------------------------------------------------------------

  void begin_pass() {
    behind_ = 0;
    found_ = 0;
    undone_ = 0;
    others_ = 0;
    arrivals_ = shared_.own_lease.arrivals();
    read();
  }

  void read() {
    auto round = std::make_shared<run_round>(upkeep_actor{this}, ++round_);
    auto job = [&shared = shared_, me = upkeep_actor{this}, round, id = task_->id, behind = behind_,
                looks_for_record = task_->is_unrecorded && behind_ == 0] {
      try {
        // Perhaps it is younger than what was read of records here.
        auto loaded = looks_for_record ? shared.namespaces.load() : result<void>{};
        round->has_record = looks_for_record && shared.namespaces.find_by_id(id);
        auto page = shared.db.runs_of(id, behind, shared.capacity.upkeep_rows);
        round->failed = !page || !loaded;
        if (page)
          round->page = std::move(*page);
      } catch (...) {
        log_thrown(log_level::error, "the runs of a namespace could not be read");
        round->failed = true;
      }
      caf::anon_send(me, loaded_atom_v, round);
    };
    if (!shared_.readers.post(lane::points, std::move(job)))
      give_up();
  }

  void on_page(const std::shared_ptr<run_round>& read_round) {
    if (!task_ || read_round->number != round_)
      return;
    if (read_round->failed)
      shared_.watch.store_read_failures.add();
    if (read_round->failed || !shared_.own_lease.valid())
      return give_up();
    if (read_round->has_record)
      return end_task();
    auto& page = read_round->page;
    behind_ = page.last_key;
    is_last_ = page.is_last;
    constexpr int running = 1;
    for (auto& run : page.runs) {
      if (task_->what == work::review
          && (run.kind != machine_kind::workflow || run.status == running))
        continue;
      if (shared_.own_lease.serves(store::range_of(run.slot)))
        orders_.push_back(std::move(run));
      else
        ++others_;
    }
    found_ += orders_.size();
    go_on();
  }

  /// Gives the next orders, or reads on.
  void go_on() {
    if (orders_.empty())
      return is_last_ ? end_pass() : read();
    auto round = std::make_shared<run_round>(upkeep_actor{this}, ++round_);
    round->is_given = true;
    under_way_ = true;
    auto most = std::min(orders_.size(), shared_.capacity.upkeep_orders_max);
    for (std::size_t i = 0; i < most; ++i) {
      auto run = std::move(orders_.back());
      orders_.pop_back();
      const auto& slot = shared_.slots[run.slot].get();
      send(slot, order_atom_v, std::make_shared<run_order>(round, task_->what, std::move(run)));
    }
    delayed_send(this, patience, tick_atom_v, round_);
  }

  void on_round(std::uint64_t undone) {
    under_way_ = false;
    undone_ += undone;
    // Perhaps this node has lost its slots: then the next owner goes on.
    if (undone > 0 && !shared_.own_lease.valid())
      return give_up();
    go_on();
  }

  void end_pass() {
    // It goes on, if slowly.
    if (undone_ < found_)
      paused_.erase(task_->id);
    if (undone_ > 0)
      return give_up();
    if (others_ > 0)
      return leave_rest_to_others();
    // What was decided before the change may have been written behind the place that was looked at.
    if (task_->what == work::erase && found_ > 0)
      return begin_pass();
    end_work();
  }

  /// What is this server's is done; the record says so when one finds nothing left.
  void leave_rest_to_others() {
    if (task_->what == work::review)
      reviewed_[task_->id] = {task_->version, arrivals_};
    give_up();
  }

  bool has_reviewed(const namespace_entry& ns) const {
    auto found = reviewed_.find(ns.facts.id);
    return !ns.is_deleted() && found != reviewed_.end()
           && found->second == std::pair{ns.version, shared_.own_lease.arrivals()};
  }

  // -- what is left -------------------------------------------------------------------------------

  void end_work() {
    auto job = [&shared = shared_, me = upkeep_actor{this}, t = *task_] {
      auto done = false;
      try {
        done = t.what == work::erase ? end_erasing(shared, t) : end_review(shared, t);
      } catch (...) {
        log_thrown(log_level::error, "the work on a namespace could not be ended");
      }
      caf::anon_send(me, result_atom_v, done);
    };
    if (!shared_.readers.post(lane::points, std::move(job)))
      give_up();
  }

  /// False: it failed.
  static bool end_erasing(services& shared, const task& t) {
    for (auto is_empty = false; !is_empty;) {
      auto none = erase_backlogs(shared.db, t.id);
      if (!none || !shared.own_lease.valid())
        return false;
      is_empty = *none;
    }
    auto ns = shared.namespaces.find_by_id(t.id);
    if (ns && ns->record.has_erase_not_before()
        && engine::from_proto(ns->record.erase_not_before()) > shared.time.now())
      return true;
    if (!shared.namespaces.erase(t.id))
      return false;
    log(log_level::info, "nothing is left of the deleted namespace " + t.name);
    return true;
  }

  /// Unless it has changed again.
  static bool end_review(services& shared, const task& t) {
    auto same = [&t](journal::NamespaceRecord& record) -> result<void> {
      const auto& now = record.config().workflow_execution_retention_ttl();
      if (engine::from_proto(now) == engine::from_proto(t.retention))
        record.clear_review_retention();
      return {};
    };
    return static_cast<bool>(shared.namespaces.update(t.name, same));
  }

  void on_end(bool done) {
    if (!task_)
      return;
    if (!done)
      return give_up();
    if (task_->what == work::erase)
      emptied_.insert(task_->id);
    end_task();
  }

  void end_task() {
    paused_.erase(task_->id);
    unrecorded_.erase(task_->id);
    task_.reset();
    look();
  }

  services& shared_;
  /// Boot time.
  std::chrono::nanoseconds looks_at_{0};
  std::optional<task> task_;
  /// Namespaces that have nothing left but their records.
  std::set<std::string> emptied_;
  /// Ids of namespaces that have runs and, as far as is known, no record.
  std::set<std::string> unrecorded_;
  /// By id.
  std::map<std::string, pause> paused_;
  /// Of which other servers have runs, and all that are served here were reviewed: the version of
  /// the record, and the arrivals of ranges until then.
  std::map<std::string, std::pair<std::int64_t, std::uint64_t>> reviewed_;
  // Of the pass over the store's runs.
  std::int64_t behind_ = 0;
  bool is_last_ = false;
  std::uint64_t found_ = 0;
  std::uint64_t undone_ = 0;
  /// What it found of other servers.
  std::uint64_t others_ = 0;
  /// Of ranges, when it began.
  std::uint64_t arrivals_ = 0;
  std::vector<store::run_head> orders_;
  std::uint64_t round_ = 0;
  bool is_settling_ = false;
  /// Appends that were sent when the change had settled.
  std::optional<std::uint64_t> written_up_to_;
  bool under_way_ = false;
};

} // namespace

upkeep_actor spawn_namespace_upkeep(caf::actor_system& system, services& shared) {
  return system.spawn<namespace_upkeep>(shared);
}

} // namespace reprise::actors
