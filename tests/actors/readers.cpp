#include "actors/node/hooks.hpp"
#include "actors/storage/reader.hpp"
#include "cluster/node.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace reprise;
using actors::lane;

namespace {

struct node_config : caf::actor_system_config {
  node_config() {
    cluster::prepare(*this);
  }
};

struct pool {
  explicit pool(const actors::node_bounds& bounds = {}) {
    readers.start(system, bounds, watch, true);
  }

  ~pool() {
    let_go();
    end();
  }

  /// Waits until the readers have run what they took.
  void end() {
    readers.stop();
    std::vector<caf::actor> all;
    for (const auto& r : readers.all())
      all.push_back(caf::actor_cast<caf::actor>(r));
    caf::scoped_actor {
      system
    } -> wait_for(all);
  }

  /// Takes the place of jobs that a slow database holds up: `n` of them, until they are let go.
  void fill(lane where, int n) {
    for (int i = 0; i < n; ++i)
      REQUIRE(readers.post(where, [this] { released.wait(false); }));
  }

  void let_go() {
    released = true;
    released.notify_all();
  }

  /// Runs a job in that lane and waits for its end.
  void run(lane where) {
    std::latch done{1};
    REQUIRE(readers.post(where, [&] { done.count_down(); }));
    done.wait();
  }

  node_config config{};
  caf::actor_system system{config};
  metrics registry{};
  actors::hooks watch{registry};
  std::atomic<bool> released{false};
  actors::reader_pool readers{};
};

/// Begins to stop readers while threads post jobs; how many jobs were taken and not run.
int lost_jobs() {
  pool p{{.readers = 2}};
  std::atomic<int> taken{0};
  std::atomic<int> run{0};
  std::vector<std::thread> posting;
  for (int i = 0; i < 3; ++i)
    posting.emplace_back([&] {
      while (p.readers.post(lane::points, [&run] { ++run; }))
        ++taken;
    });
  while (taken.load() < 100)
    std::this_thread::yield();
  p.readers.stop();
  for (auto& t : posting)
    t.join();
  p.end();
  return taken.load() - run.load();
}

} // namespace

TEST_CASE("a job that readers took is run, also when they are told to stop at that moment") {
  constexpr int rounds = 50;
  int lost = 0;
  for (int i = 0; i < rounds; ++i)
    lost += lost_jobs();
  CHECK(lost == 0);
}

TEST_CASE("a lane that is full of slow jobs holds up no other lane") {
  pool p;
  p.fill(lane::scans, 40);
  for (auto other : {lane::lease, lane::epochs, lane::points})
    p.run(other);
  p.fill(lane::points, 40);
  p.fill(lane::epochs, 40);
  p.run(lane::lease);
  p.let_go();
}

TEST_CASE("a job is run by whichever reader is free, not by one that is busy") {
  pool p{{.readers = 3}};
  p.fill(lane::points, 2);
  for (int i = 0; i < 20; ++i)
    p.run(lane::points);
  p.let_go();
}

TEST_CASE("clients' jobs are refused when too many wait, the node's own never") {
  pool p{{.jobs_max = 3, .scans_max = 2, .readers = 1, .scanners = 1}};
  p.fill(lane::points, 3);
  CHECK(!p.readers.offer(lane::points, [] {}));
  CHECK(p.watch.refused.store_reads.value() == 1);
  CHECK(p.readers.post(lane::points, [] {}));
  CHECK(p.readers.offer(lane::scans, [&] { p.released.wait(false); }));
  CHECK(p.readers.offer(lane::scans, [] {}));
  CHECK(!p.readers.offer(lane::scans, [] {}));
  CHECK(p.watch.refused.store_scans.value() == 1);
  CHECK(p.readers.waiting(lane::scans) == 2);
  p.let_go();
  p.run(lane::points);
  p.run(lane::scans);
  CHECK(p.readers.waiting(lane::points) <= 1);
}

TEST_CASE("a reader that dies is replaced, and its lane's jobs are run") {
  pool p{{.readers = 2}};
  for (int round = 0; round < 20; ++round) {
    auto before = p.readers.all();
    for (const auto& r : before)
      caf::anon_send_exit(r, caf::exit_reason::kill);
    for (auto where : {lane::lease, lane::epochs, lane::points, lane::scans})
      p.run(where);
  }
  // Jobs that throw end nobody.
  REQUIRE(p.readers.post(lane::points, [] { throw std::runtime_error("told to"); }));
  REQUIRE(p.readers.post(lane::points, [] { throw 7; }));
  p.run(lane::points);
}

TEST_CASE("a job of the node that finds no memory is run again, a client's is not") {
  constexpr int runs_max = 3;
  pool p{{.readers = 1, .job_runs_max = runs_max}};
  std::atomic<int> runs{0};
  auto job_that_lacks = [&](int times) {
    return [&runs, times] {
      if (++runs <= times)
        throw std::bad_alloc{};
    };
  };
  auto runs_of_all = [&] {
    p.run(lane::points);
    return runs.exchange(0);
  };
  REQUIRE(p.readers.post(lane::points, job_that_lacks(1)));
  CHECK(runs_of_all() == 2);
  REQUIRE(p.readers.post(lane::points, job_that_lacks(100)));
  CHECK(runs_of_all() == runs_max);
  REQUIRE(p.readers.offer(lane::points, job_that_lacks(100)));
  CHECK(runs_of_all() == 1);
}
