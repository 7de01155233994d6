#include "actors/storage/reader.hpp"

#include "actors/node/hooks.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

namespace reprise::actors {

/// The jobs of one lane and the readers that run them. Shared by them, so that it outlives each.
class reader_pool::queue : public std::enable_shared_from_this<reader_pool::queue> {
public:
  /// `used`: shows how many jobs wait or run; null: nobody asks.
  void start(caf::actor_system& system, const lane_bounds& bounds, counter& refused, gauge* used,
             bool detached) {
    std::lock_guard guard{mutex_};
    system_ = &system;
    refused_ = &refused;
    used_ = used;
    jobs_max_ = bounds.jobs_max;
    runs_max_ = bounds.runs_max;
    detached_ = detached;
    open_ = true;
    readers_.resize(bounds.readers);
    for (std::size_t i = 0; i < readers_.size(); ++i)
      spawn(i);
  }

  void stop() {
    std::lock_guard guard{mutex_};
    open_ = false;
    // Those that work see it when nothing is left to do.
    for (auto i : std::exchange(idle_, {}))
      caf::anon_send(readers_[i], job_atom_v);
  }

  bool post(store_job job, bool for_client) {
    std::lock_guard guard{mutex_};
    if (!open_)
      return false;
    if (for_client && waiting_ >= jobs_max_) {
      refused_->add();
      return false;
    }
    jobs_.push_back({.what = std::move(job), .for_client = for_client});
    ++waiting_;
    if (used_ != nullptr)
      used_->add(1);
    if (idle_.empty())
      return true;
    caf::anon_send(readers_[idle_.back()], job_atom_v);
    idle_.pop_back();
    return true;
  }

  std::vector<reader_actor> readers() {
    std::lock_guard guard{mutex_};
    return readers_;
  }

  std::size_t waiting() {
    std::lock_guard guard{mutex_};
    return waiting_;
  }

private:
  struct entry {
    store_job what{};
    bool for_client = false;
    /// How often it was run.
    std::size_t runs = 0;
  };

  /// Holds the mutex. A new reader looks for work first.
  void spawn(std::size_t i) {
    auto self = shared_from_this();
    auto life = [self, i](reader_actor::pointer actor) { return self->reader(actor, i); };
    readers_[i] = detached_ ? system_->spawn<caf::detached>(life) : system_->spawn(life);
    auto& actor = *caf::actor_cast<caf::abstract_actor*>(readers_[i]);
    actor.attach_functor([self, i](const caf::error&) { self->on_end(i); });
    caf::anon_send(readers_[i], job_atom_v);
  }

  void on_end(std::size_t i) {
    std::lock_guard guard{mutex_};
    if (!open_ && jobs_.empty())
      return;
    log(log_level::error, "a reader of the store died: another one takes its place");
    std::erase(idle_, i);
    spawn(i);
  }

  reader_actor::behavior_type reader(reader_actor::pointer actor, std::size_t i) {
    return {[self = shared_from_this(), actor, i](job_atom) {
      // One at a time: in a simulation everything else may come in between.
      if (auto job = self->next_job(i)) {
        self->run(std::move(*job));
        actor->send(actor, job_atom_v);
      } else if (self->has_ended()) {
        actor->quit();
      }
    }};
  }

  /// Nothing: the reader is idle from then on.
  std::optional<entry> next_job(std::size_t i) {
    std::lock_guard guard{mutex_};
    if (jobs_.empty()) {
      if (open_)
        idle_.push_back(i);
      return std::nullopt;
    }
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

  bool has_ended() {
    std::lock_guard guard{mutex_};
    return !open_ && jobs_.empty();
  }

  void run(entry job) {
    while (wants_memory(job)) {
      if (detached_)
        std::this_thread::sleep_for(run_again);
      else if (put_back(job))
        return;
    }
    std::lock_guard guard{mutex_};
    --waiting_;
    if (used_ != nullptr)
      used_->add(-1);
  }

  /// A job answers its asker itself; one that throws is a bug, and costs nobody else. One of the
  /// node that found no memory is to be run again (true): nobody asks twice for what it brings.
  bool wants_memory(entry& job) {
    try {
      ++job.runs;
      job.what();
    } catch (const std::bad_alloc&) {
      auto again = !job.for_client && job.runs < runs_max_;
      log(log_level::error, again ? "a job on the store found no memory, and is run again"
                                  : "a job on the store found no memory, and is given up");
      return again;
    } catch (...) {
      log_thrown(log_level::error, "a job on the store threw");
    }
    return false;
  }

  /// Behind all others, which may be what frees memory.
  bool put_back(entry& job) noexcept {
    std::lock_guard guard{mutex_};
    try {
      jobs_.push_back(job);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  static constexpr duration run_again = std::chrono::milliseconds{100};

  std::mutex mutex_;
  caf::actor_system* system_ = nullptr;
  counter* refused_ = nullptr;
  gauge* used_ = nullptr;
  std::size_t jobs_max_ = 0;
  std::size_t runs_max_ = 1;
  bool detached_ = false;
  bool open_ = false;
  std::deque<entry> jobs_;
  /// Those that wait in the queue, and those that run.
  std::size_t waiting_ = 0;
  std::vector<reader_actor> readers_;
  /// Readers that were told nothing since they found nothing to do.
  std::vector<std::size_t> idle_;
};

namespace {

std::size_t place(lane where) {
  return static_cast<std::size_t>(where);
}

} // namespace

reader_pool::reader_pool() {
  for (auto& q : queues_)
    q = std::make_shared<queue>();
}

reader_pool::~reader_pool() = default;

void reader_pool::start(caf::actor_system& system, const node_bounds& bounds, hooks& watch,
                        bool detached) {
  lane_bounds own{.runs_max = bounds.job_runs_max};
  lane_bounds points{
    .readers = bounds.readers, .jobs_max = bounds.jobs_max, .runs_max = bounds.job_runs_max};
  lane_bounds scans{
    .readers = bounds.scanners, .jobs_max = bounds.scans_max, .runs_max = bounds.job_runs_max};
  auto& refused = watch.refused;
  auto& used = watch.used;
  queues_[place(lane::lease)]->start(system, own, refused.store_reads, nullptr, detached);
  queues_[place(lane::epochs)]->start(system, own, refused.store_reads, nullptr, detached);
  queues_[place(lane::points)]->start(system, points, refused.store_reads, &used.store_reads,
                                      detached);
  queues_[place(lane::scans)]->start(system, scans, refused.store_scans, &used.store_scans,
                                     detached);
}

void reader_pool::stop() {
  for (auto& q : queues_)
    q->stop();
}

std::vector<reader_actor> reader_pool::all() const {
  std::vector<reader_actor> out;
  for (const auto& q : queues_)
    for (auto& r : q->readers())
      out.push_back(std::move(r));
  return out;
}

bool reader_pool::post(lane where, store_job job) {
  return queues_[place(where)]->post(std::move(job), false);
}

bool reader_pool::offer(lane where, store_job job) {
  return queues_[place(where)]->post(std::move(job), true);
}

std::size_t reader_pool::waiting(lane where) const {
  return queues_[place(where)]->waiting();
}

} // namespace reprise::actors
