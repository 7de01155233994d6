#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;

TEST_CASE_TEMPLATE("a namespace is taken by id and by name", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w->create_namespace({.id = "id-1", .name = "default", .version = 1, .record = "r"}));
  auto same_name = w->create_namespace({.id = "id-2", .name = "default", .version = 1});
  REQUIRE(!same_name);
  CHECK(same_name.error().code == errc::already_exists);
  CHECK(!w->create_namespace({.id = "id-1", .name = "other", .version = 1}));
  REQUIRE(w->create_namespace({.id = "id-2", .name = "Default", .version = 1, .record = "r2"}));
  auto rows = must(w->namespaces());
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].id == "id-1");
  CHECK(rows[0].record == "r");
  CHECK(rows[1].name == "Default");
}

TEST_CASE_TEMPLATE("a namespace is updated only from the version that was read", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w->create_namespace({.id = "id-1", .name = "a", .version = 1, .record = "r1"}));
  REQUIRE(w->create_namespace({.id = "id-2", .name = "b", .version = 1, .record = "r1"}));
  REQUIRE(w->update_namespace({.id = "id-1", .name = "a", .version = 2, .record = "r2"}));
  auto stale = w->update_namespace({.id = "id-1", .name = "a", .version = 2, .record = "r3"});
  REQUIRE(!stale);
  CHECK(stale.error().code == errc::aborted);
  CHECK(!w->update_namespace({.id = "none", .name = "x", .version = 2}));
  auto taken = w->update_namespace({.id = "id-1", .name = "b", .version = 3});
  REQUIRE(!taken);
  CHECK(taken.error().code == errc::already_exists);
  REQUIRE(w->update_namespace({.id = "id-1", .name = "c", .version = 3, .record = "r3"}));
  auto rows = must(w->namespaces());
  CHECK(rows[0].name == "c");
  CHECK(rows[0].version == 3);
  CHECK(rows[0].record == "r3");
}

TEST_CASE_TEMPLATE("the first writer of a cluster fact decides it", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  CHECK(must(w->cluster_fact("cluster id", "one")) == "one");
  CHECK(must(w->cluster_fact("cluster id", "two")) == "one");
  CHECK(must(w->cluster_fact("other", "")) == "");
  CHECK(w->check());
  CHECK(w->kind() == Backend::name);
}
