// What a change of a namespace leaves to do: erasing all of a deleted one, and runs that are closed
// already when the retention changes.
#include "tests/support/actor_fixture.hpp"

#include <algorithm>

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr int ok = 0;
constexpr int not_found = 5;

/// Small steps, so that there are several.
cluster::node_options small_steps() {
  cluster::node_options out;
  out.capacity.upkeep_rows = 3;
  out.capacity.upkeep_orders_max = 2;
  return out;
}

struct upkeep_fixture : actor_fixture {
  upkeep_fixture() : actor_fixture(small_steps()) {
  }

  void set_retention(duration retention) {
    REQUIRE(node->namespaces().update("default", [&](journal::NamespaceRecord& r) -> result<void> {
      *r.mutable_config()->mutable_workflow_execution_retention_ttl() = engine::to_proto(retention);
      r.set_review_retention(true);
      return {};
    }));
    run();
    advance(1s);
    advance(1s);
  }

  void delete_namespace(duration delay = 0s) {
    REQUIRE(node->namespaces().update("default", [&](journal::NamespaceRecord& r) -> result<void> {
      r.mutable_info()->set_state(enums::NAMESPACE_STATE_DELETED);
      r.mutable_info()->set_name("default-deleted-11111");
      if (delay > 0s)
        *r.mutable_erase_not_before() = engine::to_proto(time.now() + delay);
      return {};
    }));
  }

  /// Its run id.
  std::string closed(const std::string& id) {
    auto run_id = start(id);
    complete(take_workflow_task(), {complete_command()});
    return run_id;
  }

  bool is_stored(const std::string& id, const std::string& run_id) {
    auto head = below().find_run(ns, machine_kind::workflow, id, run_id);
    REQUIRE(head);
    return head->has_value();
  }

  std::size_t runs_left() {
    auto page = below().runs_of(ns, 0, 100'000);
    REQUIRE(page);
    REQUIRE(page->is_last);
    return page->runs.size();
  }

  bool is_known() {
    auto rows = below().namespaces();
    REQUIRE(rows);
    return std::ranges::any_of(*rows, [this](const auto& row) { return row.id == ns; });
  }

  void commit(store::transition t) {
    t.epoch = first_epoch;
    REQUIRE(below().commit({&t, 1}).front() == store::commit_status::committed);
  }
};

} // namespace

TEST_CASE_FIXTURE(upkeep_fixture, "a shorter retention is for those that are closed already") {
  std::map<std::string, std::string> runs;
  for (int i = 0; i < 8; ++i)
    runs["w" + std::to_string(i)] = closed("w" + std::to_string(i));
  auto open = start("open");
  seen.offers.clear();
  auto in_memory = true;
  SUBCASE("in memory") {
  }
  SUBCASE("in the store alone") {
    in_memory = false;
    restart_node();
  }
  advance(5h);
  // A new server offers again what nobody has taken.
  seen.offers.clear();
  auto late = closed("late");
  set_retention(2h);
  for (const auto& [id, run_id] : runs)
    CHECK_FALSE(is_stored(id, run_id));
  CHECK(is_stored("late", late));
  CHECK(is_stored("open", open));
  CHECK_FALSE(node->namespaces().find("default")->record.review_retention());
  if (!in_memory)
    restart_node();
  advance(119min);
  CHECK(is_stored("late", late));
  advance(1min);
  CHECK_FALSE(is_stored("late", late));
  CHECK(is_stored("open", open));
  CHECK(history("open") == std::vector<int>{1, 5});
}

TEST_CASE_FIXTURE(upkeep_fixture, "a longer retention is for those that are closed already, too") {
  auto run_id = closed("w");
  advance(20h);
  SUBCASE("at once") {
    set_retention(48h);
  }
  SUBCASE("by a server that dies before it has told them") {
    REQUIRE(node->namespaces().update("default", [&](journal::NamespaceRecord& r) -> result<void> {
      *r.mutable_config()->mutable_workflow_execution_retention_ttl() = engine::to_proto(48h);
      r.set_review_retention(true);
      return {};
    }));
    restart_node();
  }
  advance(5h);
  CHECK(is_stored("w", run_id));
  restart_node();
  advance(22h);
  CHECK(is_stored("w", run_id));
  advance(2h);
  CHECK_FALSE(is_stored("w", run_id));
}

TEST_CASE_FIXTURE(upkeep_fixture, "older runs of an id look at their retention, too") {
  auto older = closed("w");
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  auto current = ask<service::StartWorkflowExecutionResponse>(again).run_id();
  advance(3h);
  set_retention(2h);
  CHECK_FALSE(is_stored("w", older));
  CHECK(is_stored("w", current));
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
}

TEST_CASE_FIXTURE(upkeep_fixture, "a run that closes later has the retention of then") {
  auto run_id = start("w");
  auto task = take_workflow_task();
  set_retention(2h);
  complete(task, {complete_command()});
  advance(119min);
  CHECK(is_stored("w", run_id));
  advance(2min);
  CHECK_FALSE(is_stored("w", run_id));
}

TEST_CASE_FIXTURE(upkeep_fixture, "a store that fails delays a change of the retention, no more") {
  auto run_id = closed("w");
  advance(3h);
  auto down = true;
  decide_fault = [&](store::operation what) {
    return store::fault{.what = down && what == store::operation::read ? store::fault::kind::before
                                                                       : store::fault::kind::none};
  };
  set_retention(2h);
  advance(5s);
  CHECK(is_stored("w", run_id));
  down = false;
  for (int i = 0; i < 20; ++i)
    advance(1s);
  CHECK_FALSE(is_stored("w", run_id));
}

TEST_CASE_FIXTURE(upkeep_fixture, "of a deleted namespace nothing is left, and others are served") {
  const std::string other = "22222222-2222-4222-8222-222222222222";
  journal::NamespaceRecord record;
  record.mutable_info()->set_id(other);
  record.mutable_info()->set_name("other");
  record.mutable_config()->mutable_workflow_execution_retention_ttl()->set_seconds(86'400);
  REQUIRE(node->namespaces().create(record));
  auto there = start_request("there");
  there.set_namespace_id(other);
  auto signal = signal_request("there", "s");
  signal.set_namespace_id(other);
  ask<service::StartWorkflowExecutionResponse>(there);
  seen.offers.clear();
  std::string run_id;
  for (int i = 0; i < 9; ++i)
    run_id = closed("w" + std::to_string(i));
  for (int i = 0; i < 4; ++i)
    start("open" + std::to_string(i));
  commit({.slot = 7,
          .backlog_adds = {{.queue = {.namespace_id = ns, .name = "queue"}, .seq = 1, .task = "t"},
                           {.queue = {.namespace_id = other, .name = "queue"}, .seq = 1}},
          .inbox_adds = {{.message_id = run_id + ":1:2", .answer = "a", .sender = "s"}}});
  auto dies = 0;
  SUBCASE("at once") {
  }
  SUBCASE("by a server that dies in the middle") {
    dies = 1;
  }
  SUBCASE("by one that has nothing of it in memory") {
    restart_node();
  }
  SUBCASE("though writes fail now and then") {
    decide_fault = [n = 0](store::operation what) mutable {
      return store::fault{.what = what == store::operation::commit && ++n % 3 == 0
                                    ? store::fault::kind::before
                                    : store::fault::kind::none};
    };
  }
  auto waiting = history_request("open0");
  waiting.mutable_get_history()->mutable_forward()->set_wait_new_event(true);
  waiting.mutable_get_history()->mutable_forward()->set_history_event_filter_type(
    enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto poll = send(waiting);
  run();
  delete_namespace();
  auto before = runs_left();
  CHECK(before == 13);
  for (; dies > 0; --dies) {
    run();
    scheduler.advance_time(1s);
    for (int steps = 0; steps < 40; ++steps)
      scheduler.try_run_once();
    CHECK(is_known());
    restart_node();
  }
  run();
  for (int i = 0; i < 30; ++i) {
    advance(1s);
    CHECK(ask_raw(signal_request("open0", "s")).status().code() != ok);
  }
  CHECK(runs_left() == 0);
  CHECK_FALSE(is_known());
  CHECK_FALSE(node->namespaces().find_by_id(ns));
  if (seen.replies.contains(poll))
    CHECK(code(poll) == not_found);
  auto queues = below().backlog_queues();
  REQUIRE(queues);
  REQUIRE(queues->size() == 1);
  CHECK(queues->front().namespace_id == other);
  auto inbox = below().read_inbox(7, run_id + ":1:2");
  REQUIRE(inbox);
  CHECK_FALSE(inbox->has_value());
  CHECK(below().count(ns, machine_kind::workflow, {}).value() == 0);
  decide_fault = nullptr;
  CHECK(node->serving());
  CHECK(ask_raw(signal).status().code() == ok);
  CHECK(node->shared().watch.lost_rows.value() == 0);
  CHECK(node->shared().calls_under_way.load() == 0);
  CHECK(node->shared().early_starts.load() == 0);
}

namespace {

/// Keeps what goes to the writer until it is let go.
struct held_appends {
  explicit held_appends(upkeep_fixture& f) : real(f.node->shared().writer), in(f) {
    auto hold = [this](caf::event_based_actor*) -> caf::behavior {
      return {[this](append_atom, actors::outcome_ptr& x) { all.push_back(std::move(x)); }};
    };
    f.node->shared().writer = caf::actor_cast<writer_actor>(in.system.spawn<caf::hidden>(hold));
  }

  void let_go() {
    in.node->shared().writer = real;
    for (auto& x : std::exchange(all, {}))
      caf::anon_send(real, append_atom_v, std::move(x));
    in.run();
  }

  writer_actor real;
  upkeep_fixture& in;
  std::vector<actors::outcome_ptr> all{};
};

} // namespace

TEST_CASE_FIXTURE(upkeep_fixture,
                  "what was begun just before its namespace was deleted is erased, too") {
  held_appends held{*this};
  send(start_request("w"));
  run();
  REQUIRE(held.all.size() == 1);
  delete_namespace();
  run();
  for (int i = 0; i < 30; ++i)
    advance(1s);
  // It may be written yet.
  CHECK(is_known());
  held.let_go();
  for (int i = 0; i < 5; ++i)
    advance(1s);
  CHECK(runs_left() == 0);
  CHECK_FALSE(is_known());
}

TEST_CASE_FIXTURE(upkeep_fixture, "a deleted namespace keeps its record as long as was asked") {
  start("w");
  delete_namespace(1h);
  run();
  for (int i = 0; i < 30; ++i)
    advance(1min);
  CHECK(runs_left() == 0);
  CHECK(is_known());
  restart_node();
  for (int i = 0; i < 29; ++i)
    advance(1min);
  CHECK(is_known());
  for (int i = 0; i < 3; ++i)
    advance(1min);
  CHECK_FALSE(is_known());
}

TEST_CASE_FIXTURE(upkeep_fixture, "what a worker holds of a deleted namespace is written no more") {
  start("w");
  auto task = take_workflow_task();
  CHECK(node->shared().early_starts.load() == 1);
  delete_namespace();
  auto late = send(complete_request(task, {complete_command()}));
  run();
  CHECK(code(late) == not_found);
  for (int i = 0; i < 10; ++i)
    advance(1s);
  CHECK(runs_left() == 0);
  CHECK(node->shared().early_starts.load() == 0);
  CHECK(node->shared().watch.lost_rows.value() == 0);
}

TEST_CASE_FIXTURE(upkeep_fixture, "messages of a namespace that is gone are forgotten") {
  outbox::Address sender;
  sender.set_namespace_id("gone");
  sender.set_id("w");
  outbox::Answered answered;
  answered.set_run_id("r");
  commit({.slot = 7,
          .inbox_adds = {{.message_id = "r:1:2",
                          .answer = answered.SerializeAsString(),
                          .sender = sender.SerializeAsString(),
                          .taken_at = time.now() - 2h}}});
  restart_node();
  for (int i = 0; i < 12; ++i)
    advance(1s);
  auto row = below().read_inbox(7, "r:1:2");
  REQUIRE(row);
  REQUIRE(row->has_value());
  CHECK((*row)->forgotten_at);
}

TEST_CASE_FIXTURE(upkeep_fixture, "orders outlive the slot and the upkeep that had them") {
  for (int i = 0; i < 6; ++i)
    start("w" + std::to_string(i));
  auto slot = node->slot_for(ns, "w3");
  delete_namespace();
  for (int steps = 0; steps < 12; ++steps)
    scheduler.try_run_once();
  caf::anon_send_exit(slot, caf::exit_reason::kill);
  for (int i = 0; i < 130; ++i)
    advance(1s);
  CHECK(runs_left() == 0);
  CHECK_FALSE(is_known());
}

namespace {

/// Runs of a namespace that is in no record, each with a timer of an hour.
struct unrecorded_fixture : upkeep_fixture {
  explicit unrecorded_fixture(int runs = 4) {
    for (int i = 0; i < runs; ++i) {
      start("w" + std::to_string(i));
      complete(take_workflow_task(), {timer_command("t", 3600)});
    }
    commit(
      {.slot = 7, .backlog_adds = {{.queue = {.namespace_id = ns, .name = "queue"}, .seq = 1}}});
    auto rows = below().namespaces();
    REQUIRE(rows);
    record = rows->front();
    REQUIRE(below().erase_namespace(ns));
    restart_node();
  }

  /// How many messages actors deal with meanwhile.
  std::size_t work_in(duration whole) {
    constexpr duration step = 10ms;
    std::size_t work = 0;
    for (duration passed{0}; passed < whole; passed += step) {
      scheduler.advance_time(step);
      work += scheduler.run();
    }
    return work;
  }

  store::namespace_row record{};
};

result<void> deleted(journal::NamespaceRecord& r) {
  r.mutable_info()->set_state(enums::NAMESPACE_STATE_DELETED);
  r.mutable_info()->set_name(r.info().name() + "-deleted-" + r.info().id().substr(0, 5));
  return {};
}

store::fault failing(bool fails) {
  return {.what = fails ? store::fault::kind::before : store::fault::kind::none};
}

} // namespace

TEST_CASE_FIXTURE(unrecorded_fixture, "a run that is woken is erased when no record has its "
                                      "namespace, and with it all others of that") {
  CHECK(runs_left() == 4);
  advance(1h);
  for (int i = 0; i < 10; ++i)
    advance(1s);
  CHECK(runs_left() == 0);
  CHECK(below().backlog_queues().value().empty());
  CHECK(node->shared().calls_under_way.load() == 0);
  // And that is all: nobody looks through the store for it again.
  auto reads = 0;
  decide_fault = [&](store::operation what) {
    reads += what == store::operation::read ? 1 : 0;
    return store::fault{};
  };
  CHECK(work_in(30s) < 200);
  CHECK(reads < 5);
}

TEST_CASE_FIXTURE(unrecorded_fixture, "a namespace whose record is not read yet keeps its runs") {
  REQUIRE(below().create_namespace(record));
  advance(1h);
  for (int i = 0; i < 40; ++i)
    advance(1s);
  CHECK(runs_left() == 4);
  // The timer has fired.
  CHECK(seen.offers.size() == 4);
  CHECK(history("w1") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
}

TEST_CASE_FIXTURE(unrecorded_fixture, "while the records cannot be read nothing is erased, and "
                                      "what is due is asked seldom") {
  auto is_down = true;
  // The runs are in memory then, which takes a read.
  advance(1h);
  decide_fault = [&](store::operation what) {
    return failing(is_down && what == store::operation::read);
  };
  CHECK(work_in(60s) < 2000);
  CHECK(runs_left() == 4);
  SUBCASE("no record has it") {
    is_down = false;
    for (int i = 0; i < 70; ++i)
      advance(1s);
    CHECK(runs_left() == 0);
  }
  SUBCASE("one has it") {
    REQUIRE(below().create_namespace(record));
    is_down = false;
    for (int i = 0; i < 70; ++i)
      advance(1s);
    CHECK(runs_left() == 4);
    CHECK(seen.offers.size() == 4);
  }
}

TEST_CASE_FIXTURE(upkeep_fixture, "a namespace whose deletion fails holds up no other one") {
  auto id_of = [this](const std::string& name) { return name + ns.substr(1); };
  for (const char* name : {"a", "b", "z"}) {
    journal::NamespaceRecord r;
    r.mutable_info()->set_id(id_of(name));
    r.mutable_info()->set_name(name);
    REQUIRE(node->namespaces().create(r));
  }
  for (const char* name : {"a", "b"}) {
    auto there = start_request("w");
    there.set_namespace_id(id_of(name));
    ask<service::StartWorkflowExecutionResponse>(there);
  }
  // So no run can be erased.
  decide_fault = [](store::operation what) { return failing(what == store::operation::commit); };
  for (const char* name : {"a", "b"}) {
    REQUIRE(node->namespaces().update(name, deleted));
    run();
    for (int i = 0; i < 300; ++i)
      advance(1s);
  }
  REQUIRE(node->namespaces().update("z", deleted));
  run();
  for (int i = 0; i < 150; ++i)
    advance(1s);
  CHECK(node->namespaces().find_by_id(id_of("a")));
  CHECK(node->namespaces().find_by_id(id_of("b")));
  CHECK_FALSE(node->namespaces().find_by_id(id_of("z")));
  decide_fault = nullptr;
  for (int i = 0; i < 150; ++i)
    advance(1s);
  CHECK_FALSE(node->namespaces().find_by_id(id_of("a")));
  CHECK_FALSE(node->namespaces().find_by_id(id_of("b")));
}

// -- when other servers have ranges, too ---------------------------------------------------------

TEST_CASE_FIXTURE(upkeep_fixture, "of a deleted namespace each server erases what is its own") {
  std::map<std::string, std::string> runs;
  for (int i = 0; i < 8; ++i)
    runs["w" + std::to_string(i)] = closed("w" + std::to_string(i));
  auto range = store::range_of(store::slot_of(ns, machine_kind::workflow, "w0"));
  auto& lease = node->shared().own_lease;
  lease.lose(range);
  delete_namespace();
  run();
  for (int i = 0; i < 60; ++i)
    advance(2s);
  for (const auto& [id, run_id] : runs) {
    auto is_others = store::range_of(store::slot_of(ns, machine_kind::workflow, id)) == range;
    CHECK(is_stored(id, run_id) == is_others);
  }
  CHECK(is_known());
  lease.serve(range);
  for (int i = 0; i < 60; ++i)
    advance(2s);
  CHECK(runs_left() == 0);
  CHECK_FALSE(is_known());
}

TEST_CASE_FIXTURE(upkeep_fixture, "a retention is reviewed by each server, and then all have it") {
  std::map<std::string, std::string> runs;
  for (int i = 0; i < 8; ++i)
    runs["w" + std::to_string(i)] = closed("w" + std::to_string(i));
  auto range = store::range_of(store::slot_of(ns, machine_kind::workflow, "w0"));
  auto& lease = node->shared().own_lease;
  advance(5h);
  lease.lose(range);
  set_retention(2h);
  for (int i = 0; i < 60; ++i)
    advance(2s);
  for (const auto& [id, run_id] : runs) {
    auto is_others = store::range_of(store::slot_of(ns, machine_kind::workflow, id)) == range;
    CHECK(is_stored(id, run_id) == is_others);
  }
  CHECK(node->namespaces().find("default")->record.review_retention());
  lease.serve(range);
  node->namespaces().changed.tell();
  run();
  for (int i = 0; i < 60; ++i)
    advance(2s);
  CHECK_FALSE(is_stored("w0", runs["w0"]));
  CHECK_FALSE(node->namespaces().find("default")->record.review_retention());
}
