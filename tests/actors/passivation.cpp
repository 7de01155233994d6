#include "tests/support/actor_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

struct small_memory : actor_fixture {
  small_memory() : actor_fixture({.memory_budget_bytes = 64 << 10}) {
  }
};

} // namespace

TEST_CASE_FIXTURE(small_memory, "executions at rest leave memory, and come back when called") {
  constexpr int count = 300;
  for (int i = 0; i < count; ++i)
    start("w" + std::to_string(i));
  // Slots take turns at giving up: let each have had one.
  for (const auto& slot : node->shared().slots)
    caf::anon_send(slot.get(), trim_atom_v);
  run();
  CHECK(node->shared().watch.resident.value() == 0);
  CHECK(node->shared().resident_bytes.load() == 0);
  for (int i = 0; i < count; i += 50) {
    auto id = "w" + std::to_string(i);
    CHECK(ask_raw(signal_request(id, "s")).status().code() == 0);
    CHECK(history(id) == std::vector<int>{1, 5, 26});
  }
}

TEST_CASE_FIXTURE(small_memory, "few executions keep to the budget as many do") {
  // Far fewer than there are slots: most of these hold nothing that they could give up.
  for (int i = 0; i < 100; ++i) {
    start("w" + std::to_string(i));
    CHECK_FALSE(node->shared().over_budget());
  }
}

TEST_CASE_FIXTURE(actor_fixture, "a timer wakes an execution that left memory") {
  start("w");
  auto task = take_workflow_task();
  ask_raw(complete_request(task, {timer_command("soon", 30), timer_command("late", 7200)}));
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  CHECK(node->shared().watch.resident.value() == 0);
  advance(31s);
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 17, 17, 18, 5});
  task = take_workflow_task();
  ask_raw(complete_request(task, {}));
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  for (int i = 0; i < 130; ++i)
    advance(60s);
  CHECK(history("w").size() == 12);
}

TEST_CASE_FIXTURE(actor_fixture, "a server at rest asks the store nothing") {
  start("w");
  auto task = take_workflow_task();
  ask_raw(complete_request(task, {timer_command("far", 7200)}));
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  advance(30s);
  int asked = 0;
  decide_fault = [&](store::operation) {
    ++asked;
    return store::fault{};
  };
  for (int i = 0; i < 100; ++i)
    advance(60s);
  CHECK(asked == 0);
}

TEST_CASE_FIXTURE(actor_fixture, "a long journal gets snapshots and loads from them") {
  start("w");
  constexpr int signals = 1200;
  for (int i = 0; i < signals; ++i) {
    send(signal_request("w", "s" + std::to_string(i)));
    if (i % 16 == 0)
      run();
  }
  run();
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  CHECK(node->shared().watch.resident.value() == 0);
  auto head = below().current_run(ns, machine_kind::workflow, "w");
  REQUIRE(head);
  REQUIRE(head->has_value());
  auto snap = below().load_snapshot((*head)->key);
  REQUIRE(snap);
  REQUIRE(snap->has_value());
  CHECK((*snap)->seq == (*head)->last_seq);
  ask_raw(signal_request("w", "last"));
  auto r = request("w");
  r.mutable_describe();
  auto d = ask<service::DescribeWorkflowExecutionResponse>(r);
  CHECK(d.workflow_execution_info().history_length() == signals + 3);
}

TEST_CASE_FIXTURE(actor_fixture, "a closed run is deleted when its retention is over") {
  start("w");
  auto task = take_workflow_task();
  ask_raw(complete_request(task, {complete_command()}));
  CHECK(history("w").size() == 5);
  caf::anon_send(node->slot_for(ns, "w"), trim_atom_v);
  run();
  for (int i = 0; i < 150; ++i)
    advance(10min);
  CHECK(ask_raw(history_request("w")).status().code() == 5);
  auto head = below().current_run(ns, machine_kind::workflow, "w");
  REQUIRE(head);
  CHECK_FALSE(head->has_value());
}

TEST_CASE_FIXTURE(actor_fixture, "a drained node answers its long polls and refuses calls") {
  start("w");
  auto r = history_request("w");
  r.mutable_get_history()->mutable_forward()->set_history_event_filter_type(
    enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  auto waiting = send(r);
  run();
  auto last = send(signal_request("w", "s"));
  node->drain();
  CHECK(code(waiting) == 0);
  CHECK(answered(last));
  CHECK_FALSE(node->serving());
  CHECK(ask_raw(signal_request("w", "s")).status().code() == 14);
}

TEST_CASE_FIXTURE(actor_fixture, "a node that ended leaves no execution in memory") {
  start("w");
  auto slot = caf::actor_cast<caf::weak_actor_ptr>(node->slot_for(ns, "w"));
  node.reset();
  // Deadlines in the scheduler's clock keep their actors.
  scheduler.trigger_timeouts();
  run();
  CHECK(caf::actor_cast<caf::strong_actor_ptr>(slot) == nullptr);
}
