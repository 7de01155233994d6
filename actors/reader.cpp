#include "actors/reader.hpp"

#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>

namespace reprise::actors {

namespace {

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
  open_.store(false, std::memory_order_release);
  for (auto& r : readers_)
    caf::anon_send_exit(r, caf::exit_reason::user_shutdown);
}

bool reader_pool::post(store_job job) {
  if (!open_.load(std::memory_order_acquire))
    return false;
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= jobs_max) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  auto place = next_.fetch_add(1, std::memory_order_relaxed) % readers_.size();
  auto counted = std::make_shared<store_job>([this, job = std::move(job)] {
    // Counted down even when the job throws.
    struct leave {
      std::atomic<std::size_t>& n;
      ~leave() {
        n.fetch_sub(1, std::memory_order_relaxed);
      }
    } guard{waiting_};
    job();
  });
  caf::anon_send(readers_[place], job_atom_v, std::move(counted));
  return true;
}

} // namespace reprise::actors
