#include "frontend/backend/bridge.hpp"

#include "actors/call/errors.hpp"
#include "actors/call/outcome.hpp"
#include "actors/node/ward.hpp"
#include "base/log.hpp"
#include "frontend/backend/call_table.hpp"
#include "frontend/backend/own_queue.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <optional>

namespace reprise::frontend {

namespace {

/// The call, which has its answer now; nothing when nobody waits for that any more.
std::optional<waiting_call> take_answered(call_table& calls, std::uint64_t id) {
  auto c = calls.take(id);
  // What its former queue handed out may have answered it: in its present one nobody waits.
  if (c && c->sent_again)
    caf::anon_send(c->queue, cancel_atom_v, id, c->sent_again);
  return c;
}

bridge_actor::behavior_type answers(const std::shared_ptr<call_table>& calls) {
  return {
    [calls](reply_atom, std::uint64_t id, cluster::Reply& reply) {
      if (auto c = take_answered(*calls, id))
        c->done(std::move(reply));
    },
    [calls](reply_atom, std::uint64_t id, const std::shared_ptr<actors::task_reply>& reply) {
      if (auto c = take_answered(*calls, id))
        c->done(reply->take());
    },
  };
}

cluster::Reply not_served() {
  return actors::to_reply(actors::not_served());
}

cluster::Reply lost_on_the_way() {
  return actors::to_reply(actors::call_lost());
}

cluster::Reply shutting_down() {
  return actors::to_reply(make_error(errc::unavailable, "the server is shutting down"));
}

cluster::Reply overloaded() {
  return actors::to_reply(actors::overloaded());
}

/// For one of many: what its handler throws leaves no other without an answer.
void end(waiting_call& c, cluster::Reply&& reply) {
  try {
    c.done(std::move(reply));
  } catch (...) {
    log_thrown(log_level::error, "a call could not be ended");
  }
}

} // namespace

struct bridge::watched {
  explicit watched(bridge* owner) : owner(owner) {
  }

  /// A bridge actor that died, and the one in its place.
  struct replaced {
    bridge_actor dead{};
    bridge_actor next{};
  };

  std::mutex mutex{};
  /// Null when the bridge has ended.
  bridge* owner;
  /// By index, until the calls of the dead one are ended: a replacement that failed half way is
  /// tried again, and must not take its own actor for the dead one.
  std::map<std::size_t, replaced> replacing{};
};

bridge::bridge(caf::actor_system& system, actors::services& shared, actors::queue_directory& queues,
               options o)
  : system_(system),
    shared_(shared),
    queues_(queues),
    options_(std::move(o)),
    calls_(std::make_shared<call_table>(shared.capacity, shared.watch)),
    actors_(std::max<std::size_t>(options_.bridges, 1)),
    watched_(std::make_shared<watched>(this)),
    own_work_(std::make_shared<own_work>()),
    leaving_(options_.leaving),
    ids_(options_.seed) {
  begin_actors();
  queues_.on_lost([this](const store::queue_key& lost) { send_again(lost); });
  shared_.lost_slots.set([this](const slot_actor& lost) { on_slot_lost(lost); });
}

bridge::~bridge() {
  stop();
}

const bridge_actor& bridge::actor_of(std::uint64_t id) const {
  return actors_[id % actors_.size()].get();
}

const bridge_actor& bridge::actor_for(std::uint64_t id, waiting_call& added) const {
  const auto& actor = actor_of(id);
  added.answered_by = actor.id();
  return actor;
}

// -- supervision ---------------------------------------------------------------------------------

void bridge::begin_actors() {
  actors::ward w{.kind = "bridge"};
  for (auto& a : actors_) {
    a.set(system_.spawn(answers, calls_));
    w.watched.push_back(caf::actor_cast<caf::actor>(a.get()));
  }
  w.begin_again = [still = watched_](std::size_t index) -> caf::actor {
    std::lock_guard lock{still->mutex};
    if (still->owner == nullptr)
      return {};
    return caf::actor_cast<caf::actor>(still->owner->begin_again(index));
  };
  caf::anon_send(shared_.supervisor, watch_atom_v, std::make_shared<actors::ward>(std::move(w)));
}

bridge_actor bridge::begin_again(std::size_t index) {
  auto& r = watched_->replacing[index];
  if (!r.dead)
    r.dead = actors_[index].get();
  if (!r.next)
    r.next = system_.spawn(answers, calls_);
  actors_[index].set(r.next);
  shared_.allocate(actors::allocation::farewell);
  auto dead = r.dead;
  auto lost
    = calls_->take_if([id = dead.id()](const waiting_call& c) { return c.answered_by == id; });
  for (auto& [id, c] : lost) {
    // Whoever serves it need not go on: nobody can be answered.
    if (c.poll)
      caf::anon_send(c.queue, cancel_atom_v, id, dead);
    else if (c.slot)
      caf::anon_send(c.slot, cancel_atom_v, id, dead);
    end(c, lost_on_the_way());
  }
  watched_->replacing.erase(index);
  return actors_[index].get();
}

void bridge::on_slot_lost(const slot_actor& lost) {
  for (auto& [id, c] : calls_->take_if([&](const waiting_call& c) { return c.slot == lost; }))
    end(c, lost_on_the_way());
}

// -- calls ---------------------------------------------------------------------------------------

std::uint64_t bridge::refuse(waiting_call c) {
  // Through an actor, so that the caller hears of it after it has the call's number.
  c.poll.reset();
  c.bytes = 0;
  auto id = calls_->add(c, true, [this](std::uint64_t n, waiting_call& added) {
    caf::anon_send(actor_for(n, added), reply_atom_v, n, overloaded());
  });
  if (id == 0)
    c.done(not_served());
  return id;
}

std::uint64_t bridge::call(cluster::ExecutionRequest&& request, bool waits, reply_handler done) {
  shared_.allocate(actors::allocation::handler);
  waiting_call c{.done = std::move(done)};
  c.waits = waits;
  c.bytes = request.ByteSizeLong();
  request.set_request_bytes(c.bytes);
  auto send = [&](std::uint64_t number, waiting_call& added) {
    if (added.waits && waiting_ended_.load(std::memory_order_acquire))
      return caf::anon_send(actor_for(number, added), reply_atom_v, number, shutting_down());
    // Not before: after stop() there may be no slots.
    added.slot = shared_.slot_for(request);
    caf::anon_send(added.slot, call_atom_v, number, actor_for(number, added), std::move(request));
  };
  auto id = calls_->add(c, false, send);
  return id != 0 ? id : refuse(std::move(c));
}

std::uint64_t bridge::poll(cluster::Poll&& poll, reply_handler done) {
  waiting_call c{.done = std::move(done)};
  const auto key = queue_of(poll);
  const auto asked = queues_.find(key);
  c.queue = asked;
  c.poll = std::make_unique<const cluster::Poll>(std::move(poll));
  auto send = [&](std::uint64_t n, waiting_call& added) {
    // Here, where end_polls() either has not looked yet or has taken note of its worker.
    const auto& p = *added.poll;
    const auto& answers_to = actor_for(n, added);
    if (waiting_ended_.load(std::memory_order_acquire)
        || leaving_.contains(p.namespace_id(), p.worker_instance_key(), shared_.time.now()))
      caf::anon_send(answers_to, reply_atom_v, n, cluster::Reply{});
    else
      caf::anon_send(added.queue, poll_atom_v, n, answers_to, p);
  };
  auto id = c.queue ? calls_->add(c, false, send) : 0;
  if (id == 0)
    return refuse(std::move(c));
  // It moved away in between, and whoever looked for its polls did not see this one.
  if (queues_.may_move() && queues_.find_known(key) != asked)
    send_again(key);
  return id;
}

std::uint64_t bridge::describe_queue(const std::string& namespace_id, const std::string& queue,
                                     int kind, std::string request, reply_handler done) {
  waiting_call c{.done = std::move(done)};
  c.described = std::make_unique<const store::queue_key>(
    store::queue_key{.namespace_id = namespace_id, .name = queue, .kind = kind});
  c.queue = queues_.find(*c.described);
  auto send = [&](std::uint64_t n, waiting_call& added) {
    caf::anon_send(added.queue, describe_atom_v, n, actor_for(n, added), std::move(request));
  };
  auto id = c.queue ? calls_->add(c, false, send) : 0;
  return id != 0 ? id : refuse(std::move(c));
}

// One that is not in memory reads it when it begins.
void bridge::queue_configured(const std::string& namespace_id, const std::string& queue, int kind) {
  if (auto q = queues_.find_to_tell({.namespace_id = namespace_id, .name = queue, .kind = kind}))
    caf::anon_send(q, configured_atom_v);
}

void bridge::cancel(std::uint64_t id) {
  auto c = calls_->take(id);
  if (!c)
    return;
  if (c->poll)
    caf::anon_send(c->queue, cancel_atom_v, id, actor_of(id));
  else if (c->slot)
    caf::anon_send(c->slot, cancel_atom_v, id, actor_of(id));
}

void bridge::finish(std::uint64_t id, waiting_call& c) {
  c.ends = true;
  caf::anon_send(c.queue, finish_atom_v, id, actor_of(id));
}

void bridge::end_waiting() {
  waiting_ended_.store(true, std::memory_order_release);
  std::vector<std::uint64_t> waiting;
  calls_->for_each([&waiting](std::uint64_t id, const waiting_call& c) {
    if (c.poll || c.waits)
      waiting.push_back(id);
  });
  std::ranges::sort(waiting);
  for (auto id : waiting) {
    auto is_poll = false;
    calls_->with(id, [&](waiting_call& c) {
      is_poll = c.poll != nullptr;
      if (is_poll)
        finish(id, c);
    });
    if (is_poll)
      continue;
    if (auto c = calls_->take(id)) {
      if (c->slot)
        caf::anon_send(c->slot, cancel_atom_v, id, actor_of(id));
      end(*c, shutting_down());
    }
  }
}

void bridge::end_polls(const leaving_worker& worker) {
  const auto& ns = worker.namespace_id;
  const auto& key = worker.instance_key;
  std::vector<queue_actor> polled;
  if (!key.empty()) {
    leaving_.add(ns, key, shared_.time.now());
    for (auto kind : worker.kinds)
      if (auto queue
          = queues_.find_to_tell({.namespace_id = ns, .name = worker.task_queue, .kind = kind}))
        polled.push_back(std::move(queue));
  }
  calls_->for_each([&](std::uint64_t id, waiting_call& c) {
    if (!c.poll || c.poll->namespace_id() != ns)
      return;
    auto is_its = !key.empty() && c.poll->worker_instance_key() == key;
    if (is_its && std::ranges::find(polled, c.queue) == polled.end())
      polled.push_back(c.queue);
    if (is_its || (!worker.sticky_queue.empty() && c.poll->task_queue() == worker.sticky_queue))
      finish(id, c);
  });
  for (const auto& queue : polled)
    caf::anon_send(queue, leave_atom_v, key);
  if (!worker.sticky_queue.empty())
    queues_.on_worker_left({.namespace_id = ns, .name = worker.sticky_queue, .kind = 1});
}

void bridge::give_back(std::string_view task_token) {
  shared_.returns->take_back(task_token);
}

void bridge::settle() {
  if (stopped_ || options_.run_all) {
    if (options_.run_all)
      options_.run_all();
    return;
  }
  constexpr auto patience = std::chrono::seconds{1};
  for (const auto& a : actors_) {
    auto passed = std::make_shared<std::promise<void>>();
    auto done = passed->get_future();
    waiting_call c{.done = [passed](const cluster::Reply&) { passed->set_value(); }};
    calls_->add(c, true, [&a](std::uint64_t n, waiting_call& added) {
      added.answered_by = a.get().id();
      caf::anon_send(a.get(), reply_atom_v, n, cluster::Reply{});
    });
    c.done = nullptr;
    passed.reset();
    done.wait_for(patience);
  }
}

void bridge::send_again(const store::queue_key& lost) {
  auto asked_it = [&](const waiting_call& c) { return c.described && *c.described == lost; };
  for (auto& [id, c] : calls_->take_if(asked_it))
    end(c, lost_on_the_way());
  auto polled_it = [&](const waiting_call& c) { return c.poll && queue_of(*c.poll) == lost; };
  queue_actor next;
  bool none = false;
  calls_->for_each([&](std::uint64_t id, waiting_call& c) {
    if (none || !polled_it(c))
      return;
    if (!next)
      next = queues_.find(lost);
    none = !next;
    if (none)
      return;
    c.queue = next;
    c.sent_again = actor_of(id);
    // Another poll than the one that may have been given a task by now: as the same, it would be
    // given that one again, and nobody would wait for it.
    auto again = std::make_unique<cluster::Poll>(*c.poll);
    again->set_request_id(new_uuid());
    c.poll = std::move(again);
    caf::anon_send(next, poll_atom_v, id, c.sent_again, *c.poll);
    if (c.ends)
      finish(id, c);
  });
  if (!none)
    return;
  // There are too many queues.
  for (auto& [id, c] : calls_->take_if(polled_it))
    end(c, overloaded());
}

void bridge::do_own_work(std::function<void(const cluster::Task&)> take) {
  own_work_->set(std::move(take));
  actors::ward w{.kind = "own work", .watched = {begin_own_queue()}};
  w.begin_again = [still = watched_](std::size_t) -> caf::actor {
    std::lock_guard lock{still->mutex};
    return still->owner == nullptr ? caf::actor{} : still->owner->begin_own_queue();
  };
  caf::anon_send(shared_.supervisor, watch_atom_v, std::make_shared<actors::ward>(std::move(w)));
}

caf::actor bridge::begin_own_queue() {
  own_queue_.set(spawn_own_queue(system_, own_work_));
  queues_.do_own_work(own_queue_.get());
  return caf::actor_cast<caf::actor>(own_queue_.get());
}

bool bridge::run_blocking(std::function<void(store::store&)> job) {
  return shared_.readers.offer(actors::lane::points,
                               [&db = shared_.db, job = std::move(job)] { job(db); });
}

bool bridge::run_scan(std::function<void(store::store&)> job) {
  return shared_.readers.offer(actors::lane::scans,
                               [&db = shared_.db, job = std::move(job)] { job(db); });
}

actors::namespace_registry& bridge::namespaces() {
  return shared_.namespaces;
}

const actors::parked_list& bridge::parked() const {
  return shared_.parked;
}

bool bridge::serving() const {
  return shared_.own_lease.valid();
}

const clock& bridge::time() const {
  return shared_.time;
}

std::string bridge::new_uuid() {
  std::lock_guard lock{ids_mutex_};
  return ids_.uuid4();
}

void bridge::stop() {
  if (stopped_)
    return;
  stopped_ = true;
  {
    std::lock_guard lock{watched_->mutex};
    watched_->owner = nullptr;
  }
  queues_.on_lost(nullptr);
  shared_.lost_slots.set(nullptr);
  own_work_->set(nullptr);
  calls_->close();
  for (auto& [id, c] : calls_->take_if([](const waiting_call&) { return true; }))
    c.done(not_served());
  std::vector<caf::actor> all;
  for (const auto& a : actors_) {
    caf::anon_send_exit(a.get(), caf::exit_reason::user_shutdown);
    all.push_back(caf::actor_cast<caf::actor>(a.get()));
  }
  if (const auto& own = own_queue_.get()) {
    caf::anon_send_exit(own, caf::exit_reason::user_shutdown);
    all.push_back(caf::actor_cast<caf::actor>(own));
  }
  if (options_.run_all) {
    options_.run_all();
    return;
  }
  caf::scoped_actor self{system_};
  self->wait_for(all);
}

} // namespace reprise::frontend
