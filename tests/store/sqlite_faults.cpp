// What SQLite's disk may do to the store: lose power, run full, fail to write or to sync.
#include "tests/store/backends.hpp"
#include "tests/support/forgetful_disk.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

/// A store on a forgetful disk of its own.
struct fragile_store {
  explicit fragile_store(const std::string& name) : disk("forgetful-" + name) {
    open();
  }

  void open() {
    s.reset();
    disk.power_on();
    s = must(store::open_sqlite({.path = folder.file("store.db"), .vfs = disk.name()}));
    epochs = must(store::take_everything(*s, store::new_incarnation()));
  }

  void crash_and_open() {
    disk.crash();
    open();
  }

  store::epoch_number epoch_of(std::int64_t key) const {
    return epochs[head_of(key).slot];
  }

  commit_status start(std::int64_t key) {
    return commit_one(*s, start_of(key, epoch_of(key)));
  }

  commit_status append(std::int64_t key, std::uint64_t seq) {
    return commit_one(*s, append_to(key, seq, epoch_of(key)));
  }

  temporary_folder folder{};
  forgetful_disk disk;
  std::unique_ptr<store::store> s{};
  std::vector<store::epoch_number> epochs{};
};

} // namespace

TEST_CASE("every committed group survives a power cut") {
  fragile_store f{"survives"};
  REQUIRE(f.start(1) == commit_status::committed);
  std::uint64_t last = 1;
  for (std::uint64_t round = 0; round < 25; ++round) {
    for (std::uint64_t i = 0; i <= round % 7; ++i)
      REQUIRE(f.append(1, ++last) == commit_status::committed);
    if (round % 2 == 0)
      f.disk.crash();
    else
      f.disk.crash_keeping_some(round);
    f.open();
    auto head = must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"));
    REQUIRE(head);
    REQUIRE(head->last_seq == last);
    REQUIRE(must(f.s->read_journal(1, 1, 1 << 20)).size() == last);
  }
}

TEST_CASE("power cuts across checkpoints lose nothing") {
  fragile_store f{"checkpoints"};
  REQUIRE(f.start(1) == commit_status::committed);
  std::uint64_t last = 1;
  // 200 KiB a row: the WAL passes its checkpoint size every eighty rows.
  for (int i = 0; i < 250; ++i) {
    auto t = append_to(1, ++last, f.epoch_of(1));
    t.runs[0].row.events = std::string(200'000, static_cast<char>('a' + i % 26));
    REQUIRE(commit_one(*f.s, t) == commit_status::committed);
    if (i % 60 == 59) {
      f.disk.crash_keeping_some(static_cast<std::uint64_t>(i));
      f.open();
      REQUIRE(must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
              == last);
    }
  }
  std::uint64_t seen = 0;
  while (seen < last) {
    auto rows = must(f.s->read_journal(1, seen + 1, 1 << 20));
    REQUIRE(!rows.empty());
    for (auto& row : rows)
      REQUIRE(row.seq == ++seen);
  }
}

TEST_CASE("the disk does forget: without syncs the same groups would be lost") {
  // The counterpart that proves the two tests above: SQLite alone, told not to sync.
  forgetful_disk disk{"forgetful-proof"};
  auto count_after_crash = [&](const char* path, const char* synchronous) {
    sqlite3* db = nullptr;
    auto run = [&](const std::string& text) {
      REQUIRE(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    };
    auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    REQUIRE(sqlite3_open_v2(path, &db, flags, disk.name().c_str()) == SQLITE_OK);
    run("PRAGMA journal_mode = WAL");
    run("CREATE TABLE t(x)");
    run("PRAGMA wal_checkpoint(TRUNCATE)");
    run(std::string{"PRAGMA synchronous = "} + synchronous);
    for (int i = 0; i < 10; ++i)
      run("INSERT INTO t VALUES(1)");
    disk.crash();
    sqlite3_close(db);
    disk.power_on();
    REQUIRE(sqlite3_open_v2(path, &db, flags, disk.name().c_str()) == SQLITE_OK);
    int rows = 0;
    auto count = [](void* out, int, char** values, char**) {
      *static_cast<int*>(out) = std::atoi(values[0]);
      return 0;
    };
    REQUIRE(sqlite3_exec(db, "SELECT count(*) FROM t", count, &rows, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    return rows;
  };
  CHECK(count_after_crash("/full.db", "FULL") == 10);
  CHECK(count_after_crash("/off.db", "OFF") == 0);
}

TEST_CASE("a full disk refuses commits as unavailable, and the next one works by itself") {
  fragile_store f{"full"};
  REQUIRE(f.start(1) == commit_status::committed);
  f.disk.set_full(true);
  for (int i = 0; i < 3; ++i) {
    CHECK(f.append(1, 2) == commit_status::unavailable);
    CHECK(!f.s->check());
    // Reading goes on.
    CHECK(must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
          == 1);
  }
  // Nothing of those can come back, so an epoch is raised without the disk.
  f.epochs[1] = must(f.s->raise_epoch(1, f.epochs[1]));
  f.disk.set_full(false);
  CHECK(f.append(1, 2) == commit_status::committed);
  CHECK(f.s->check());
  CHECK(must(f.s->raise_epoch(1, f.epochs[1])) == f.epochs[1] + 1);
  f.crash_and_open();
  CHECK(must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq == 2);
}

TEST_CASE("a failed write is unavailable and leaves nothing") {
  fragile_store f{"write"};
  REQUIRE(f.start(1) == commit_status::committed);
  f.disk.set_write_fails(true);
  CHECK(f.append(1, 2) == commit_status::unavailable);
  f.disk.set_write_fails(false);
  f.crash_and_open();
  CHECK(must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq == 1);
  CHECK(f.append(1, 2) == commit_status::committed);
}

TEST_CASE("a failed sync leaves the outcome unknown until the epoch is raised") {
  fragile_store f{"sync"};
  REQUIRE(f.start(1) == commit_status::committed);
  f.disk.set_sync_fails(true);
  CHECK(f.append(1, 2) == commit_status::unknown);
  // Its frames may come back until they are overwritten, which cannot be done now.
  auto refused = f.s->raise_epoch(head_of(1).slot, f.epochs[head_of(1).slot]);
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::unavailable);
  f.disk.set_sync_fails(false);
  SUBCASE("the process goes on: the commit is not there and cannot come back") {
    auto slot = head_of(1).slot;
    f.epochs[slot] = must(f.s->raise_epoch(slot, f.epochs[slot]));
    CHECK(must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
          == 1);
    // Not even when its frames had reached the disk without their sync.
    f.disk.crash_keeping_some(3);
    f.open();
    CHECK(must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq
          == 1);
    CHECK(f.append(1, 2) == commit_status::committed);
  }
  SUBCASE("the process dies: it is there or not, and the store is whole either way") {
    for (std::uint64_t seed = 1; seed < 4; ++seed)
      f.disk.crash_keeping_some(seed);
    f.open();
    auto last
      = must(f.s->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq;
    CHECK(must(f.s->read_journal(1, 1, 1000)).size() == last);
    CHECK(f.append(1, last + 1) == commit_status::committed);
  }
}
