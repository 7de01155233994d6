#include "actors/reader.hpp"
#include "cluster/node.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace reprise;

namespace {

struct node_config : caf::actor_system_config {
  node_config() {
    cluster::prepare(*this);
  }
};

/// Begins to stop readers while threads post jobs; how many jobs were taken and not run.
int lost_jobs(caf::actor_system& system) {
  actors::reader_pool readers;
  readers.start(system, 2, true);
  std::atomic<int> taken{0};
  std::atomic<int> run{0};
  std::vector<std::thread> posting;
  for (int i = 0; i < 3; ++i)
    posting.emplace_back([&] {
      while (readers.post([&run] { ++run; }))
        ++taken;
    });
  while (taken.load() < 100)
    std::this_thread::yield();
  readers.stop();
  for (auto& t : posting)
    t.join();
  std::vector<caf::actor> all;
  for (const auto& r : readers.all())
    all.push_back(caf::actor_cast<caf::actor>(r));
  caf::scoped_actor {
    system
  } -> wait_for(all);
  return taken.load() - run.load();
}

} // namespace

TEST_CASE("a job that readers took is run, also when they are told to stop at that moment") {
  node_config config;
  caf::actor_system system{config};
  constexpr int rounds = 200;
  int lost = 0;
  for (int i = 0; i < rounds; ++i)
    lost += lost_jobs(system);
  CHECK(lost == 0);
}
