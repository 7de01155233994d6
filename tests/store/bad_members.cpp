// Members that only the tables find out to be bad: they leave no trace, and cost the rest of their
// group its time once more at most, however many they are.
#include "tests/store/backends.hpp"

#include <sqlite3.h>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

/// A run of an id that another run has.
store::transition twin_of(std::int64_t of, std::int64_t key, store::epoch_number epoch) {
  auto t = start_of(key, epoch);
  t.runs[0].head.run_id = run_id_of(of);
  t.currents.clear();
  return t;
}

/// Rows that SQLite was told to write, by all connections of this process.
int rows_written = 0;

int count_writes(unsigned, void*, void*, void* text) {
  auto sql = std::string_view{static_cast<const char*>(text)};
  rows_written += sql.starts_with("INSERT") || sql.starts_with("UPDATE") ? 1 : 0;
  return 0;
}

int watch(sqlite3* db, const char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, &count_writes, nullptr);
}

/// Counts what connections write that are opened while it lives.
struct watched_writes {
  watched_writes() {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&watch));
  }

  ~watched_writes() {
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&watch));
  }

  watched_writes(const watched_writes&) = delete;
  watched_writes& operator=(const watched_writes&) = delete;
};

} // namespace

TEST_CASE_TEMPLATE("members that the tables refuse leave no trace and keep nobody from holding",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  std::vector<store::transition> group;
  std::vector<commit_status> expected;
  for (std::int64_t key = 10; key < 60; ++key) {
    auto bad = key % 3 == 0;
    group.push_back(bad ? twin_of(1, key, w.epoch_of(key)) : start_of(key, w.epoch_of(key)));
    group.back().incarnation = static_cast<std::uint64_t>(key);
    expected.push_back(bad ? commit_status::already_exists : commit_status::committed);
    // What its own life decided behind it, and what rests on it without being of its life.
    for (std::uint64_t life : {static_cast<std::uint64_t>(key), std::uint64_t{0}}) {
      if (!bad && life == 0)
        continue;
      group.push_back(append_to(key, 2, w.epoch_of(key)));
      group.back().incarnation = life;
      group.back().runs[0].head.run_id = run_id_of(bad ? 1 : key);
      expected.push_back(!bad        ? commit_status::committed
                         : life == 0 ? commit_status::predecessor_lost
                                     : commit_status::already_exists);
    }
  }
  CHECK(w->commit(group) == expected);
  for (std::int64_t key = 10; key < 60; ++key) {
    CAPTURE(key);
    CHECK(must(w->read_journal(key, 1, 10'000)).size() == (key % 3 == 0 ? 0 : 2));
    // A number is free again when its start was refused.
    if (key % 3 == 0)
      CHECK(w.start(key) == commit_status::committed);
  }
}

TEST_CASE("bad members cost a group on SQLite twice its writes at most, however many they are") {
  watched_writes watched;
  auto writes = [](int bad) {
    world<sqlite_backend> w;
    REQUIRE(w.start(1) == commit_status::committed);
    std::vector<store::transition> group;
    for (std::int64_t key = 10; key < 210; ++key)
      group.push_back(key >= 210 - bad ? twin_of(1, key, w.epoch_of(key))
                                       : start_of(key, w.epoch_of(key)));
    rows_written = 0;
    w->commit(group);
    return rows_written;
  };
  auto none = writes(0);
  CHECK(none >= 400);
  CHECK(writes(1) <= 2 * none);
  CHECK(writes(100) <= 2 * none);
  CHECK(writes(200) <= 2 * none);
}
