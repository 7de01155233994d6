// Lists and counts may read everything there is: they are ended when that takes too long, and
// nobody else waits for them.
#include "tests/store/backends.hpp"

#include <atomic>
#include <thread>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

/// A backend whose scans may take so long at most.
struct sqlite_scans : sqlite_backend {
  result<std::unique_ptr<store::store>> open() {
    return store::open_sqlite({.path = folder.file("store.db"), .scans = bounds});
  }

  store::scan_bounds bounds{};
};

struct mysql_scans : mysql_backend {
  result<std::unique_ptr<store::store>> open() {
    return store::open_mysql(dsn, {.scans = bounds});
  }

  store::scan_bounds bounds{};
};

/// Runs that a list can find, each with a search attribute.
template <class World>
void fill(World& w, std::int64_t runs) {
  std::vector<store::transition> group;
  for (std::int64_t key = 1; key <= runs; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = listed(key, key);
    t.runs[0].visibility->search_attributes.push_back(
      {.name = "Color", .value = {.texts = {"color-" + std::to_string(key % 100)}}});
    group.push_back(std::move(t));
    if (group.size() < 500 && key < runs)
      continue;
    for (auto status : w->commit(group))
      REQUIRE(status == commit_status::committed);
    group.clear();
  }
}

/// True of no run, which takes a look at each to see.
store::filter slow_filter() {
  store::filter none{.what = store::filter::op::starts_with, .attribute = "Color"};
  none.values.push_back({.texts = {"nothing begins so"}});
  return none;
}

} // namespace

TEST_CASE_TEMPLATE("a list or count that takes too long is ended with RESOURCE_EXHAUSTED", Backend,
                   sqlite_scans, mysql_scans) {
  world<Backend> w;
  if (!w.available())
    return;
  fill(w, 20'000);
  CHECK(must(w->count(namespace_id, machine_kind::workflow, slow_filter())) == 0);
  w.backend.bounds.time_max = std::chrono::milliseconds{1};
  w.reopen();
  for (int round = 0; round < 3; ++round) {
    auto counted = w->count(namespace_id, machine_kind::workflow, slow_filter());
    REQUIRE(!counted);
    CHECK(counted.error().code == errc::resource_exhausted);
    auto listed = w->list(namespace_id, machine_kind::workflow, slow_filter(), {}, 10);
    REQUIRE(!listed);
    CHECK(listed.error().code == errc::resource_exhausted);
    auto grouped = w->count_by(namespace_id, machine_kind::workflow, slow_filter(),
                               "ExecutionStatus", store::value_type::integer);
    REQUIRE(!grouped);
    CHECK(grouped.error().code == errc::resource_exhausted);
    // Nothing else is bounded so, or harmed by it.
    CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-7"))->run_id
          == "run-7");
    CHECK(must(w->due_timers(at(1'000'000), at(0), 0, 30'000)).empty());
    CHECK(w.append(1, static_cast<std::uint64_t>(round) + 2) == commit_status::committed);
  }
  w.backend.bounds.time_max = std::chrono::minutes{10};
  w.reopen();
  CHECK(must(w->count(namespace_id, machine_kind::workflow, slow_filter())) == 0);
}

TEST_CASE("scans that wait in every session they have hold up no other call") {
  world<mysql_scans> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto address = must(store::mysql::parse_dsn(w.backend.dsn));
  store::mysql::connection blocker{address, address.database, store::mysql::role::reader};
  blocker.execute("LOCK TABLES visibility WRITE");
  std::atomic<int> ended{0};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 10; ++i)
    clients.emplace_back([&] {
      CHECK(w->count(namespace_id, machine_kind::workflow, slow_filter()));
      ++ended;
    });
  // Those that have a session wait in the database, the others for a session.
  auto are_waiting = [&] {
    auto found = blocker.query("SELECT COUNT(*) FROM information_schema.processlist WHERE "
                               "db = DATABASE() AND state LIKE 'Waiting for table%'");
    return found.next() && found.integer(1) == w.backend.bounds.sessions;
  };
  while (!are_waiting())
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  auto slot = head_of(1).slot;
  for (std::uint64_t round = 0; round < 5; ++round) {
    CHECK(w->renew(w.self, false));
    CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1")));
    CHECK(must(w->read_journal(1, 1, 1000)).size() == round + 1);
    w.epochs[slot] = must(w->raise_epoch(slot, w.epochs[slot]));
    CHECK(w.append(1, round + 2) == commit_status::committed);
    CHECK(w->check());
  }
  CHECK(ended == 0);
  blocker.execute("UNLOCK TABLES");
  clients.clear();
  CHECK(ended == 10);
}
