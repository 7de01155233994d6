// What becomes of children and messages when a run is reset: its children are the new run's, a
// message waits for its answer in one run, and what a closed run heard is told again.

#include "tests/support/family.hpp"

#include <algorithm>

namespace reprise::testing {

namespace {

constexpr auto terminate = enums::PARENT_CLOSE_POLICY_TERMINATE;
constexpr auto abandon = enums::PARENT_CLOSE_POLICY_ABANDON;

/// The point of the second task of a parent whose first one asked for something.
constexpr std::int64_t behind_first_task = 9;

class reset_family : public family {
public:
  /// A parent whose first task asked for this (event 5), and whose second one is done, too.
  void begin_for_reset(const command& c) {
    begin({c});
    parent.signal("go on");
    parent.complete(parent.poll());
    REQUIRE(parent.types().at(8) == "WORKFLOW_TASK_COMPLETED");
  }

  void reset(std::optional<std::size_t> run = {}) {
    auto done = parent.reset(parent.reset_at(behind_first_task), run);
    REQUIRE_FALSE(done.refusal);
  }

  bool has(const std::string& type) {
    return std::ranges::count(parent.types(), type) == 1;
  }

  void check_quiet() {
    settle();
    for (const auto* id : {"wf", "child", "other"})
      CHECK(is_quiet(id));
    CHECK(remembered() == 0);
  }
};

command to_child_only(command c) {
  if (c.has_signal_external_workflow_execution_command_attributes())
    c.mutable_signal_external_workflow_execution_command_attributes()->set_child_workflow_only(
      true);
  else
    c.mutable_request_cancel_external_workflow_execution_command_attributes()
      ->set_child_workflow_only(true);
  return c;
}

} // namespace

SCENARIO("the children of a run that is reset are the new run's") {
  reset_family f;
  f.begin_for_reset(child_with(terminate));
  auto resets = 1;
  SUBCASE("once") {
  }
  SUBCASE("and again") {
    resets = 2;
  }
  // It starts behind the point: the new run is told again.
  f.exchange();
  for (int i = 0; i < resets; ++i)
    f.reset();
  REQUIRE(f.has("CHILD_WORKFLOW_EXECUTION_STARTED"));
  WHEN("the run closes, the child hears of the policy") {
    f.parent.complete(f.parent.poll(), {f.parent.done()});
    f.check_quiet();
    CHECK_FALSE(engine::is_open(f.kid.state()));
  }
  WHEN("it sends the child what is for children, the child takes it") {
    f.parent.complete(f.parent.poll(), {to_child_only(signal_external("child")),
                                        to_child_only(cancel_external("child"))});
    f.check_quiet();
    CHECK(f.has("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED"));
    CHECK(f.has("EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED"));
    CHECK(f.kid.state().cancel_requested());
  }
  WHEN("the child ends, the run is told") {
    f.kid.complete(f.kid.poll(), {f.kid.done()});
    f.check_quiet();
    CHECK(f.has("CHILD_WORKFLOW_EXECUTION_COMPLETED"));
  }
}

SCENARIO("what is told again of a child's end names the place where its begin is told") {
  reset_family f;
  f.begin_for_reset(child_with(terminate));
  f.parent.signal("in between");
  f.exchange();
  f.kid.complete(f.kid.poll(), {f.kid.done()});
  f.exchange("child");
  f.reset();
  auto begun = f.last(f.parent, enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED, 1);
  auto end = f.last(f.parent, enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, 1);
  CHECK(end.child_workflow_execution_completed_event_attributes().started_event_id()
        == begun.event_id());
}

SCENARIO(
  "a child's end that is told before the answer to its start finds the run that a reset made") {
  reset_family f;
  f.begin_for_reset(child_with(terminate));
  auto start = f.take("wf");
  auto late = f.deliver("wf", start);
  REQUIRE(late);
  f.reset();
  f.kid.complete(f.kid.poll(), {f.kid.done()});
  f.exchange("child");
  CHECK(f.has("CHILD_WORKFLOW_EXECUTION_STARTED"));
  CHECK(f.has("CHILD_WORKFLOW_EXECUTION_COMPLETED"));
  CHECK(f.answer("wf", *late));
  f.check_quiet();
  CHECK(f.kid.runs.size() == 1);
}

SCENARIO("of a child that the new run asks for anew the end of the former one is no end") {
  reset_family f;
  f.begin_for_reset(child_with(terminate));
  f.exchange();
  // In front of the start: the new run does the same once more, at the same place.
  REQUIRE_FALSE(f.parent.reset(f.parent.reset_at(4)).refusal);
  f.parent.complete(f.parent.poll());
  f.parent.signal("go on");
  f.parent.complete(f.parent.poll(), {child_with(terminate)});
  f.kid.complete(f.kid.poll(), {f.kid.done("\"former\"")});
  f.exchange("child");
  CHECK_FALSE(f.has("CHILD_WORKFLOW_EXECUTION_COMPLETED"));
  f.check_quiet();
}

TEST_CASE("what a closed parent heard of its child is told to the run that a reset makes of it") {
  for (auto policy : {abandon, terminate})
    for (auto begins_late : {false, true})
      for (auto ends : {false, true}) {
        CAPTURE(policy);
        CAPTURE(begins_late);
        CAPTURE(ends);
        reset_family f;
        f.begin_for_reset(child_with(policy));
        if (!begins_late)
          f.exchange();
        f.parent.terminate();
        f.settle();
        // One that its parent's end ended has nothing more to tell.
        auto is_left = policy == abandon;
        if (is_left && ends) {
          f.kid.complete(f.kid.poll(), {f.kid.done()});
          f.settle();
        }
        f.reset();
        f.settle();
        CHECK(f.has("CHILD_WORKFLOW_EXECUTION_STARTED"));
        CHECK(f.has("CHILD_WORKFLOW_EXECUTION_COMPLETED") == (is_left && ends));
        CHECK(f.has("CHILD_WORKFLOW_EXECUTION_TERMINATED") == (!is_left && !begins_late));
        // A start that was withdrawn is asked for anew.
        auto goes_on = is_left ? !ends : begins_late;
        REQUIRE(f.kid.runs.size() == 1);
        CHECK(engine::is_open(f.kid.state()) == goes_on);
        if (goes_on) {
          auto of_new = f.kid.state().started().parent_workflow_execution().run_id()
                        == f.parent.state().created().run_id();
          CHECK(of_new == !is_left);
          f.kid.complete(f.kid.poll(), {f.kid.done()});
          f.settle();
          CHECK(f.has("CHILD_WORKFLOW_EXECUTION_COMPLETED"));
        }
        f.check_quiet();
      }
}

SCENARIO("a message without an answer waits for it in the newest run alone") {
  reset_family f;
  f.at("other").start();
  f.begin_for_reset(signal_external("other"));
  auto sent = f.take("wf");
  f.reset();
  CHECK(f.parent.runs[0].state.outbox().empty());
  auto said = f.deliver("wf", sent);
  REQUIRE(said);
  WHEN("the answer comes") {
    CHECK(f.answer("wf", *said));
    CHECK(f.has("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED"));
  }
  WHEN("it comes when that run has gone on in another one") {
    f.parent.complete(f.parent.poll(), {f.parent.continue_as_new()});
    CHECK(f.answer("wf", *said));
  }
  WHEN("the new run is reset, too") {
    f.reset();
    CHECK(f.parent.runs[1].state.outbox().empty());
    CHECK(f.answer("wf", *said));
    CHECK(f.has("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED"));
  }
  WHEN("the first run is reset once more") {
    f.reset(0);
    CHECK(f.parent.runs[1].state.outbox().empty());
    CHECK(f.answer("wf", *said));
    CHECK(f.has("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED"));
  }
  f.forget(sent);
  f.check_quiet();
  CHECK(f.count(f.at("other"), "WORKFLOW_EXECUTION_SIGNALED") == 1);
}

SCENARIO("what a closed run's message was answered is told to the run that a reset makes of it") {
  reset_family f;
  auto is_there = false;
  auto c = signal_external("other");
  std::string expected = "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED";
  SUBCASE("a signal that arrived") {
    is_there = true;
    expected = "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED";
  }
  SUBCASE("a signal to nobody") {
  }
  SUBCASE("a request to cancel") {
    c = cancel_external("other");
    expected = "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED";
  }
  if (is_there)
    f.at("other").start();
  f.begin_for_reset(c);
  f.parent.terminate();
  f.settle();
  f.reset();
  CHECK(f.has(expected));
  CHECK(f.parent.state().outbox().empty());
  CHECK(f.parent.state().external_signals().empty());
  CHECK(f.parent.state().external_cancels().empty());
  f.check_quiet();
  CHECK(f.count(f.at("other"), "WORKFLOW_EXECUTION_SIGNALED") == (is_there ? 1 : 0));
}

SCENARIO("an answer that the current run had for a message of an earlier one is told once more") {
  reset_family f;
  f.begin_for_reset(signal_external("other"));
  f.reset();
  f.settle();
  CHECK(f.has("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"));
  f.reset(0);
  CHECK(f.has("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"));
  f.check_quiet();
}

SCENARIO("a run that is of no chain with the one that is reset closes as any other does") {
  // The child's id had a run before, which somebody resets while a parent waits for its child.
  reset_family f;
  f.kid.start();
  f.kid.complete(f.kid.poll(), {f.kid.done()});
  f.begin({child_with(terminate)});
  f.exchange();
  f.kid.complete(f.kid.poll(), {child("grandchild")});
  f.settle();
  REQUIRE(f.at("grandchild").runs.size() == 1);
  REQUIRE_FALSE(f.kid.reset(f.kid.reset_at(4), 0).refusal);
  f.settle();
  CHECK(f.has("CHILD_WORKFLOW_EXECUTION_TERMINATED"));
  CHECK_FALSE(engine::is_open(f.at("grandchild").state()));
  f.check_quiet();
}

} // namespace reprise::testing
