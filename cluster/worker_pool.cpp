#include "cluster/worker_pool.hpp"

#include "base/ensure.hpp"
#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/sec.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>
#include <utility>

namespace reprise::cluster {

namespace {

/// After so many jobs a worker looks at what came from outside.
constexpr std::size_t batch = 32;
/// So many jobs that an event source made ready are shared with those who sleep, before it is done.
constexpr std::size_t worth_sharing = 4;
/// A worker that does not get on for so long is stuck in one job, or with its sockets.
constexpr auto patience = std::chrono::milliseconds{10};
constexpr std::size_t stand_ins = 2;
constexpr event_source::time_point at_once{};

/// Nothing that is thrown may end the process.
template <class Work>
void guarded(const char* failed, Work&& work) noexcept {
  try {
    work();
  } catch (...) {
    log_thrown(log_level::error, failed);
  }
}

/// Where a worker waits that has no other source.
class waiting_room final : public event_source {
public:
  void settle() override {
  }

  void wait(std::optional<time_point> until) override {
    std::unique_lock lock{mutex_};
    auto ready = [this] { return woken_; };
    if (until)
      changed_.wait_until(lock, *until, ready);
    else
      changed_.wait(lock, ready);
    woken_ = false;
  }

  void handle() override {
  }

  void wake() override {
    {
      std::lock_guard lock{mutex_};
      woken_ = true;
    }
    changed_.notify_one();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

/// The jobs of one worker. Thread-safe: others take them when it is stuck.
class job_queue {
public:
  /// Whoever is not queued here never runs again: a server without memory for that had better end
  /// than hang.
  void push(caf::resumable* job) noexcept {
    std::lock_guard lock{mutex_};
    jobs_.push_back(job);
    size_.store(jobs_.size(), std::memory_order_relaxed);
  }

  /// Null: there is none.
  caf::resumable* pop() {
    std::lock_guard lock{mutex_};
    if (jobs_.empty())
      return nullptr;
    auto* job = jobs_.front();
    jobs_.pop_front();
    size_.store(jobs_.size(), std::memory_order_relaxed);
    return job;
  }

  std::deque<caf::resumable*> take_all() {
    std::lock_guard lock{mutex_};
    size_.store(0, std::memory_order_relaxed);
    return std::exchange(jobs_, {});
  }

  std::size_t size() const noexcept {
    return size_.load(std::memory_order_relaxed);
  }

private:
  std::mutex mutex_;
  std::deque<caf::resumable*> jobs_;
  std::atomic<std::size_t> size_{0};
};

} // namespace

// -- workers -------------------------------------------------------------------------------------

class worker_pool::worker final : public caf::execution_unit {
public:
  worker(worker_pool& pool, bool stands_in)
    : caf::execution_unit(&pool.system()), stands_in(stands_in), pool_(pool) {
  }

  /// The worker whose thread this is, if any.
  static worker*& here() {
    static thread_local worker* mine = nullptr;
    return mine;
  }

  void exec_later(caf::resumable* job) override {
    ready.push(job);
  }

  template <class Life>
  void start(Life live) {
    thread_ = std::thread{[this, live = std::move(live)] {
      here() = this;
      system().thread_started();
      live();
      system().thread_terminates();
      here() = nullptr;
    }};
  }

  void join() {
    thread_.join();
  }

  void attach(event_source* source) {
    std::unique_lock lock{mutex_};
    wanted_ = source != nullptr ? source : &room_;
    source_->wake();
    changed_.wait(lock, [this] { return source_ == wanted_; });
  }

  /// Any thread.
  void wake() {
    std::lock_guard lock{mutex_};
    source_->wake();
  }

  bool belongs_to(const worker_pool& pool) const {
    return &pool == &pool_;
  }

  /// Runs what is ready, and waits when nothing is.
  void turn() {
    pool_.clock_.deliver();
    pool_.take(*this);
    run_batch();
    // What comes next may take a while.
    pool_.share(*this);
    attend();
  }

  void run_batch() {
    for (std::size_t n = 0; n < batch; ++n) {
      auto* job = ready.pop();
      if (job == nullptr)
        return;
      run(job);
    }
  }

  /// By a stand-in: handles what comes into this worker's source until then. False: somebody else
  /// is in it.
  bool attend_for(worker& stuck, event_source::time_point until) {
    std::unique_lock attending{stuck.attending_, std::try_to_lock};
    if (!attending)
      return false;
    in_source_ = true;
    guarded("a stand-in failed", [&] {
      stuck.source_->settle();
      stuck.source_->wait(ready.size() > 0 ? at_once : until);
      stuck.source_->handle();
    });
    in_source_ = false;
    return true;
  }

  bool is_in_source() const noexcept {
    return in_source_;
  }

  /// Changes whenever the worker gets on.
  std::uint64_t steps() const noexcept {
    return steps_.load(std::memory_order_acquire);
  }

  void step() noexcept {
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  job_queue ready;
  const bool stands_in;

  // Guarded by the pool's lock.
  bool sleeping = false;
  /// Steps at the last look; none: it slept.
  std::optional<std::uint64_t> seen{};
  /// Somebody stands in for it.
  bool is_relieved = false;
  /// Of a stand-in: whose source it attends; null: it stands by.
  worker* charge = nullptr;

private:
  void run(caf::resumable* job) {
    step();
    switch (resume(*job)) {
      case caf::resumable::resume_later:
        ready.push(job);
        break;
      case caf::resumable::done:
      case caf::resumable::awaiting_message:
      case caf::resumable::shutdown_execution_unit:
        caf::intrusive_ptr_release(job);
        break;
    }
  }

  /// An actor ends with what its handler throws; what comes out here was thrown around that. It
  /// ends the actor, too, so that those who watch it hear of it.
  caf::resumable::resume_result resume(caf::resumable& job) {
    try {
      return job.resume(this, pool_.max_throughput_);
    } catch (...) {
      log_thrown(log_level::error, "an actor could not be run");
    }
    guarded("an actor could not be ended", [&] {
      auto kind = job.subtype();
      if (kind == caf::resumable::scheduled_actor || kind == caf::resumable::io_actor)
        static_cast<caf::scheduled_actor&>(job).cleanup(caf::sec::runtime_error, this);
    });
    return caf::resumable::done;
  }

  void attend() {
    step();
    std::unique_lock attending{attending_, std::try_to_lock};
    if (!attending) {
      // A stand-in waits there, and leaves when it sees that this worker got on.
      wake();
      attending.lock();
    }
    auto& source = current_source();
    in_source_ = true;
    guarded("a worker could not settle", [&] { source.settle(); });
    if (ready.size() > 0) {
      guarded("a worker could not wait", [&] { source.wait(at_once); });
    } else if (auto nap = pool_.sleep(*this)) {
      guarded("a worker could not wait", [&] { source.wait(nap->until); });
      pool_.woken(*this);
    }
    guarded("a worker could not handle what came", [&] { source.handle(); });
    in_source_ = false;
  }

  event_source& current_source() {
    std::lock_guard lock{mutex_};
    if (source_ != wanted_) {
      source_ = wanted_;
      changed_.notify_all();
    }
    return *source_;
  }

  worker_pool& pool_;
  std::thread thread_;
  std::atomic<std::uint64_t> steps_{0};
  /// Held by who is in the source.
  std::mutex attending_;
  bool in_source_ = false;
  waiting_room room_;
  std::mutex mutex_;
  std::condition_variable changed_;
  event_source* wanted_ = &room_;
  /// Changed by the worker alone, with both locks.
  event_source* source_ = &room_;
};

// -- the pool ------------------------------------------------------------------------------------

void worker_pool::use(caf::actor_system_config& config, std::size_t workers) {
  config.set("scheduler.max-threads", std::max<std::size_t>(workers, 1));
  config.load<worker_pool>();
}

worker_pool& worker_pool::of(caf::actor_system& system) {
  auto* pool = dynamic_cast<worker_pool*>(&system.scheduler());
  ENSURE(pool != nullptr, "the actor system was not told to run on a worker pool");
  return *pool;
}

worker_pool::worker_pool(caf::actor_system& system) : caf::scheduler::abstract_coordinator(system) {
}

worker_pool::~worker_pool() = default;

caf::actor_system::module* worker_pool::make(caf::actor_system& system, caf::detail::type_list<>) {
  return new worker_pool(system);
}

void worker_pool::start() {
  for (std::size_t i = 0; i < num_workers(); ++i)
    workers_.push_back(std::make_unique<worker>(*this, false));
  for (std::size_t i = 0; i < stand_ins; ++i)
    stand_ins_.push_back(std::make_unique<worker>(*this, true));
  clock_.on_sooner([this] { on_sooner(); });
  for (auto& w : workers_)
    w->start([this, me = w.get()] {
      while (!stopping_.load(std::memory_order_acquire))
        guarded("a worker failed", [me] { me->turn(); });
    });
  for (auto& s : stand_ins_)
    s->start([this, me = s.get()] { stand_by(*me); });
  caf::scheduler::abstract_coordinator::start();
}

void worker_pool::stop() {
  // They are event-based or detached; the workers must run until they have ended.
  stop_actors();
  {
    std::lock_guard lock{mutex_};
    stopping_.store(true, std::memory_order_release);
    watch_changed_.notify_all();
  }
  for (auto& w : workers_)
    w->wake();
  for (auto& s : stand_ins_)
    s->join();
  for (auto& w : workers_)
    w->join();
  clock_.on_sooner(nullptr);
  for (auto* all : {&workers_, &stand_ins_})
    for (auto& w : *all)
      for (auto* job : w->ready.take_all())
        cleanup_and_release(job);
  for (auto* job : shared_)
    cleanup_and_release(job);
  shared_.clear();
  clock_.cancel_all();
}

void worker_pool::attach(std::size_t worker, event_source* source) {
  workers_.at(worker)->attach(source);
}

void worker_pool::enqueue(caf::resumable* job) {
  if (auto* me = worker::here(); me != nullptr && me->belongs_to(*this)) {
    me->ready.push(job);
    // It may be a while until the source is done.
    if (me->is_in_source() && me->ready.size() >= worth_sharing)
      share(*me);
    return;
  }
  put(std::array{job});
}

/// What is anybody's from now on.
template <class Jobs>
void worker_pool::put(const Jobs& jobs) {
  worker* sleeper = nullptr;
  {
    std::lock_guard lock{mutex_};
    [&]() noexcept { shared_.insert(shared_.end(), jobs.begin(), jobs.end()); }();
    shared_size_.store(shared_.size(), std::memory_order_release);
    sleeper = claim_sleeper();
  }
  if (sleeper != nullptr)
    sleeper->wake();
}

/// A fair part of what is nobody's yet.
void worker_pool::take(worker& w) {
  if (shared_size_.load(std::memory_order_acquire) == 0)
    return;
  std::lock_guard lock{mutex_};
  auto part = (shared_.size() + workers_.size() - 1) / workers_.size();
  for (; part > 0; --part) {
    w.ready.push(shared_.front());
    shared_.pop_front();
  }
  shared_size_.store(shared_.size(), std::memory_order_release);
}

/// What a busy worker cannot run now, for those who sleep.
void worker_pool::share(worker& w) {
  if (w.ready.size() > 0 && sleepers_.load(std::memory_order_acquire) > 0)
    put(w.ready.take_all());
}

// -- sleep ---------------------------------------------------------------------------------------

std::optional<worker_pool::nap> worker_pool::sleep(worker& w) {
  std::lock_guard lock{mutex_};
  if (!shared_.empty() || stopping_.load(std::memory_order_acquire))
    return std::nullopt;
  w.sleeping = true;
  ++sleepers_;
  auto next = clock_.next();
  if (!next || (timekeeper_ != nullptr && timekeeper_until_ <= *next))
    return nap{};
  timekeeper_ = &w;
  timekeeper_until_ = *next;
  return nap{.until = next};
}

void worker_pool::woken(worker& w) {
  std::lock_guard lock{mutex_};
  if (w.sleeping)
    leaves_sleep(w);
}

void worker_pool::leaves_sleep(worker& w) {
  w.sleeping = false;
  --sleepers_;
  if (timekeeper_ == &w)
    timekeeper_ = nullptr;
  if (std::exchange(watch_rests_, false))
    watch_changed_.notify_all();
}

/// A claimed sleeper counts as awake: it takes what is shared when it looks. Rather one that does
/// not watch the clock.
worker_pool::worker* worker_pool::claim_sleeper() {
  worker* found = nullptr;
  for (auto& w : workers_)
    if (w->sleeping && (found == nullptr || found == timekeeper_))
      found = w.get();
  if (found != nullptr)
    leaves_sleep(*found);
  return found;
}

/// Something is due sooner than all that was there.
void worker_pool::on_sooner() {
  // A worker looks at the clock before it sleeps.
  if (auto* me = worker::here(); me != nullptr && me->belongs_to(*this) && !me->stands_in)
    return;
  worker* sleeper = nullptr;
  {
    std::lock_guard lock{mutex_};
    if (sleepers_ < workers_.size())
      return;
    sleeper = timekeeper_ != nullptr ? timekeeper_ : claim_sleeper();
  }
  if (sleeper != nullptr)
    sleeper->wake();
}

// -- stand-ins -----------------------------------------------------------------------------------

void worker_pool::stand_by(worker& me) {
  std::unique_lock lock{mutex_};
  auto ends = [this] { return stopping_.load(std::memory_order_acquire); };
  while (true) {
    watch_changed_.wait(lock, [&] { return ends() || !is_watched_; });
    if (ends())
      return;
    is_watched_ = true;
    auto* stuck = wait_for_stuck(lock);
    is_watched_ = false;
    watch_changed_.notify_all();
    if (stuck == nullptr)
      return;
    stuck->is_relieved = true;
    me.charge = stuck->stands_in ? stuck->charge : stuck;
    me.seen.reset();
    lock.unlock();
    guarded("a stand-in failed", [&] { stand_in(me, *stuck); });
    lock.lock();
    me.charge = nullptr;
    stuck->is_relieved = false;
  }
}

/// Null when the pool ends.
worker_pool::worker* worker_pool::wait_for_stuck(std::unique_lock<std::mutex>& lock) {
  auto ends = [this] { return stopping_.load(std::memory_order_acquire); };
  while (!ends()) {
    // A stand-in that is at work may get stuck, too.
    auto stands_by = [](const auto& s) { return s->charge == nullptr; };
    if (sleepers_ == workers_.size() && std::ranges::all_of(stand_ins_, stands_by)) {
      watch_rests_ = true;
      watch_changed_.wait(lock, [&] { return ends() || !watch_rests_; });
    }
    watch_changed_.wait_for(lock, patience, ends);
    if (auto* stuck = find_stuck())
      return stuck;
  }
  return nullptr;
}

worker_pool::worker* worker_pool::find_stuck() {
  for (auto* all : {&workers_, &stand_ins_})
    for (auto& w : *all) {
      if (w->sleeping || (w->stands_in && w->charge == nullptr)) {
        w->seen.reset();
        continue;
      }
      auto steps = w->steps();
      if (std::exchange(w->seen, steps) == steps && !w->is_relieved)
        return w.get();
    }
  return nullptr;
}

/// Does what `stuck` would do, until it is back, or the worker is whose source that was.
void worker_pool::stand_in(worker& me, worker& stuck) {
  auto at = stuck.steps();
  auto charge_at = me.charge->steps();
  auto is_back = [&] { return stuck.steps() != at || me.charge->steps() != charge_at; };
  while (!is_back() && !stopping_.load(std::memory_order_acquire)) {
    me.step();
    clock_.deliver();
    take(me);
    for (auto* job : stuck.ready.take_all())
      me.ready.push(job);
    me.run_batch();
    // Short enough to be seen getting on.
    auto until = std::chrono::steady_clock::now() + patience / 4;
    if (!me.attend_for(*me.charge, until) && me.ready.size() == 0)
      std::this_thread::sleep_until(until);
  }
  if (me.ready.size() > 0)
    put(me.ready.take_all());
}

} // namespace reprise::cluster
