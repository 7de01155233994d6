#include "actors/queue/queue_directory.hpp"

#include "actors/queue/task_queue.hpp"
#include "base/log.hpp"
#include "protocol/address.hpp"
#include "protocol/internal_queue.hpp"

#include <caf/actor_system.hpp>
#include <caf/logger.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <mutex>
#include <thread>
#include <utility>

namespace reprise::actors {

namespace {

/// Whoever spawns is given a hold on the actor system's logger, for as long as its thread lives,
/// and a system does not end before all of these are let go. Callers' threads may live on: this
/// takes it from them again.
class logger_visit {
public:
  logger_visit() = default;

  ~logger_visit() {
    if (!had_one_)
      caf::logger::set_current_actor_system(nullptr);
  }

  logger_visit(const logger_visit&) = delete;
  logger_visit& operator=(const logger_visit&) = delete;

private:
  const bool had_one_ = caf::logger::current_logger() != nullptr;
};

} // namespace

queue_directory::queue_directory(caf::actor_system& system, services& shared, metrics& m)
  : system_(system), shared_(shared), hooks_(m) {
}

queue_directory::~queue_directory() = default;

std::string queue_directory::name_of(const store::queue_key& key) {
  std::string out;
  out.reserve(key.namespace_id.size() + key.name.size() + 2);
  out.append(key.namespace_id);
  out.push_back(static_cast<char>('0' + key.kind));
  out.append(key.name);
  return out;
}

queue_directory::shard& queue_directory::shard_of(const std::string& name) {
  return shards_[std::hash<std::string>{}(name) % shards_.size()];
}

const queue_directory::shard& queue_directory::shard_of(const std::string& name) const {
  return shards_[std::hash<std::string>{}(name) % shards_.size()];
}

queue_actor queue_directory::find(const store::queue_key& key) {
  auto name = name_of(key);
  auto& where = shard_of(name);
  {
    std::shared_lock lock{where.mutex};
    auto found = where.entries.find(name);
    if (found != where.entries.end() && found->second.actor)
      return found->second.actor;
  }
  return spawn(key, name, where);
}

queue_actor queue_directory::find(const cluster::Task& task) {
  if (kind_of(task) != machine_kind::workflow && task.task_queue() == protocol::own_work_queue)
    return own_work_.get();
  return find({.namespace_id = task.namespace_id(),
               .name = task.task_queue(),
               .kind = task.kind() == cluster::Task::ACTIVITY ? 2 : 1});
}

queue_actor queue_directory::spawn(const store::queue_key& key, const std::string& name,
                                   shard& where) {
  logger_visit visit;
  queue_actor made;
  std::shared_ptr<queue_facts> facts;
  {
    std::unique_lock lock{where.mutex};
    if (!open_.load(std::memory_order_acquire))
      return {};
    auto& e = where.entries[name];
    if (e.actor)
      return e.actor;
    if (count_.load(std::memory_order_relaxed) >= shared_.capacity.queues_max) {
      if (!e.facts)
        where.entries.erase(name);
      shared_.watch.refused.task_queues.add();
      return {};
    }
    if (!e.facts) {
      e.facts = std::make_shared<queue_facts>();
      e.facts->key = key;
    }
    facts = e.facts;
    e.is_elsewhere = is_elsewhere(key);
    e.actor = e.is_elsewhere
                ? places_.load(std::memory_order_acquire)->stand_in(key)
                : queue_actor{system_.spawn<task_queue>(shared_, *this, hooks_, facts)};
    made = e.actor;
    count_.fetch_add(1, std::memory_order_relaxed);
    hooks_.queues.add(1);
    shared_.watch.used.task_queues.add(1);
  }
  // Outside of the lock: the functor takes it, and runs at once when the actor is dead already.
  made->attach_functor([this, facts, who = made->id()](const caf::error& why) {
    on_down(*facts, who, why && why != caf::exit_reason::user_shutdown);
  });
  return made;
}

bool queue_directory::is_elsewhere(const store::queue_key& key) const {
  const auto* places = places_.load(std::memory_order_acquire);
  return places != nullptr && !places->is_here(key);
}

void queue_directory::on_down(const queue_facts& which, caf::actor_id who, bool failed) {
  hooks_.queues.add(-1);
  shared_.watch.used.task_queues.add(-1);

  // The last thing that touches this object: stop() waits for it.
  struct leave {
    std::atomic<std::size_t>& n;

    ~leave() {
      n.fetch_sub(1, std::memory_order_release);
    }
  } guard{count_};

  if (!open_.load(std::memory_order_acquire))
    return;
  auto name = name_of(which.key);
  auto& where = shard_of(name);
  {
    std::unique_lock lock{where.mutex};
    std::erase_if(where.retired, [who](const queue_actor& q) { return q->id() == who; });
    auto found = where.entries.find(name);
    if (found != where.entries.end() && found->second.actor && found->second.actor->id() == who)
      found->second.actor = nullptr;
  }
  if (!failed)
    return;
  hooks_.crashed.add();
  log(log_level::error, "the actor of task queue " + which.key.name + " died");
  if (const auto& timer = shared_.timer.get())
    caf::anon_send(timer, reoffer_atom_v, which.key.namespace_id, which.key.name);
  if (auto* places = places_.load(std::memory_order_acquire))
    places->on_queue_lost(which.key);
  std::shared_lock lock{listener_mutex_};
  if (listener_)
    listener_(which.key);
}

void queue_directory::review(const std::function<bool(const store::queue_key&)>& moved) {
  std::vector<store::queue_key> lost;
  std::vector<store::queue_key> ended;
  for (auto& s : shards_) {
    std::unique_lock lock{s.mutex};
    for (auto& [name, e] : s.entries) {
      if (!e.actor || !moved(e.facts->key))
        continue;
      lost.push_back(e.facts->key);
      if (e.is_elsewhere == is_elsewhere(e.facts->key))
        continue;
      if (!e.is_elsewhere)
        ended.push_back(e.facts->key);
      caf::anon_send_exit(std::exchange(e.actor, {}), caf::exit_reason::user_shutdown);
    }
  }
  // Whoever waited there from elsewhere sees no move, should it come back at once.
  if (auto* places = places_.load(std::memory_order_acquire))
    for (const auto& key : ended)
      places->on_queue_lost(key);
  std::shared_lock lock{listener_mutex_};
  for (const auto& key : lost)
    if (listener_)
      listener_(key);
}

bool queue_directory::polled_since(const store::queue_key& key, time_point since) const {
  if (is_elsewhere(key))
    return true;
  auto name = name_of(key);
  const auto& where = shard_of(name);
  std::shared_lock lock{where.mutex};
  auto found = where.entries.find(name);
  if (found == where.entries.end())
    return false;
  return found->second.facts->last_poll_ns.load(std::memory_order_relaxed)
         >= since.time_since_epoch().count();
}

queue_actor queue_directory::find_known(const store::queue_key& key) const {
  auto name = name_of(key);
  const auto& where = shard_of(name);
  std::shared_lock lock{where.mutex};
  auto found = where.entries.find(name);
  return found == where.entries.end() ? queue_actor{} : found->second.actor;
}

queue_actor queue_directory::find_to_tell(const store::queue_key& key) {
  return is_elsewhere(key) ? find(key) : find_known(key);
}

void queue_directory::on_worker_left(const store::queue_key& key) {
  if (is_elsewhere(key)) {
    if (auto queue = find(key))
      caf::anon_send(queue, lost_atom_v);
    return;
  }
  auto name = name_of(key);
  auto& where = shard_of(name);
  queue_actor known;
  {
    std::shared_lock lock{where.mutex};
    auto found = where.entries.find(name);
    if (found == where.entries.end())
      return;
    found->second.facts->last_poll_ns.store(0, std::memory_order_relaxed);
    known = found->second.actor;
  }
  if (known)
    caf::anon_send(known, lost_atom_v);
}

void queue_directory::on_slot_lost(caf::actor_id slot) const {
  for (const auto& s : shards_) {
    std::shared_lock lock{s.mutex};
    for (const auto& [name, e] : s.entries)
      if (e.actor)
        caf::anon_send(e.actor, lost_atom_v, std::uint64_t{slot});
    for (const auto& q : s.retired)
      caf::anon_send(q, lost_atom_v, std::uint64_t{slot});
  }
}

void queue_directory::on_taken_over() const {
  on_slot_lost(0);
}

void queue_directory::tell_clock_moved() const {
  for (const auto& s : shards_) {
    std::shared_lock lock{s.mutex};
    for (const auto& [name, e] : s.entries)
      if (e.actor)
        caf::anon_send(e.actor, clock_atom_v);
    for (const auto& q : s.retired)
      caf::anon_send(q, clock_atom_v);
  }
}

void queue_directory::do_own_work(queue_actor who) {
  own_work_.set(std::move(who));
}

void queue_directory::on_lost(lost_handler listener) {
  std::unique_lock lock{listener_mutex_};
  listener_ = std::move(listener);
}

void queue_directory::retire(const store::queue_key& which, const queue_actor& who) {
  auto name = name_of(which);
  auto& where = shard_of(name);
  std::unique_lock lock{where.mutex};
  auto found = where.entries.find(name);
  if (found == where.entries.end() || found->second.actor != who)
    return;
  where.retired.push_back(who);
  where.entries.erase(found);
}

void queue_directory::stop(const std::function<void()>& run_all) {
  open_.store(false, std::memory_order_release);
  std::vector<caf::actor> all;
  for (auto& s : shards_) {
    std::unique_lock lock{s.mutex};
    for (auto& [name, e] : s.entries) {
      if (!e.actor)
        continue;
      caf::anon_send_exit(e.actor, caf::exit_reason::user_shutdown);
      all.push_back(caf::actor_cast<caf::actor>(e.actor));
    }
    s.entries.clear();
    for (auto& q : std::exchange(s.retired, {})) {
      caf::anon_send_exit(q, caf::exit_reason::user_shutdown);
      all.push_back(caf::actor_cast<caf::actor>(q));
    }
  }
  if (run_all) {
    run_all();
    return;
  }
  caf::scoped_actor self{system_};
  self->wait_for(all);
  // An actor tells whoever waits for it before it runs our functor, which uses this object.
  while (count_.load(std::memory_order_acquire) > 0)
    std::this_thread::yield();
}

} // namespace reprise::actors
