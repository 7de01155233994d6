#include "tests/store/backends.hpp"

using namespace reprise;
using namespace reprise::test;
using store::commit_status;

TEST_CASE_TEMPLATE("a start is durable with its head, journal, pointer and listing", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto t = start_of(1, w.epoch_of(1));
  t.runs[0].visibility = listed(1, 10);
  t.runs[0].snap = store::snapshot{.seq = 1, .state = "state"};
  t.runs[0].head.timer_at = at(60);
  REQUIRE(commit_one(*w, t) == commit_status::committed);

  if constexpr (Backend::is_durable)
    w.reopen();
  auto head = must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"));
  REQUIRE(head);
  CHECK(head->key == 1);
  CHECK(head->run_id == "run-1");
  CHECK(head->workflow_id == "workflow-1");
  CHECK(head->namespace_id == namespace_id);
  CHECK(head->slot == head_of(1).slot);
  CHECK(head->last_seq == 1);
  CHECK(head->next_event_id == 3);
  CHECK(head->status == 1);
  CHECK(head->timer_at == at(60));
  CHECK(!head->offer_at);
  auto rows = must(w->read_journal(1, 1, 1'000'000));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].events == "e1e2");
  CHECK(rows[0].facts == "f1");
  CHECK(must(w->load_snapshot(1))->state == "state");
  CHECK(must(w->list(namespace_id, machine_kind::workflow, {}, {}, 10)).size() == 1);
}

TEST_CASE_TEMPLATE("an append moves the head and a wrong last_seq is refused", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  CHECK(w.append(1, 2) == commit_status::committed);
  CHECK(w.append(1, 2) == commit_status::conflict);         // a duplicate
  CHECK(w.append(1, 4) == commit_status::predecessor_lost); // a gap
  CHECK(w.append(2, 2) == commit_status::predecessor_lost); // no such run
  auto odd = append_to(1, 3, w.epoch_of(1));
  odd.runs[0].row.seq = 7; // row and head do not agree
  CHECK(commit_one(*w, odd) == commit_status::conflict);
  CHECK(w.append(1, 3) == commit_status::committed);
  auto head = must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"));
  REQUIRE(head);
  CHECK(head->last_seq == 3);
  CHECK(head->next_event_id == 5);
  CHECK(must(w->read_journal(1, 1, 1'000'000)).size() == 3);
}

TEST_CASE_TEMPLATE("a bad member costs only itself, wherever in the group it stands", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  for (std::int64_t key : {1, 2, 3})
    REQUIRE(w.start(key) == commit_status::committed);
  std::vector<store::transition> group;
  group.push_back(append_to(1, 2, w.epoch_of(1)));
  group.push_back(append_to(2, 9, w.epoch_of(2)));
  group.push_back(append_to(1, 3, w.epoch_of(1)));     // sees the first member
  group.push_back(start_of(3, w.epoch_of(3)));         // exists
  group.push_back(append_to(3, 2, w.epoch_of(3) + 1)); // from an owner to come
  group.push_back(start_of(4, w.epoch_of(4)));
  group.push_back(append_to(4, 2, w.epoch_of(4)));
  group.push_back(start_of(4, w.epoch_of(4)));
  auto statuses = w->commit(group);
  REQUIRE(statuses.size() == group.size());
  CHECK(statuses[0] == commit_status::committed);
  CHECK(statuses[1] == commit_status::predecessor_lost);
  CHECK(statuses[2] == commit_status::committed);
  CHECK(statuses[3] == commit_status::already_exists);
  CHECK(statuses[4] == commit_status::stale_epoch);
  CHECK(statuses[5] == commit_status::committed);
  CHECK(statuses[6] == commit_status::committed);
  CHECK(statuses[7] == commit_status::already_exists);
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"))->last_seq
        == 3);
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-2", "run-2"))->last_seq
        == 1);
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-4", "run-4"))->last_seq
        == 2);
}

TEST_CASE_TEMPLATE("behind a refused transition nothing of its incarnation holds", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  for (std::int64_t key : {1, 2, 3})
    REQUIRE(w.start(key) == commit_status::committed);
  std::vector<store::transition> group;
  auto add = [&group](std::uint64_t incarnation, store::transition t) {
    t.incarnation = incarnation;
    group.push_back(std::move(t));
  };
  add(7, append_to(1, 2, w.epoch_of(1))); // before the refused one
  add(7, append_to(2, 9, w.epoch_of(2)));
  add(7, append_to(1, 3, w.epoch_of(1))); // of another run, decided on what is lost
  add(8, append_to(2, 2, w.epoch_of(2))); // another life
  add(0, append_to(3, 9, w.epoch_of(3)));
  add(0, append_to(3, 2, w.epoch_of(3))); // nobody's: each for itself
  using enum commit_status;
  CHECK(w->commit(group)
        == std::vector{committed, predecessor_lost, predecessor_lost, committed, predecessor_lost,
                       committed});
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"))->last_seq
        == 2);
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-2", "run-2"))->last_seq
        == 2);
  // What only the tables find.
  group.clear();
  auto same_run_id = start_of(4, w.epoch_of(4));
  same_run_id.runs[0].head.run_id = "run-1";
  same_run_id.currents.clear();
  add(9, same_run_id);
  add(9, append_to(2, 3, w.epoch_of(2)));
  CHECK(w->commit(group) == std::vector{already_exists, already_exists});
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-2", "run-2"))->last_seq
        == 2);
  // The next group begins anew: whether a life goes on is for its writer to know.
  CHECK(commit_one(*w, group[1]) == committed);
}

TEST_CASE_TEMPLATE("a transition is all or nothing over its runs", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto t = append_to(1, 2, w.epoch_of(1));
  t.runs.push_back(append_to(99, 2, 0).runs[0]); // a run that is not there
  t.backlog_adds.push_back({.queue = {.namespace_id = namespace_id, .name = "q"}, .seq = 1});
  CHECK(commit_one(*w, t) == commit_status::predecessor_lost);
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"))->last_seq
        == 1);
  CHECK(must(w->read_journal(1, 1, 100)).size() == 1);
  CHECK(must(w->backlog_queues()).empty());
}

TEST_CASE_TEMPLATE("an empty group and an empty transition are fine", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  CHECK(w->commit({}).empty());
  store::transition t{.slot = 5, .epoch = w.epochs[5]};
  CHECK(commit_one(*w, t) == commit_status::committed);
  t.epoch += 1;
  CHECK(commit_one(*w, t) == commit_status::stale_epoch);
  t.slot = 5000; // not a slot
  CHECK(commit_one(*w, t) == commit_status::stale_epoch);
}

TEST_CASE_TEMPLATE("a run id and a key exist once", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  auto same_run_id = start_of(2, w.epoch_of(2));
  same_run_id.runs[0].head.run_id = "run-1";
  same_run_id.currents.clear();
  CHECK(commit_one(*w, same_run_id) == commit_status::already_exists);
  auto same_key = start_of(2, w.epoch_of(2));
  same_key.runs[0].head.key = 1;
  same_key.currents.clear();
  CHECK(commit_one(*w, same_key) == commit_status::already_exists);
}

TEST_CASE_TEMPLATE("the current pointer moves only from the run that was expected", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  REQUIRE(w.start(1) == commit_status::committed);
  // The next run of the same workflow id, as continue-as-new makes it.
  auto next = append_to(1, 2, w.epoch_of(1));
  next.runs[0].head.status = 6;
  auto created = start_of(2, 0).runs[0];
  created.head.workflow_id = "workflow-1";
  created.head.slot = next.slot;
  next.runs.push_back(created);
  store::current_change change{.namespace_id = namespace_id,
                               .workflow_id = "workflow-1",
                               .expected_run_id = "run-7",
                               .run_id = "run-2",
                               .key = 2};
  next.currents.push_back(change);
  CHECK(commit_one(*w, next) == commit_status::already_exists);
  next.currents[0].expected_run_id = "";
  CHECK(commit_one(*w, next) == commit_status::already_exists);
  CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->run_id
        == "run-1");
  next.currents[0].expected_run_id = "run-1";
  CHECK(commit_one(*w, next) == commit_status::committed);
  CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->run_id
        == "run-2");
  CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1"))->status
        == 6);

  SUBCASE("erasing the current run leaves none") {
    auto erase = erase_of(2, w.epoch_of(1));
    erase.slot = next.slot;
    erase.runs[0].head.workflow_id = "workflow-1";
    CHECK(commit_one(*w, erase) == commit_status::committed);
    CHECK(!must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1")));
    CHECK(must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1")));
  }
  SUBCASE("erasing an older run leaves the pointer") {
    CHECK(commit_one(*w, erase_of(1, w.epoch_of(1))) == commit_status::committed);
    CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->run_id
          == "run-2");
  }
}

TEST_CASE_TEMPLATE("two starts of one workflow id in a group: the first wins", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto first = start_of(1, w.epoch_of(1));
  auto second = start_of(2, w.epoch_of(1));
  second.slot = first.slot;
  second.runs[0].head.slot = first.slot;
  second.runs[0].head.workflow_id = "workflow-1";
  second.currents[0].workflow_id = "workflow-1";
  std::vector group{first, second};
  auto statuses = w->commit(group);
  CHECK(statuses[0] == commit_status::committed);
  CHECK(statuses[1] == commit_status::already_exists);
  CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->run_id
        == "run-1");
}

TEST_CASE_TEMPLATE("an erased run leaves nothing behind and its ids can be used again", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  auto t = start_of(1, w.epoch_of(1));
  t.runs[0].visibility = listed(1, 10);
  t.runs[0].visibility->search_attributes.push_back(
    {.name = "Tags", .value = {.type = store::value_type::keyword_list, .texts = {"a", "b"}}});
  t.runs[0].snap = store::snapshot{.seq = 1, .state = "s"};
  t.runs[0].head.timer_at = at(1);
  t.runs[0].head.offer_at = at(1);
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  REQUIRE(w.append(1, 2) == commit_status::committed);
  REQUIRE(commit_one(*w, erase_of(1, w.epoch_of(1))) == commit_status::committed);
  CHECK(!must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1")));
  CHECK(!must(w->find_run(namespace_id, machine_kind::workflow, "workflow-1", "run-1")));
  CHECK(must(w->read_journal(1, 1, 1000)).empty());
  CHECK(!must(w->load_snapshot(1)));
  CHECK(must(w->list(namespace_id, machine_kind::workflow, {}, {}, 10)).empty());
  CHECK(must(w->due_timers(at(100), at(0), 0, 10)).empty());
  CHECK(must(w->pending_offers(at(0), 0, 10)).empty());
  CHECK(commit_one(*w, erase_of(1, w.epoch_of(1))) == commit_status::committed); // once more
  CHECK(w.start(1) == commit_status::committed);
}

TEST_CASE_TEMPLATE("one group may create, append to, erase and recreate", Backend,
                   REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::vector<store::transition> group;
  group.push_back(start_of(1, w.epoch_of(1)));
  group.push_back(append_to(1, 2, w.epoch_of(1)));
  group.push_back(erase_of(1, w.epoch_of(1)));
  group.push_back(append_to(1, 3, w.epoch_of(1)));
  group.push_back(start_of(1, w.epoch_of(1)));
  group.push_back(append_to(1, 2, w.epoch_of(1)));
  auto statuses = w->commit(group);
  CHECK(statuses[2] == commit_status::committed);
  CHECK(statuses[3] == commit_status::predecessor_lost);
  CHECK(statuses[4] == commit_status::committed);
  CHECK(statuses[5] == commit_status::committed);
  CHECK(must(w->current_run(namespace_id, machine_kind::workflow, "workflow-1"))->last_seq == 2);
  CHECK(must(w->read_journal(1, 1, 1000)).size() == 2);
}

TEST_CASE_TEMPLATE("a large group is one commit and keeps its order", Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::vector<store::transition> group;
  for (std::int64_t key = 1; key <= 300; ++key)
    group.push_back(start_of(key, w.epoch_of(key)));
  for (std::uint64_t seq = 2; seq <= 4; ++seq)
    for (std::int64_t key = 1; key <= 300; ++key)
      group.push_back(append_to(key, seq, w.epoch_of(key)));
  for (auto status : w->commit(group))
    REQUIRE(status == commit_status::committed);
  if constexpr (Backend::is_durable)
    w.reopen();
  for (std::int64_t key = 1; key <= 300; ++key) {
    REQUIRE(
      must(w->find_run(namespace_id, machine_kind::workflow, workflow_id_of(key), run_id_of(key)))
        ->last_seq
      == 4);
    REQUIRE(must(w->read_journal(key, 1, 100'000)).size() == 4);
  }
}

TEST_CASE_TEMPLATE("ids of a thousand bytes and blobs of a megabyte come back as they were",
                   Backend, REPRISE_BACKENDS) {
  world<Backend> w;
  if (!w.available())
    return;
  std::string workflow_id(1000, 'w');
  std::string trailing = workflow_id + " "; // tells stores that pad from those that do not
  std::string binary(1 << 20, '\0');
  for (std::size_t i = 0; i < binary.size(); ++i)
    binary[i] = static_cast<char>(i * 31 + i / 251);
  auto t = start_of(1, 0);
  auto& head = t.runs[0].head;
  head.workflow_id = workflow_id;
  head.run_id = std::string(990, 'r') + "'\"\\%_\n";
  head.slot = t.slot = store::slot_of(namespace_id, machine_kind::workflow, workflow_id);
  t.epoch = w.epochs[t.slot];
  t.currents[0].workflow_id = workflow_id;
  t.currents[0].run_id = head.run_id;
  t.runs[0].row.events = binary;
  t.runs[0].row.facts = std::string{"\0'\\", 3};
  t.runs[0].snap = store::snapshot{.seq = 1, .state = binary};
  REQUIRE(commit_one(*w, t) == commit_status::committed);
  auto found = must(w->current_run(namespace_id, machine_kind::workflow, workflow_id));
  REQUIRE(found);
  CHECK(found->run_id == head.run_id);
  CHECK(!must(w->current_run(namespace_id, machine_kind::workflow, trailing)));
  CHECK(!must(w->current_run(namespace_id, machine_kind::workflow,
                             "W" + workflow_id.substr(1)))); // case counts
  auto rows = must(w->read_journal(1, 1, 1));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].events == binary);
  CHECK(rows[0].facts == t.runs[0].row.facts);
  CHECK(must(w->load_snapshot(1))->state == binary);
}
