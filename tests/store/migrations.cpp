// What a migration would do, told before it is done.
#include "store/migration.hpp"
#include "tests/store/backends.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

constexpr std::int64_t runs = 40;

void fill(store::store& s, const std::vector<store::epoch_number>& epochs) {
  for (std::int64_t key = 1; key <= runs; ++key) {
    auto t = start_of(key, epochs[head_of(key).slot]);
    t.runs[0].visibility = listed(key, key);
    t.runs[0].visibility->search_attributes.push_back(
      {.name = "Color", .value = {.texts = {"red"}}});
    REQUIRE(commit_one(s, t) == commit_status::committed);
  }
}

struct file_world {
  file_world() {
    auto s = must(store::open_sqlite({.path = path}));
    fill(*s, must(store::take_everything(*s, store::new_incarnation())));
  }

  void run_sql(const char* text) const {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, text, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
  }

  std::string bytes() const {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

  temporary_folder folder{};
  std::string path = folder.file("store.db");
};

using counted = std::vector<std::pair<std::string, std::int64_t>>;

} // namespace

TEST_CASE("a file is migrated for trial, and is as it was") {
  file_world w;
  auto newest = must(store::try_sqlite_migration(w.path));
  CHECK(newest.stored == newest.known);
  CHECK(newest.steps.empty());
  CHECK_FALSE(newest.growth);
  w.run_sql("DROP TABLE attribute_values; DROP TABLE listed_counts; PRAGMA user_version = 5");
  auto before = w.bytes();
  auto plan = must(store::try_sqlite_migration(w.path));
  CHECK(w.bytes() == before);
  CHECK(plan.stored == 5);
  CHECK(plan.known == newest.known);
  REQUIRE(plan.steps.size() == static_cast<std::size_t>(plan.known - 5));
  CHECK(plan.steps[0].version == 6);
  CHECK(plan.steps[0].about.find("values of attributes") != std::string::npos);
  CHECK(plan.steps[0].rows == counted{{"visibility", runs}});
  REQUIRE(plan.growth);
  // There is room in the file for what was dropped.
  CHECK(*plan.growth >= 0);
  // And then it is done.
  CHECK(store::open_sqlite({.path = w.path}));
  CHECK(must(store::try_sqlite_migration(w.path)).steps.empty());
}

TEST_CASE("a file that would not migrate fails at the trial, and is as it was") {
  file_world w;
  // The table that the last step makes is there already.
  w.run_sql("DROP TABLE attribute_values; PRAGMA user_version = 5");
  auto before = w.bytes();
  auto refused = store::try_sqlite_migration(w.path);
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::failed_precondition);
  CHECK(refused.error().message.find("cannot be migrated") != std::string::npos);
  CHECK(w.bytes() == before);
}

TEST_CASE("a file that is none of ours, or that a server has, is not tried") {
  file_world w;
  CHECK(!store::try_sqlite_migration(w.folder.file("absent.db")));
  CHECK_FALSE(std::filesystem::exists(w.folder.file("absent.db")));
  {
    auto served = must(store::open_sqlite({.path = w.path}));
    auto refused = store::try_sqlite_migration(w.path);
    REQUIRE(!refused);
    CHECK(refused.error().message.find("in use by") != std::string::npos);
  }
  w.run_sql("PRAGMA user_version = 99");
  CHECK(store::try_sqlite_migration(w.path).error().message.find("newer version")
        != std::string::npos);
  w.run_sql("PRAGMA application_id = 5");
  CHECK(store::try_sqlite_migration(w.path).error().message.find("is not a store")
        != std::string::npos);
}

TEST_CASE("a database is looked at while servers use it, and nothing is changed") {
  world<mysql_backend> w;
  if (!w.available())
    return;
  fill(*w, w.epochs);
  auto newest = must(store::plan_mysql_migration(w.backend.dsn));
  CHECK(newest.stored == newest.known);
  CHECK(newest.steps.empty());
  auto address = must(store::mysql::parse_dsn(w.backend.dsn));
  store::mysql::connection db{address, address.database, store::mysql::role::reader};
  db.execute("UPDATE schema_version SET version = 6 WHERE id = 1");
  auto plan = must(store::plan_mysql_migration(w.backend.dsn));
  CHECK(plan.stored == 6);
  CHECK_FALSE(plan.growth);
  REQUIRE_FALSE(plan.steps.empty());
  CHECK(plan.steps[0].version == 7);
  CHECK(plan.steps[0].rows == counted{{"visibility", runs}, {"attributes", runs}});
  db.execute("UPDATE schema_version SET version = 99 WHERE id = 1");
  CHECK(store::plan_mysql_migration(w.backend.dsn).error().message.find("newer version")
        != std::string::npos);
  // A database that there is not stays away.
  auto absent = w.backend.dsn + "_absent";
  auto none = must(store::plan_mysql_migration(absent));
  CHECK(none.stored == 0);
  CHECK(none.steps.size() == static_cast<std::size_t>(none.known));
  CHECK(none.steps[0].rows.empty());
  CHECK_FALSE(db.query("SELECT 1 FROM information_schema.schemata WHERE schema_name = '"
                       + address.database + "_absent'")
                .next());
}
