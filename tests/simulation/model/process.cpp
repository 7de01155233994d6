#include "tests/simulation/model/process.hpp"

#include <caf/scheduled_actor.hpp>

#include <algorithm>
#include <utility>

namespace reprise::simulation {

namespace {

/// Opens what CAF's test clock keeps from tests: when the next timeout is due.
struct schedule_of : caf::detail::test_actor_clock {
  static schedule_map& read(caf::detail::test_actor_clock& c) {
    return c.*(&schedule_of::schedule_);
  }
};

std::uint64_t mixed(std::uint64_t x) {
  return seeded_ids{x}.random();
}

} // namespace

process::config::config() {
  cluster::prepare(*this);
  set("scheduler.policy", caf::atom("testing"));
}

process::process(universe& all, disk& d, const process_options& options, loss_plan& plan,
                 process_store::fate decide)
  : all_(all),
    options_(options),
    db_(d, options.number, std::move(decide)),
    system_(config_),
    coordinator_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())),
    losses_(all, plan, system_) {
  clock_begins_ = all.now() - coordinator_.clock().now().time_since_epoch();
  cli::local_server_options server;
  server.node.seed = options.seed;
  server.node.memory_budget_bytes = options.memory_budget_bytes;
  server.node.capacity = options.capacity;
  server.node.lease_length = options.lease_length;
  server.node.detached = false;
  server.node.on_failed = [this](const std::string&) {
    if (on_failed)
      on_failed();
  };
  server.node.run_all = [this] {
    while (coordinator_.has_job())
      killed() ? coordinator_.run_once() : run_job();
  };
  server_ = std::make_unique<cli::local_server>(system_, db_, all.server_time(), measured_,
                                                std::move(server));
  server_->start();
  losses_.begin(server_->node().shared());
}

process::~process() {
  kill();
  server_.reset();
}

std::size_t process::choose() {
  // At start and stop thousands of slots have the same to do; their order is of no interest.
  constexpr std::size_t crowd = 500;
  auto& jobs = coordinator_.jobs;
  auto n = jobs.size();
  auto& random = all_.random;
  if (n <= 1 || (n > crowd && !random.chance(100)))
    return 0;
  auto any = static_cast<std::size_t>(random.below(static_cast<int>(n)));
  switch (options_.how) {
    case order::any:
      return any;
    case order::nearly_fifo:
      return random.chance(100) ? any : 0;
    case order::nearly_lifo:
      return random.chance(200) ? any : n - 1;
    case order::ranked:
      break;
  }
  if (random.chance(10))
    ranks_ = random.next();
  if (n > crowd || random.chance(50))
    return any;
  std::pair<std::uint64_t, std::size_t> best{0, 0};
  for (std::size_t i = 0; i < n; ++i)
    if (auto* a = dynamic_cast<caf::scheduled_actor*>(jobs[i]))
      best = std::max(best, {mixed(ranks_ ^ a->id()), i});
  return best.second;
}

void process::run_job() {
  auto& jobs = coordinator_.jobs;
  std::swap(jobs[0], jobs[choose()]);
  if (auto* a = dynamic_cast<caf::scheduled_actor*>(jobs[0]))
    all_.say("p" + std::to_string(options_.number) + " runs " + a->name() + " "
             + std::to_string(a->id()));
  losses_.around_job(jobs[0], [this] { coordinator_.run_once(); });
}

std::optional<time_point> process::next_timeout() {
  const auto& waiting = schedule_of::read(coordinator_.clock());
  if (frozen || waiting.empty())
    return std::nullopt;
  return clock_begins_ + waiting.begin()->first.time_since_epoch();
}

void process::catch_up() {
  if (frozen)
    return;
  auto wanted = all_.now() - clock_begins_;
  auto behind = wanted - coordinator_.clock().now().time_since_epoch();
  losses_.before_time(schedule_of::read(coordinator_.clock()),
                      coordinator_.clock().now() + std::max(behind, duration{0}));
  // Also what was asked for at once is due.
  coordinator_.advance_time(std::max(behind, duration{0}));
}

void process::drain() {
  draining = true;
  server_->drain();
}

} // namespace reprise::simulation
