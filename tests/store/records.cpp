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

TEST_CASE_TEMPLATE("the runs of a namespace are found in pages, among those of others", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  constexpr std::int64_t count = 10;
  for (std::int64_t key = 1; key <= count; ++key) {
    auto t = start_of(key, 0);
    if (key % 3 == 0) {
      t.runs[0].head.namespace_id = "another";
      t.currents[0].namespace_id = "another";
    }
    t.epoch = w.epochs[t.slot];
    REQUIRE(commit_one(*w, t) == store::commit_status::committed);
  }
  std::vector<std::int64_t> found;
  std::int64_t behind = 0;
  for (auto is_last = false; !is_last;) {
    auto page = must(w->runs_of("another", behind, 2));
    CHECK(page.runs.size() <= 2);
    for (const auto& run : page.runs) {
      found.push_back(run.key);
      CHECK(run.workflow_id == workflow_id_of(run.key));
      CHECK(run.run_id == run_id_of(run.key));
      CHECK(run.last_seq == 1);
      CHECK(run.status == 1);
    }
    behind = page.last_key;
    is_last = page.is_last;
  }
  CHECK(found == std::vector<std::int64_t>{3, 6, 9});
  CHECK(must(w->runs_of("none", 0, 100)).runs.empty());
  CHECK(must(w->runs_of("none", 0, 100)).is_last);
  CHECK(must(w->runs_of(namespace_id, 0, 100)).runs.size() == 7);
}

TEST_CASE_TEMPLATE("a namespace's record goes alone, and its name is free", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w->create_namespace({.id = "id-1", .name = "a", .version = 1}));
  REQUIRE(w->create_namespace({.id = "id-2", .name = "b", .version = 1}));
  REQUIRE(w->erase_namespace("id-1"));
  REQUIRE(w->erase_namespace("id-1"));
  auto rows = must(w->namespaces());
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].id == "id-2");
  REQUIRE(w->create_namespace({.id = "id-3", .name = "a", .version = 1}));
}

TEST_CASE_TEMPLATE("a run may be erased with what inboxes remember of its messages", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto t = start_of(1, 0);
  t.epoch = w.epochs[t.slot];
  REQUIRE(commit_one(*w, t) == store::commit_status::committed);
  constexpr store::slot_id other = 9;
  store::transition taken{.slot = other, .epoch = w.epochs[other]};
  for (const auto* id : {"run-1:1:5", "run-1:20:6", "run-10:1:7", "run-1", "run-0:1:5"})
    taken.inbox_adds.push_back({.message_id = id, .answer = "a", .sender = "s"});
  REQUIRE(commit_one(*w, taken) == store::commit_status::committed);
  auto gone = erase_of(1, w.epochs[t.slot]);
  gone.runs[0].with_messages = true;
  REQUIRE(commit_one(*w, gone) == store::commit_status::committed);
  auto remembers = [&](const char* id) { return must(w->read_inbox(other, id)).has_value(); };
  CHECK_FALSE(remembers("run-1:1:5"));
  CHECK_FALSE(remembers("run-1:20:6"));
  CHECK(remembers("run-10:1:7"));
  CHECK(remembers("run-1"));
  CHECK(remembers("run-0:1:5"));
}
