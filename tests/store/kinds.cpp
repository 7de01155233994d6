// Durable actors of several kinds with one id in one namespace never meet.
#include "store/sql/condition.hpp"
#include "tests/store/backends.hpp"

#include <array>

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

namespace {

constexpr std::array kinds{machine_kind::workflow, machine_kind::batch, machine_kind::task_queue};

std::int64_t key_of(machine_kind kind) {
  return 1 + static_cast<std::int64_t>(kind);
}

/// A run of the id "same", listed, due and with work that waits.
template <class World>
store::transition start_same(const World& w, machine_kind kind) {
  auto key = key_of(kind);
  auto t = start_of(key, 0);
  auto& head = t.runs[0].head;
  head.kind = kind;
  head.workflow_id = "same";
  head.slot = t.slot = store::slot_of(namespace_id, kind, "same");
  head.timer_at = at(key);
  head.offer_at = at(key);
  t.epoch = w.epochs[t.slot];
  t.currents[0].kind = kind;
  t.currents[0].workflow_id = "same";
  t.runs[0].visibility = listed(key, key);
  t.runs[0].visibility->kind = kind;
  t.runs[0].visibility->workflow_id = "same";
  return t;
}

store::filter same_id() {
  store::filter f{.what = store::filter::op::equal, .attribute = "WorkflowId"};
  f.values.push_back({.texts = {"same"}});
  return f;
}

} // namespace

TEST_CASE("slots and hashes of ids are what they always were, and other kinds have their own") {
  using store::slot_of;
  using store::sql::id_hash;
  CHECK(slot_of(namespace_id, machine_kind::workflow, "workflow-1") == 347);
  CHECK(slot_of(namespace_id, machine_kind::workflow, "order") == 2190);
  CHECK(slot_of(namespace_id, machine_kind::batch, "order") == 1980);
  CHECK(slot_of(namespace_id, machine_kind::task_queue, "order") == 3055);
  CHECK(id_hash(namespace_id, machine_kind::workflow, "order") == 7918849679610543965);
  CHECK(id_hash(namespace_id, machine_kind::batch, "order") == -2409902352549914328);
  CHECK(store::range_of(0) == 0);
  CHECK(store::range_of(15) == 0);
  CHECK(store::range_of(16) == 1);
  CHECK(store::range_of(4095) == 255);
}

TEST_CASE_TEMPLATE("an id of several kinds is several ids", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::vector<store::transition> group;
  for (auto kind : kinds)
    group.push_back(start_same(w, kind));
  for (auto status : w->commit(group))
    REQUIRE(status == commit_status::committed);
  if constexpr (Backend::is_durable)
    w.reopen();

  for (auto kind : kinds) {
    INFO("kind " << static_cast<int>(kind));
    auto run_id = run_id_of(key_of(kind));
    auto head = must(w->current_run(namespace_id, kind, "same"));
    REQUIRE(head);
    CHECK(head->kind == kind);
    CHECK(head->run_id == run_id);
    CHECK(head->slot == store::slot_of(namespace_id, kind, "same"));
    CHECK(must(w->find_run(namespace_id, kind, "same", run_id))->kind == kind);
    for (auto other : kinds)
      CHECK(must(w->find_run(namespace_id, other, "same", run_id)).has_value() == (other == kind));
    for (const auto& query : {store::filter{}, same_id()}) {
      auto rows = must(w->list(namespace_id, kind, query, {}, 10));
      REQUIRE(rows.size() == 1);
      CHECK(rows[0].kind == kind);
      CHECK(rows[0].run_id == run_id);
      CHECK(must(w->count(namespace_id, kind, query)) == 1);
      auto groups = must(
        w->count_by(namespace_id, kind, query, "ExecutionStatus", store::value_type::integer));
      REQUIRE(groups.size() == 1);
      CHECK(groups[0].count == 1);
    }
  }

  for (const auto& due :
       {must(w->due_timers(at(10), at(0), 0, 10)), must(w->pending_offers(at(0), 0, 10))}) {
    REQUIRE(due.size() == kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      CHECK(due[i].kind == kinds[i]);
      CHECK(due[i].workflow_id == "same");
    }
  }
}

TEST_CASE_TEMPLATE("a start of one kind is not in the way of another's, in the same group or later",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(commit_one(*w, start_same(w, machine_kind::batch)) == commit_status::committed);
  // Against its own kind it counts.
  auto again = start_same(w, machine_kind::batch);
  again.runs[0].head.key = again.currents[0].key = 77;
  again.runs[0].head.run_id = again.currents[0].run_id = "run-77";
  CHECK(commit_one(*w, again) == commit_status::already_exists);
  CHECK(commit_one(*w, start_same(w, machine_kind::workflow)) == commit_status::committed);

  auto erase = erase_of(key_of(machine_kind::batch), 0);
  erase.runs[0].head.kind = machine_kind::batch;
  erase.runs[0].head.workflow_id = "same";
  erase.slot = store::slot_of(namespace_id, machine_kind::batch, "same");
  erase.epoch = w.epochs[erase.slot];
  // Gone and started again in one group, with the other kind's pointer untouched.
  CHECK(w->commit(std::vector{erase, again})
        == std::vector{commit_status::committed, commit_status::committed});
  CHECK(must(w->current_run(namespace_id, machine_kind::batch, "same"))->run_id == "run-77");
  CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "same"))->run_id == "run-1");
  CHECK(!must(w->current_run(namespace_id, machine_kind::task_queue, "same")));
}
