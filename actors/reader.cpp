#include "actors/reader.hpp"

#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <thread>

namespace reprise::actors {

namespace {

template <class Number>
struct count_down {
  std::atomic<Number>& n;

  ~count_down() {
    n.fetch_sub(1, std::memory_order_release);
  }
};

template <class Number>
count_down(std::atomic<Number>&) -> count_down<Number>;

reader_actor::behavior_type reader() {
  return {[](job_atom, const std::shared_ptr<store_job>& job) {
    // A job answers its asker itself; one that throws is a bug, and must not cost the pool a
    // reader.
    try {
      (*job)();
    } catch (const std::exception& e) {
      log(log_level::error, std::string{"a job on the store threw: "} + e.what());
    }
  }};
}

} // namespace

void reader_pool::start(caf::actor_system& system, std::size_t count, bool detached) {
  for (std::size_t i = 0; i < count; ++i)
    readers_.push_back(detached ? system.spawn<caf::detached>(reader) : system.spawn(reader));
  open_.store(true, std::memory_order_release);
}

void reader_pool::stop() {
  // Each post either sees that, or is seen here: its job then comes before the word to end.
  open_.store(false, std::memory_order_seq_cst);
  while (posting_.load(std::memory_order_seq_cst) > 0)
    std::this_thread::yield();
  for (auto& r : readers_)
    caf::anon_send_exit(r, caf::exit_reason::user_shutdown);
}

bool reader_pool::post(store_job job) {
  posting_.fetch_add(1, std::memory_order_seq_cst);
  count_down when_posted{posting_};
  if (!open_.load(std::memory_order_seq_cst))
    return false;
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= jobs_max_) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  auto place = next_.fetch_add(1, std::memory_order_relaxed) % readers_.size();
  auto counted = std::make_shared<store_job>([this, job = std::move(job)] {
    // Even when the job throws.
    count_down when_run{waiting_};
    job();
  });
  caf::anon_send(readers_[place], job_atom_v, std::move(counted));
  return true;
}

} // namespace reprise::actors
