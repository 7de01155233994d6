#include "cluster/node.hpp"

#include "actors/namespaces/namespace_upkeep.hpp"
#include "actors/slot/inbox_sweep.hpp"
#include "actors/slot/slot.hpp"
#include "actors/timer/timer.hpp"
#include "base/ensure.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace reprise::cluster {

namespace {

constexpr auto look_again = std::chrono::milliseconds{5};

/// A slot that died, and the one in its place.
struct lost_slot {
  slot_actor dead{};
  caf::actor next{};
};

gauge& serves(metrics& m) {
  return m.gauge("reprise_serving", "1: this server holds the lease and serves; 0: it does not.");
}

} // namespace

void prepare(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::reprise>();
  // Stealing workers spin while there is nothing to do; sharing ones sleep.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads",
             static_cast<std::size_t>(std::max(2U, std::thread::hardware_concurrency())));
}

node::node(caf::actor_system& system, store::store& db, const clock& time, metrics& m,
           node_options options)
  : system_(system),
    options_(std::move(options)),
    metrics_(m),
    hooks_(m),
    namespaces_(db),
    shared_{.time = time,
            .bounds = options_.bounds,
            .db = db,
            .namespaces = namespaces_,
            .watch = hooks_,
            .seed = options_.seed,
            .memory_budget_bytes = options_.memory_budget_bytes,
            .capacity = options_.capacity,
            .machine_of = options_.machine_of},
    queues_(system, shared_, m) {
  if (options_.self.life == 0)
    options_.self.life = seeded_ids{options_.seed}.random();
  if (options_.route) {
    options_.route->mine = options_.self.life;
    router_ = std::make_unique<router>(system_, shared_, queues_, metrics_, *options_.route);
    queues_.set_places(router_.get());
  }
  // A server that stands by shows it from its first scrape on.
  serves(m).set(0);
}

node::~node() {
  stop();
}

void node::start() {
  ENSURE(!started_, "a node starts once");
  ENSURE(options_.capacity.run.rows_per_snapshot > 0, "snapshots come after rows");
  started_ = true;
  begin_supervision();
  shared_.returns->show(
    metrics_.gauge("reprise_tasks_to_take_back",
                   "Tasks whose worker was gone and that cannot be given back now."));
  shared_.readers.start(system_, options_.capacity, hooks_, options_.detached);
  shared_.writer = actors::spawn_writer(system_, shared_, options_.group, options_.detached);
  watch({.kind = "writer", .watched = {caf::actor_cast<caf::actor>(shared_.writer)}});
  begin_timer();
  begin_slots();
  if (!shared_.queue_of)
    shared_.queue_of = [this](const cluster::Task& task) { return queues_.find(task); };
  if (!shared_.polled_since)
    shared_.polled_since = [this](const store::queue_key& queue, time_point since) {
      return queues_.polled_since(queue, since);
    };
  shared_.keeper
    = spawn_keeper(system_, shared_,
                   {.self = options_.self,
                    .lease_length = options_.lease_length,
                    .seed = options_.seed + 1,
                    .on_serving = [this](bool serving) { on_serving(serving); },
                    .on_membership = [this](const store::membership& seen) { on_membership(seen); },
                    .on_held =
                      [this](const store::range_set& held) {
                        if (router_)
                          router_->on_held(held);
                      },
                    .on_given =
                      [this] {
                        if (router_)
                          router_->have_others_look();
                      },
                    .on_joined =
                      [this](store::incarnation_id under) {
                        incarnation_.store(under, std::memory_order_release);
                      }});
  watch({.kind = "keeper", .watched = {caf::actor_cast<caf::actor>(shared_.keeper)}});
  begin_clock_watch();
  begin_inbox_sweep();
  begin_namespace_upkeep();
}

// -- supervision ---------------------------------------------------------------------------------

void node::watch(actors::ward w) {
  caf::anon_send(shared_.supervisor, watch_atom_v, std::make_shared<actors::ward>(std::move(w)));
}

void node::begin_supervision() {
  shared_.supervisor = spawn_supervisor(
    system_, shared_.time, metrics_, {.on_failed = [this](const std::string& why) { fail(why); }});
  // Nobody watches it but this.
  shared_.supervisor->attach_functor([this](const caf::error& why) {
    if (why && why != caf::exit_reason::user_shutdown)
      fail("its supervisor died");
  });
}

void node::begin_timer() {
  shared_.timer.set(actors::spawn_timer(system_, shared_));
  watch({.kind = "timer",
         .watched = {caf::actor_cast<caf::actor>(shared_.timer.get())},
         .begin_again =
           [this](std::size_t) {
             shared_.timer.set(actors::spawn_timer(system_, shared_));
             return caf::actor_cast<caf::actor>(shared_.timer.get());
           },
         .go_on = [this](std::size_t) { caf::anon_send(shared_.keeper, renew_atom_v); }});
}

void node::begin_clock_watch() {
  auto spawn = [this](std::size_t = 0) {
    clock_watch_.set(spawn_clock_watch(system_, shared_, queues_, metrics_, options_.watch));
    return caf::actor_cast<caf::actor>(clock_watch_.get());
  };
  watch({.kind = "clock watch", .watched = {spawn()}, .begin_again = spawn});
}

void node::begin_inbox_sweep() {
  auto spawn = [this](std::size_t = 0) {
    inbox_sweep_.set(actors::spawn_inbox_sweep(system_, shared_));
    return caf::actor_cast<caf::actor>(inbox_sweep_.get());
  };
  watch({.kind = "inbox sweep", .watched = {spawn()}, .begin_again = spawn});
}

void node::begin_namespace_upkeep() {
  auto spawn = [this](std::size_t = 0) {
    shared_.upkeep.set(actors::spawn_namespace_upkeep(system_, shared_));
    return caf::actor_cast<caf::actor>(shared_.upkeep.get());
  };
  watch({.kind = "namespace upkeep", .watched = {spawn()}, .begin_again = spawn});
  namespaces_.changed.set([this] { caf::anon_send(shared_.upkeep.get(), tick_atom_v); });
}

void node::begin_slots() {
  auto spawn = [this](std::size_t i) {
    auto slot = static_cast<store::slot_id>(i);
    shared_.slots[i].set(system_.spawn<actors::slot>(shared_, slot));
    shared_.routes.set_own(slot, shared_.slots[i].get());
    return caf::actor_cast<caf::actor>(shared_.slots[i].get());
  };
  actors::ward slots{.kind = "slot"};
  slots.watched.reserve(store::slot_count);
  for (std::size_t i = 0; i < store::slot_count; ++i)
    slots.watched.push_back(spawn(i));
  // By index, until everybody was told of the dead one: should that throw, this is called again,
  // and must not take the new one for it.
  auto untold = std::make_shared<std::map<std::size_t, lost_slot>>();
  slots.begin_again = [this, spawn, untold](std::size_t i) {
    auto& lost = (*untold)[i];
    if (!lost.dead)
      lost.dead = shared_.slots[i].get();
    if (!lost.next)
      lost.next = spawn(i);
    // Whatever was sent to the dead one is lost: the new one is in its place already, so all of
    // that is known here.
    shared_.returns->retry();
    shared_.lost_slots.tell(lost.dead);
    queues_.on_slot_lost(lost.dead.id());
    if (router_)
      router_->on_slot_lost(static_cast<store::slot_id>(i));
    auto next = std::move(lost.next);
    untold->erase(i);
    return next;
  };
  slots.go_on = [this](std::size_t i) {
    caf::anon_send(shared_.keeper, renew_atom_v, std::uint64_t{i});
  };
  watch(std::move(slots));
}

void node::on_membership(const store::membership& seen) {
  if (router_) {
    places now{.self = static_cast<std::uint64_t>(incarnation())};
    for (const auto& m : seen.members)
      now.members.push_back({.incarnation = static_cast<std::uint64_t>(m.who.incarnation),
                             .address = m.who.link_address});
    for (std::size_t r = 0; r < store::range_count; ++r)
      now.owners[r] = static_cast<std::uint64_t>(seen.owners[r]);
    router_->on_places(now);
  }
  if (options_.on_membership)
    options_.on_membership(seen);
}

void node::on_serving(bool serving) {
  if (serving && failed())
    return;
  serving_.store(serving, std::memory_order_release);
  serves(metrics_).set(serving ? 1 : 0);
  // Queues of the time before, if any: in between the slots, and their tasks, may have been another
  // server's.
  if (serving)
    queues_.on_taken_over();
  if (options_.on_serving)
    options_.on_serving(serving);
}

void node::fail(const std::string& why) {
  if (failed_.exchange(true, std::memory_order_acq_rel))
    return;
  log(log_level::error, "this server cannot go on: " + why);
  metrics_.gauge("reprise_node_failed", "1: this server cannot go on and ends.").set(1);
  caf::anon_send(shared_.keeper, stop_atom_v);
  // In case that the keeper is no more.
  shared_.own_lease.revoke();
  caf::anon_send(shared_.timer.get(), epoch_atom_v, false);
  for (const auto& slot : shared_.slots)
    caf::anon_send(slot.get(), epoch_atom_v, std::uint64_t{0});
  on_serving(false);
  if (options_.on_failed)
    options_.on_failed(why);
}

// -- the end -------------------------------------------------------------------------------------

void node::settle(duration patience) {
  if (!started_)
    return;
  if (options_.run_all)
    return options_.run_all();
  for (duration waited{0}; waited < patience && serving(); waited += look_again) {
    if (shared_.calls_under_way.load(std::memory_order_acquire) == 0)
      return;
    std::this_thread::sleep_for(look_again);
  }
}

void node::drain(duration patience) {
  if (!started_)
    return;
  // What waits for who is dead waits for ever.
  if (failed())
    patience = duration{0};
  caf::anon_send(shared_.keeper, stop_atom_v);
  auto idle = [this] {
    return shared_.calls_under_way.load(std::memory_order_acquire) == 0
           && shared_.early_starts.load(std::memory_order_acquire) == 0
           && (!router_ || router_->is_idle());
  };
  if (options_.run_all) {
    options_.run_all();
  } else {
    // The slots were told to give up by the keeper, so calls only become fewer, but for those that
    // write what left early.
    for (duration waited{0}; waited < patience && (serving() || !idle()); waited += look_again)
      std::this_thread::sleep_for(look_again);
  }
  // Nobody has to wait until its lease is over.
  if (auto under = incarnation(); under != 0)
    (void)shared_.db.leave(under);
}

void node::stop() {
  if (!started_) {
    // It has actors already.
    if (router_)
      router_->stop(options_.run_all);
    return;
  }
  started_ = false;
  shared_.returns->close();
  namespaces_.changed.set(nullptr);
  end_supervision();
  shared_.readers.stop();
  if (router_)
    router_->stop(options_.run_all);
  queues_.stop(options_.run_all);
  end_actors();
  shared_.routes.clear();
  for (auto& slot : shared_.slots)
    slot.clear();
  shared_.writer = nullptr;
  shared_.timer.clear();
  shared_.keeper = nullptr;
  shared_.supervisor = nullptr;
  clock_watch_.clear();
  inbox_sweep_.clear();
  shared_.upkeep.clear();
  shared_.queue_of = nullptr;
  shared_.polled_since = nullptr;
}

/// First of all: who would begin anew what ends now has to be gone.
void node::end_supervision() {
  caf::anon_send_exit(shared_.supervisor, caf::exit_reason::user_shutdown);
  if (options_.run_all)
    return options_.run_all();
  caf::scoped_actor self{system_};
  self->wait_for(shared_.supervisor);
}

void node::end_actors() {
  std::vector<caf::actor> all;
  auto end = [&all](const auto& handle) {
    caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    all.push_back(caf::actor_cast<caf::actor>(handle));
  };
  end(clock_watch_.get());
  end(inbox_sweep_.get());
  end(shared_.upkeep.get());
  end(shared_.keeper);
  end(shared_.timer.get());
  for (const auto& slot : shared_.slots)
    end(slot.get());
  end(shared_.writer);
  // They end by themselves, behind what they took.
  for (const auto& reader : shared_.readers.all())
    all.push_back(caf::actor_cast<caf::actor>(reader));
  if (options_.run_all) {
    options_.run_all();
    return;
  }
  caf::scoped_actor self{system_};
  self->wait_for(all);
  // The slots have let them go, and nobody makes new ones; but one may be deciding right now.
  while (shared_.executions.load(std::memory_order_acquire) > 0)
    std::this_thread::yield();
}

} // namespace reprise::cluster
