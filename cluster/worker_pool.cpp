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
#include <condition_variable>
#include <exception>
#include <string>
#include <thread>

namespace reprise::cluster {

namespace {

/// After so many jobs a worker looks at what came from outside.
constexpr std::size_t batch = 32;
constexpr event_source::time_point at_once{};

/// Nothing that is thrown may end the process.
template <class Work>
void guarded(const char* failed, Work&& work) noexcept {
  try {
    work();
  } catch (const std::exception& e) {
    log(log_level::error, std::string{failed} + ": " + e.what());
  } catch (...) {
    log(log_level::error, failed);
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

} // namespace

// -- the clock -----------------------------------------------------------------------------------

template <class Change>
void pool_clock::change(Change what) {
  auto sooner = false;
  {
    std::lock_guard lock{mutex_};
    what();
    auto next = schedule_.empty() ? never : schedule_.begin()->first.time_since_epoch().count();
    sooner = next < next_.exchange(next, std::memory_order_acq_rel);
  }
  if (sooner && tell_)
    tell_();
}

void pool_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                                      std::uint64_t id) {
  change([&] { super::set_ordinary_timeout(t, self, type, id); });
}

void pool_clock::set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type,
                                   std::uint64_t id) {
  change([&] { super::set_multi_timeout(t, self, type, id); });
}

void pool_clock::set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) {
  change([&] { super::set_request_timeout(t, self, id); });
}

void pool_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  change([&] { super::cancel_ordinary_timeout(self, type); });
}

void pool_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  change([&] { super::cancel_request_timeout(self, id); });
}

void pool_clock::cancel_timeouts(caf::abstract_actor* self) {
  change([&] { super::cancel_timeouts(self); });
}

void pool_clock::schedule_message(time_point t, caf::strong_actor_ptr receiver,
                                  caf::mailbox_element_ptr content) {
  change([&] { super::schedule_message(t, std::move(receiver), std::move(content)); });
}

void pool_clock::schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender,
                                  caf::message content) {
  change(
    [&] { super::schedule_message(t, std::move(target), std::move(sender), std::move(content)); });
}

void pool_clock::cancel_all() {
  change([&] { super::cancel_all(); });
}

void pool_clock::deliver() {
  auto next = next_.load(std::memory_order_acquire);
  if (next == never || next > now().time_since_epoch().count())
    return;
  change([&] { trigger_expired_timeouts(); });
}

std::optional<pool_clock::time_point> pool_clock::next() const {
  auto next = next_.load(std::memory_order_acquire);
  if (next == never)
    return std::nullopt;
  return time_point{std::chrono::steady_clock::duration{next}};
}

// -- workers -------------------------------------------------------------------------------------

class worker_pool::worker final : public caf::execution_unit {
public:
  explicit worker(worker_pool& pool) : caf::execution_unit(&pool.system()), pool_(pool) {
  }

  /// The worker whose thread this is, if any.
  static worker*& here() {
    static thread_local worker* mine = nullptr;
    return mine;
  }

  void exec_later(caf::resumable* job) override {
    push(job);
  }

  /// Whoever is not queued here never runs again: a server without memory for that had better end
  /// than hang.
  void push(caf::resumable* job) noexcept {
    ready.push_back(job);
  }

  void start() {
    thread_ = std::thread{[this] {
      here() = this;
      system().thread_started();
      while (!pool_.stopping_.load(std::memory_order_acquire))
        guarded("a worker failed", [this] { turn(); });
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

  std::deque<caf::resumable*> ready;
  /// Guarded by the pool's lock.
  bool sleeping = false;

private:
  /// Runs what is ready, and waits when nothing is.
  void turn() {
    auto& source = current_source();
    pool_.clock_.deliver();
    pool_.take(*this);
    for (std::size_t n = 0; n < batch && !ready.empty(); ++n)
      run_next();
    pool_.share(*this);
    source.settle();
    if (!ready.empty())
      return source.wait(at_once);
    if (!pool_.sleep(*this))
      return;
    guarded("a worker could not wait", [&] { source.wait(pool_.clock_.next()); });
    pool_.woken(*this);
  }

  void run_next() {
    auto* job = ready.front();
    ready.pop_front();
    switch (resume(*job)) {
      case caf::resumable::resume_later:
        push(job);
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
    } catch (const std::exception& e) {
      log(log_level::error, std::string{"an actor could not be run: "} + e.what());
    } catch (...) {
      log(log_level::error, "an actor could not be run");
    }
    guarded("an actor could not be ended", [&] {
      auto kind = job.subtype();
      if (kind == caf::resumable::scheduled_actor || kind == caf::resumable::io_actor)
        static_cast<caf::scheduled_actor&>(job).cleanup(caf::sec::runtime_error, this);
    });
    return caf::resumable::done;
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
  waiting_room room_;
  std::mutex mutex_;
  std::condition_variable changed_;
  event_source* wanted_ = &room_;
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
    workers_.push_back(std::make_unique<worker>(*this));
  clock_.on_sooner([this] {
    // A worker looks at the clock before it waits.
    if (auto* me = worker::here(); me == nullptr || !me->belongs_to(*this))
      workers_.front()->wake();
  });
  for (auto& w : workers_)
    w->start();
  caf::scheduler::abstract_coordinator::start();
}

void worker_pool::stop() {
  // They are event-based or detached; the workers must run until they have ended.
  stop_actors();
  stopping_.store(true, std::memory_order_release);
  for (auto& w : workers_)
    w->wake();
  for (auto& w : workers_)
    w->join();
  clock_.on_sooner(nullptr);
  for (auto& w : workers_)
    for (auto* job : w->ready)
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
    me->push(job);
    return;
  }
  worker* sleeper = nullptr;
  {
    std::lock_guard lock{mutex_};
    [&]() noexcept { shared_.push_back(job); }();
    shared_size_.store(shared_.size(), std::memory_order_release);
    sleeper = claim_sleeper();
  }
  if (sleeper != nullptr)
    sleeper->wake();
}

/// Under the lock. A claimed sleeper counts as awake: it takes all that is shared when it looks.
worker_pool::worker* worker_pool::claim_sleeper() {
  for (auto& w : workers_)
    if (w->sleeping) {
      w->sleeping = false;
      --sleepers_;
      return w.get();
    }
  return nullptr;
}

/// A fair part of what is nobody's yet.
void worker_pool::take(worker& w) {
  if (shared_size_.load(std::memory_order_acquire) == 0)
    return;
  std::lock_guard lock{mutex_};
  auto part = (shared_.size() + workers_.size() - 1) / workers_.size();
  for (; part > 0; --part) {
    w.ready.push_back(shared_.front());
    shared_.pop_front();
  }
  shared_size_.store(shared_.size(), std::memory_order_release);
}

/// What a busy worker cannot run soon, for those who sleep.
void worker_pool::share(worker& w) {
  if (w.ready.size() < 2 || sleepers_.load(std::memory_order_acquire) == 0)
    return;
  worker* sleeper = nullptr;
  {
    std::lock_guard lock{mutex_};
    for (auto part = w.ready.size() / 2; part > 0; --part) {
      shared_.push_back(w.ready.back());
      w.ready.pop_back();
    }
    shared_size_.store(shared_.size(), std::memory_order_release);
    sleeper = claim_sleeper();
  }
  if (sleeper != nullptr)
    sleeper->wake();
}

bool worker_pool::sleep(worker& w) {
  std::lock_guard lock{mutex_};
  if (!shared_.empty() || stopping_.load(std::memory_order_acquire))
    return false;
  w.sleeping = true;
  ++sleepers_;
  return true;
}

void worker_pool::woken(worker& w) {
  std::lock_guard lock{mutex_};
  if (!w.sleeping)
    return;
  w.sleeping = false;
  --sleepers_;
}

} // namespace reprise::cluster
