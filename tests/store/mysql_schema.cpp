// Databases that former versions made.
#include "store/mysql/connection.hpp"
#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

TEST_CASE("a database without counts and values is migrated, and has them of what it listed") {
  world<mysql_backend> w;
  if (!w.available())
    return;
  for (std::int64_t key = 1; key <= 250; ++key) {
    auto t = start_of(key, w.epoch_of(key));
    t.runs[0].visibility = listed(key, key);
    t.runs[0].visibility->search_attributes.push_back(
      {.name = "Color", .value = {.texts = {key % 50 == 0 ? "red" : "blue"}}});
    REQUIRE(commit_one(*w, t) == commit_status::committed);
  }
  w.close();
  {
    auto address = must(store::mysql::parse_dsn(w.backend.dsn));
    store::mysql::connection db{address, address.database, store::mysql::role::reader};
    db.execute("DROP TABLE listed_counts");
    db.execute("ALTER TABLE attributes DROP KEY attributes_by_value, DROP COLUMN value_hash, "
               "DROP COLUMN close_order, DROP COLUMN start_time");
    db.execute("UPDATE schema_version SET version = 6 WHERE id = 1");
    // A crash in the middle of the migration left this.
    db.execute("ALTER TABLE attributes ADD COLUMN value_hash BIGINT");
  }
  w.reopen();
  store::filter red{.what = store::filter::op::equal, .attribute = "Color"};
  red.values.push_back({.texts = {"red"}});
  store::filter all{.what = store::filter::op::is_null, .attribute = "TemporalNamespaceDivision"};
  auto count = [&](const store::filter& f) {
    return must(w->count(namespace_id, machine_kind::workflow, f));
  };
  CHECK(count(red) == 5);
  CHECK(must(w->list(namespace_id, machine_kind::workflow, red, {}, 10)).size() == 5);
  CHECK(count(all) == 250);
  CHECK(commit_one(*w, erase_of(50, w.epoch_of(50))) == commit_status::committed);
  CHECK(count(red) == 4);
  CHECK(count(all) == 249);
}
