#include "frontend/bridge.hpp"

#include "actors/errors.hpp"
#include "actors/outcome.hpp"
#include "frontend/call_table.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <limits>

namespace reprise::frontend {

namespace {

bridge_actor::behavior_type answers(const std::shared_ptr<call_table>& calls) {
  return {[calls](reply_atom, std::uint64_t id, cluster::Reply& reply) {
    if (auto c = calls->take(id))
      c->done(std::move(reply));
  }};
}

cluster::Reply not_served() {
  return actors::to_reply(actors::not_served());
}

cluster::Reply overloaded() {
  return actors::to_reply(actors::overloaded());
}

} // namespace

bridge::bridge(caf::actor_system& system, actors::services& shared, actors::queue_directory& queues,
               options o)
  : system_(system),
    shared_(shared),
    queues_(queues),
    options_(std::move(o)),
    calls_(std::make_shared<call_table>()),
    ids_(options_.seed) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.bridges, 1); ++i)
    actors_.push_back(system_.spawn(answers, calls_));
  queues_.on_lost([this](const store::queue_key& lost) { send_again(lost); });
}

bridge::~bridge() {
  stop();
}

const bridge_actor& bridge::actor_of(std::uint64_t id) const {
  return actors_[id % actors_.size()];
}

std::uint64_t bridge::refuse(waiting_call c) {
  // Through an actor, so that the caller hears of it after it has the call's number.
  constexpr auto any_size = std::numeric_limits<std::size_t>::max();
  c.poll.reset();
  auto id = calls_->add(c, any_size, [this](std::uint64_t n, waiting_call&) {
    caf::anon_send(actor_of(n), reply_atom_v, n, overloaded());
  });
  if (id == 0)
    c.done(not_served());
  return id;
}

std::uint64_t bridge::call(cluster::ExecutionRequest&& request, reply_handler done) {
  waiting_call c{.done = std::move(done)};
  auto send = [&](std::uint64_t number, waiting_call& added) {
    // Not before: after stop() there may be no slots.
    added.slot = shared_.slot_for(request.namespace_id(), request.workflow_id());
    caf::anon_send(added.slot, call_atom_v, number, actor_of(number), std::move(request));
  };
  auto id = calls_->add(c, shared_.capacity.calls_max, send);
  return id != 0 ? id : refuse(std::move(c));
}

std::uint64_t bridge::poll(cluster::Poll&& poll, reply_handler done) {
  waiting_call c{.done = std::move(done)};
  c.queue = queues_.find(queue_of(poll));
  c.poll = std::make_unique<const cluster::Poll>(std::move(poll));
  auto send = [&](std::uint64_t n, waiting_call& added) {
    caf::anon_send(added.queue, poll_atom_v, n, actor_of(n), *added.poll);
  };
  auto id = c.queue ? calls_->add(c, shared_.capacity.calls_max, send) : 0;
  return id != 0 ? id : refuse(std::move(c));
}

std::uint64_t bridge::describe_queue(const std::string& namespace_id, const std::string& queue,
                                     int kind, std::string request, reply_handler done) {
  waiting_call c{.done = std::move(done)};
  c.queue = queues_.find({.namespace_id = namespace_id, .name = queue, .kind = kind});
  auto send = [&](std::uint64_t n, waiting_call& added) {
    caf::anon_send(added.queue, describe_atom_v, n, actor_of(n), std::move(request));
  };
  auto id = c.queue ? calls_->add(c, shared_.capacity.calls_max, send) : 0;
  return id != 0 ? id : refuse(std::move(c));
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

void bridge::end_polls(const std::string& namespace_id, const std::string& sticky_queue,
                       const std::string& worker_instance_key) {
  auto ended = calls_->take_if([&](const waiting_call& c) {
    if (!c.poll || c.poll->namespace_id() != namespace_id)
      return false;
    return (!sticky_queue.empty() && c.poll->task_queue() == sticky_queue)
           || (!worker_instance_key.empty()
               && c.poll->worker_instance_key() == worker_instance_key);
  });
  for (auto& [id, c] : ended) {
    caf::anon_send(c.queue, cancel_atom_v, id, actor_of(id));
    c.done({});
  }
  if (!sticky_queue.empty())
    queues_.on_worker_left({.namespace_id = namespace_id, .name = sticky_queue, .kind = 1});
}

void bridge::send_again(const store::queue_key& lost) {
  queue_actor next;
  calls_->for_each([&](std::uint64_t id, waiting_call& c) {
    if (!c.poll || queue_of(*c.poll) != lost)
      return;
    if (!next)
      next = queues_.find(lost);
    if (!next)
      return;
    c.queue = next;
    caf::anon_send(next, poll_atom_v, id, actor_of(id), *c.poll);
  });
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
  queues_.on_lost(nullptr);
  calls_->close();
  for (auto& [id, c] : calls_->take_if([](const waiting_call&) { return true; }))
    c.done(not_served());
  std::vector<caf::actor> all;
  for (const auto& a : actors_) {
    caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    all.push_back(caf::actor_cast<caf::actor>(a));
  }
  if (options_.run_all) {
    options_.run_all();
    return;
  }
  caf::scoped_actor self{system_};
  self->wait_for(all);
}

} // namespace reprise::frontend
