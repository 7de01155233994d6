#include "cluster/node.hpp"

#include "actors/slot.hpp"
#include "actors/timer.hpp"
#include "base/ensure.hpp"
#include "base/ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <thread>
#include <vector>

namespace reprise::cluster {

namespace {

constexpr auto look_again = std::chrono::milliseconds{5};

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
    hooks_(m),
    namespaces_(db),
    shared_{.time = time,
            .bounds = options_.bounds,
            .db = db,
            .namespaces = namespaces_,
            .watch = hooks_,
            .seed = options_.seed,
            .memory_budget_bytes = options_.memory_budget_bytes,
            .capacity = options_.capacity},
    queues_(system, shared_, m) {
}

node::~node() {
  stop();
}

void node::start() {
  ENSURE(!started_, "a node starts once");
  ENSURE(options_.capacity.run.rows_per_snapshot > 0, "snapshots come after rows");
  started_ = true;
  if (options_.lease_owner.empty())
    options_.lease_owner = seeded_ids{options_.seed}.uuid7(shared_.time.now());
  shared_.readers.start(system_, options_.capacity, hooks_, options_.detached);
  shared_.writer = actors::spawn_writer(system_, shared_, options_.group, options_.detached);
  shared_.timer = actors::spawn_timer(system_, shared_);
  shared_.slots.reserve(store::slot_count);
  for (std::size_t i = 0; i < store::slot_count; ++i)
    shared_.slots.push_back(system_.spawn<actors::slot>(shared_, static_cast<store::slot_id>(i)));
  if (!shared_.queue_of)
    shared_.queue_of = [this](const cluster::Task& task) { return queues_.find(task); };
  if (!shared_.polled_since)
    shared_.polled_since = [this](const store::queue_key& queue, time_point since) {
      return queues_.polled_since(queue, since);
    };
  auto on_serving = [this](bool serving) {
    serving_.store(serving, std::memory_order_release);
    if (options_.on_serving)
      options_.on_serving(serving);
  };
  shared_.keeper = spawn_keeper(system_, shared_,
                                {.owner = options_.lease_owner,
                                 .lease_length = options_.lease_length,
                                 .on_serving = std::move(on_serving)});
}

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
  caf::anon_send(shared_.keeper, stop_atom_v);
  auto idle = [this] {
    return shared_.calls_under_way.load(std::memory_order_acquire) == 0
           && shared_.early_starts.load(std::memory_order_acquire) == 0;
  };
  if (options_.run_all) {
    options_.run_all();
  } else {
    // The slots were told to give up by the keeper, so calls only become fewer, but for those that
    // write what left early.
    for (duration waited{0}; waited < patience && (serving() || !idle()); waited += look_again)
      std::this_thread::sleep_for(look_again);
  }
  // Not released, it would only have to run out.
  (void)shared_.db.release_lease(options_.lease_owner);
}

void node::stop() {
  if (!started_)
    return;
  started_ = false;
  shared_.readers.stop();
  queues_.stop(options_.run_all);
  end_actors();
  shared_.slots.clear();
  shared_.writer = nullptr;
  shared_.timer = nullptr;
  shared_.keeper = nullptr;
  shared_.queue_of = nullptr;
  shared_.polled_since = nullptr;
}

void node::end_actors() {
  std::vector<caf::actor> all;
  auto end = [&all](const auto& handle) {
    caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    all.push_back(caf::actor_cast<caf::actor>(handle));
  };
  end(shared_.keeper);
  end(shared_.timer);
  for (const auto& slot : shared_.slots)
    end(slot);
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
