#include "tests/support/actor_fixture.hpp"

#include <stdexcept>

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr int ok = 0;
constexpr int not_found = 5;
constexpr int already_exists = 6;
constexpr int internal = 13;
constexpr int unavailable = 14;

using fault_kind = store::fault::kind;

/// Fails the next `count` commits.
auto failing_commits(fault_kind what, int count, int late_calls = 0) {
  return [what, count, late_calls](store::operation op) mutable {
    if (op != store::operation::commit || count == 0)
      return store::fault{};
    --count;
    return store::fault{.what = what, .late_calls = late_calls};
  };
}

} // namespace

TEST_CASE_FIXTURE(actor_fixture, "a failed append answers UNAVAILABLE and leaves no trace") {
  start("w");
  decide_fault = failing_commits(fault_kind::before, 1);
  CHECK(ask_raw(signal_request("w", "lost")).status().code() == unavailable);
  CHECK(history("w") == std::vector<int>{1, 5});
  CHECK(ask_raw(signal_request("w", "kept")).status().code() == ok);
  CHECK(history("w") == std::vector<int>{1, 5, 26});
}

TEST_CASE_FIXTURE(actor_fixture, "what rests on a failed append is not answered") {
  start("w");
  decide_fault = failing_commits(fault_kind::before, 1);
  auto first = send(signal_request("w", "lost"));
  auto read = send(history_request("w"));
  auto second = send(signal_request("w", "second"));
  run();
  CHECK(code(first) == unavailable);
  CHECK(code(second) == unavailable);
  auto seen_events = response<service::GetWorkflowExecutionHistoryResponse>(read).history();
  CHECK(event_types(seen_events) == std::vector<int>{1, 5});
}

TEST_CASE_FIXTURE(actor_fixture, "a commit of unknown outcome is found or gone, never doubled") {
  start("w");
  SUBCASE("it happened") {
    decide_fault = failing_commits(fault_kind::after, 1);
  }
  SUBCASE("it would happen late") {
    decide_fault = failing_commits(fault_kind::late, 1, 6);
  }
  CHECK(ask_raw(signal_request("w", "once")).status().code() == unavailable);
  CHECK(ask_raw(signal_request("w", "once")).status().code() == ok);
  db.land_late();
  CHECK(history("w") == std::vector<int>{1, 5, 26});
}

TEST_CASE_FIXTURE(actor_fixture,
                  "a store that forgot its last commits is gone on from, without a hole") {
  auto lost = [&] { return node->shared().watch.lost_rows.value(); };
  start("w");
  ask_raw(signal_request("w", "kept"));
  for (int forgotten : {1, 2, 5}) {
    CAPTURE(forgotten);
    auto before = history("w");
    auto counted = lost();
    decide_fault = failing_commits(fault_kind::forgotten, forgotten);
    for (int i = 0; i < forgotten; ++i)
      CHECK(ask_raw(signal_request("w", "forgotten-" + std::to_string(i))).status().code() == ok);
    CHECK(history("w").size() == before.size() + static_cast<std::size_t>(forgotten));
    // The first to write behind them; whatever it is told, nothing is written behind the hole.
    auto id = "after-" + std::to_string(forgotten);
    auto told = ask_raw(signal_request("w", id)).status().code();
    CHECK((told == ok || told == unavailable));
    CHECK(lost() == counted + 1);
    advance(2s);
    CHECK(ask_raw(signal_request("w", id)).status().code() == ok);
    before.push_back(26);
    CHECK(history("w") == before);
    CHECK(node->shared().watch.parked.value() == 0);
  }
  restart_node();
  CHECK(history("w") == std::vector<int>{1, 5, 26, 26, 26, 26});
}

TEST_CASE_FIXTURE(actor_fixture, "a run that the store forgot is no more, and can be started") {
  decide_fault = failing_commits(fault_kind::forgotten, 1);
  auto first = start("w");
  auto told = ask_raw(signal_request("w", "s")).status().code();
  CHECK((told == not_found || told == unavailable));
  advance(2s);
  CHECK(ask_raw(signal_request("w", "s")).status().code() == not_found);
  CHECK(start("w") != first);
  CHECK(history("w") == std::vector<int>{1, 5});
}

TEST_CASE_FIXTURE(actor_fixture, "what others remember of a forgotten time is forgotten, too") {
  start("sleeper");
  ask_raw(complete_request(take_workflow_task(), {timer_command("t", 60)}));
  // It fires, and then the store knows nothing of it.
  decide_fault = failing_commits(fault_kind::forgotten, 1);
  advance(61s);
  CHECK(history("sleeper") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
  start("other");
  decide_fault = failing_commits(fault_kind::forgotten, 1);
  ask_raw(signal_request("other", "forgotten"));
  ask_raw(signal_request("other", "finds out"));
  seen.offers.clear();
  advance(5s);
  // The timer of the sleeper fires again, as it has to: nobody asked for it.
  CHECK(history("sleeper") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
  CHECK(seen.offers.size() >= 1);
  restart_node();
  CHECK(history("sleeper") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
}

TEST_CASE_FIXTURE(actor_fixture, "a start whose commit was lost is there once after a retry") {
  for (auto what : {fault_kind::before, fault_kind::after, fault_kind::late}) {
    auto id = "w" + std::to_string(static_cast<int>(what));
    decide_fault = failing_commits(what, 1, 4);
    CHECK(ask_raw(start_request(id)).status().code() == unavailable);
    auto run_id = start(id);
    db.land_late();
    CHECK(start(id) == run_id);
    CHECK(history(id) == std::vector<int>{1, 5});
  }
}

TEST_CASE_FIXTURE(actor_fixture, "a closed run is deleted though its successor's commit was lost") {
  auto fault = fault_kind::after;
  SUBCASE("it happened") {
  }
  SUBCASE("it did not") {
    fault = fault_kind::before;
  }
  auto first = start("w");
  ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  decide_fault = failing_commits(fault, 1);
  CHECK(ask_raw(again).status().code() == unavailable);
  for (int i = 0; i < 150; ++i)
    advance(10min);
  auto head = below().find_run(ns, machine_kind::workflow, "w", first);
  REQUIRE(head);
  CHECK_FALSE(head->has_value());
}

TEST_CASE_FIXTURE(actor_fixture, "a start on a workflow that only the store knows is refused") {
  start("w");
  restart_node();
  auto again = start_request("w");
  again.mutable_start()->set_request_id("another");
  CHECK(ask_raw(again).status().code() == already_exists);
  auto first = send(again);
  auto second = send(signal_request("w", "s"));
  run();
  CHECK(code(first) == already_exists);
  CHECK(code(second) == ok);
  // That was no accident.
  CHECK(node->shared().watch.crashed.value() == 0);
}

TEST_CASE_FIXTURE(actor_fixture, "an execution that throws fails that call alone") {
  start("w");
  node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
    if (r.has_signal() && r.signal().signal_name() == "bad")
      throw std::runtime_error("told to");
  };
  auto before = send(signal_request("w", "before"));
  auto bad = send(signal_request("w", "bad"));
  auto after = send(signal_request("w", "after"));
  auto read = send(history_request("w"));
  run();
  CHECK(code(before) == ok);
  CHECK(code(bad) == internal);
  CHECK(code(after) == ok);
  auto seen_events = response<service::GetWorkflowExecutionHistoryResponse>(read).history();
  CHECK(event_types(seen_events) == std::vector<int>{1, 5, 26, 26});
}

TEST_CASE_FIXTURE(actor_fixture,
                  "a call that waits for an older run finds it in the next life, too") {
  auto older = start("w");
  ask_raw(complete_request(take_workflow_task(), {complete_command()}));
  auto again = start_request("w");
  again.mutable_start()->set_request_id("again");
  ask_raw(again);
  restart_node();
  node->shared().before_decision = [](const cluster::ExecutionRequest& r) {
    if (r.has_signal())
      throw std::runtime_error("told to");
  };
  auto describe = request("w");
  describe.set_run_id(older);
  describe.mutable_describe();
  auto read = send(describe);
  auto bad = send(signal_request("w", "bad"));
  run();
  CHECK(code(bad) == internal);
  auto got = response<service::DescribeWorkflowExecutionResponse>(read);
  CHECK(got.workflow_execution_info().execution().run_id() == older);
}

TEST_CASE_FIXTURE(actor_fixture, "a journal that cannot be folded parks that execution alone") {
  auto slot = store::slot_of(ns, machine_kind::workflow, "poisoned");
  store::transition bad{.slot = slot, .epoch = first_epoch};
  store::run_write w{.what = store::run_write::kind::create};
  w.head = {.key = 1,
            .slot = slot,
            .namespace_id = ns,
            .workflow_id = "poisoned",
            .run_id = "22222222-2222-4222-8222-222222222222",
            .last_seq = 1,
            .next_event_id = 2};
  w.row = {.seq = 1, .first_event_id = 1, .event_count = 1, .events = "nonsense", .facts = "?"};
  bad.currents.push_back(
    {.namespace_id = ns, .workflow_id = "poisoned", .run_id = w.head.run_id, .key = 1});
  bad.runs.push_back(w);
  REQUIRE(below().commit({&bad, 1}).front() == store::commit_status::committed);
  auto answer = ask_raw(signal_request("poisoned", "s"));
  CHECK(answer.status().code() == internal);
  CHECK(answer.status().message().find("parked") != std::string::npos);
  auto describe = request("poisoned");
  describe.mutable_describe();
  CHECK(ask_raw(describe).status().message().find("parked") != std::string::npos);
  start("healthy");
  CHECK(history("healthy") == std::vector<int>{1, 5});
}

TEST_CASE_FIXTURE(actor_fixture, "an execution from before a take-over does not write behind it") {
  start("w");
  auto slot = store::slot_of(ns, machine_kind::workflow, "w");
  auto owner = node->slot_for(ns, "w");
  auto late = send(signal_request("w", "late"));
  scheduler.run_once(); // The slot hands it to the execution, whose turn does not come yet.
  auto next = below().raise_epoch(slot, first_epoch);
  REQUIRE(next);
  // The node owned the slot, lost it, and owns it again; another may have written in between.
  caf::anon_send(owner, epoch_atom_v, *next);
  REQUIRE(scheduler.prioritize(owner));
  scheduler.run_once();
  run();
  CHECK(node->shared().watch.append_failures.value() == 1);
  CHECK(code(late) == ok);
  CHECK(history("w") == std::vector<int>{1, 5, 26});
}

TEST_CASE_FIXTURE(actor_fixture, "a node that lost a slot stops, takes over again, and goes on") {
  start("w");
  auto slot = store::slot_of(ns, machine_kind::workflow, "w");
  REQUIRE(below().raise_epoch(slot, first_epoch));
  auto lost = send(signal_request("w", "once"));
  run();
  CHECK(code(lost) == unavailable);
  advance(2s);
  CHECK(node->serving());
  CHECK(ask_raw(signal_request("w", "once")).status().code() == ok);
  CHECK(history("w") == std::vector<int>{1, 5, 26});
}

TEST_CASE_FIXTURE(actor_fixture, "a store that cannot be read answers UNAVAILABLE, then recovers") {
  start("w");
  restart_node();
  bool down = true;
  decide_fault = [&](store::operation) {
    return store::fault{.what = down ? fault_kind::before : fault_kind::none};
  };
  CHECK(ask_raw(signal_request("w", "s")).status().code() == unavailable);
  down = false;
  CHECK(ask_raw(signal_request("w", "s")).status().code() == ok);
}

TEST_CASE_FIXTURE(actor_fixture, "what was read under a lease is not told under the next one") {
  start("w");
  for (int i = 0; i < 40; ++i) {
    auto s = signal_request("w", "s" + std::to_string(i));
    s.mutable_signal()->set_identity(std::string(1000, 'i'));
    ask_raw(s);
  }
  auto& shared = node->shared();
  auto goes_and_comes = 1;
  decide_fault = [&](store::operation what) {
    if (what == store::operation::read && goes_and_comes-- > 0) {
      shared.own_lease.revoke();
      shared.own_lease.grant_forever();
    }
    return store::fault{};
  };
  auto loads = shared.watch.rehydrated.value();
  SUBCASE("a run is read again") {
    caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
    run();
    auto describe = request("w");
    describe.mutable_describe();
    CHECK(ask_raw(describe).status().code() == ok);
    CHECK(shared.watch.rehydrated.value() == loads + 2);
  }
  SUBCASE("whoever reads a page comes again") {
    CHECK(ask_raw(history_request("w")).status().code() == unavailable);
    CHECK(ask_raw(history_request("w")).status().code() == ok);
  }
  CHECK(goes_and_comes < 1);
}

TEST_CASE_FIXTURE(actor_fixture, "a timer is not lost while the store is down") {
  start("w");
  auto task = take_workflow_task();
  ask<service::RespondWorkflowTaskCompletedResponse>(
    complete_request(task, {timer_command("t", 60)}));
  bool down = true;
  decide_fault = [&](store::operation) {
    return store::fault{.what = down ? fault_kind::before : fault_kind::none};
  };
  for (int i = 0; i < 90; ++i)
    advance(1s);
  down = false;
  for (int i = 0; i < 600; ++i)
    advance(1s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17, 18, 5});
}
