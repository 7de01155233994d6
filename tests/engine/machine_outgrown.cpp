// Runs that become larger than they may, and what stays small however large a run is.

#include "engine/machine/outgrown.hpp"
#include "engine/task/kept_state.hpp"
#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

SCENARIO("a transition that makes a history too long ends the run instead") {
  activity_fixture f;
  f.bounds.history_events_max = 4;
  f.start();
  constexpr const char* too_long = "Workflow history count exceeds limit.";
  CHECK_FALSE(f.signal("one").answer.failure);
  CHECK_FALSE(f.signal("two").answer.failure);
  WHEN("a signal is what crosses the bound") {
    auto refused = f.signal("three");
    CHECK(f.text_of(refused) == too_long);
    CHECK(f.types().back() == "WORKFLOW_EXECUTION_TERMINATED");
    THEN("it is not in the history") {
      CHECK(f.types().size() == 5);
      CHECK(f.last_event(enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
              .workflow_execution_terminated_event_attributes()
              .reason()
            == too_long);
      CHECK(f.text_of(f.signal("four")) == "workflow execution already completed");
    }
  }
  WHEN("a worker's poll is") {
    auto task = f.offered();
    REQUIRE(task);
    auto done = f.take_task(*task);
    CHECK(done.obsolete_task);
    CHECK_FALSE(engine::is_open(f.state()));
  }
  WHEN("the run closes by it") {
    CHECK_FALSE(f.terminate().answer.failure);
  }
  WHEN("nothing is written") {
    cluster::ExecutionRequest describe;
    describe.mutable_describe();
    CHECK_FALSE(f.apply(describe).answer.failure);
    CHECK(engine::is_open(f.state()));
  }
}

SCENARIO("a transition that makes a state too large ends the run instead") {
  activity_fixture f;
  f.run_with({f.timer("t0", 5s)});
  f.bounds.state_bytes_max = f.state().ByteSizeLong() + 2000;
  constexpr const char* too_large = "Workflow mutable state size exceeds limit.";
  f.signal("go on");
  std::vector<command> many;
  for (int i = 0; i < 100; ++i)
    many.push_back(f.timer("timer-" + std::to_string(i), 50s));
  auto task = f.poll();
  auto refused = f.complete(task, many);
  CHECK(f.text_of(refused) == too_large);
  CHECK(f.last_event(enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
          .workflow_execution_terminated_event_attributes()
          .reason()
        == too_large);
}

SCENARIO("only for what may make the history too long is a copy of the state kept") {
  activity_fixture f;
  f.run_with({f.activity("a"), f.timer("t", 5s)});
  auto events = f.state().next_event_id() - 1;
  cluster::ExecutionRequest request;
  auto is_kept_below = [&](std::int64_t room) {
    engine::limits bounds;
    bounds.history_events_max = events + room;
    return engine::may_outgrow(f.state(), request, bounds);
  };
  WHEN("a signal comes") {
    request.mutable_signal();
    CHECK(is_kept_below(1));
    CHECK_FALSE(is_kept_below(20));
  }
  WHEN("a worker answers with many commands") {
    for (int i = 0; i < 100; ++i)
      request.mutable_complete_workflow_task()->add_commands();
    CHECK(is_kept_below(150));
    CHECK_FALSE(is_kept_below(300));
  }
  WHEN("a deadline has passed, as many events may follow as something is pending") {
    request.mutable_wake();
    CHECK(is_kept_below(4));
    CHECK_FALSE(is_kept_below(20));
  }
  WHEN("a worker reports that it works on") {
    request.mutable_heartbeat_activity();
    CHECK_FALSE(is_kept_below(0));
    CHECK(is_kept_below(-1));
  }
  WHEN("someone looks at it") {
    request.mutable_describe();
    CHECK_FALSE(is_kept_below(-1));
  }
}

SCENARIO("what a started task brings is dropped when its answer makes the history too long") {
  activity_fixture f;
  f.bounds.history_events_max = 5;
  f.start();
  auto task = f.poll();
  auto refused = f.complete(task, {f.timer("a", 5s), f.timer("b", 5s)});
  CHECK(f.text_of(refused) == "Workflow history count exceeds limit.");
  CHECK(f.types_after(3) == names{"WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_TERMINATED"});
  CHECK(f.state().timers().empty());
}

SCENARIO("a history of too many bytes ends the run with the next transition") {
  activity_fixture f;
  f.bounds.history_bytes_max = 1;
  f.start();
  CHECK(f.text_of(f.signal("one")) == "Workflow history size exceeds limit.");
  CHECK_FALSE(engine::is_open(f.state()));
}

SCENARIO("a start that ends a run which may not grow any more takes its place") {
  activity_fixture f;
  f.start();
  WHEN("its history has too many bytes") {
    f.bounds.history_bytes_max = 1;
  }
  WHEN("it has all events that it may have") {
    f.bounds.history_events_max = f.state().next_event_id() - 1;
  }
  auto r = f.start_request();
  r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING);
  CHECK_FALSE(f.start(r).answer.failure);
  REQUIRE(f.runs.size() == 2);
  CHECK(f.runs[0].state.status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  CHECK(f.runs[0].state.close_event().workflow_execution_terminated_event_attributes().reason()
        == "TerminateIfRunning WorkflowIdReusePolicy");
  CHECK(engine::is_open(f.state()));
}

SCENARIO("what activities were given is not copied for a completion") {
  activity_fixture f;
  std::vector<command> commands;
  for (int i = 0; i < 3; ++i)
    commands.push_back(f.activity_with("a" + std::to_string(i), [](auto& a) {
      *a.mutable_input() = payloads('"' + std::string(100'000, 'x') + '"');
      (*a.mutable_header()->mutable_fields())["h"].set_data("header");
    }));
  f.run_with(commands);
  auto token = f.token_of(f.poll_activity());
  f.heartbeat(token, '"' + std::string(1000, 'y') + '"');
  WHEN("it is kept in case that it is refused") {
    auto state = f.state();
    auto before = deterministic(state);
    engine::kept_state kept{state, {}};
    CHECK(state.SpaceUsedLong() < 50'000);
    auto back = kept.restore(std::move(state));
    kept.give_back(back);
    CHECK(deterministic(back) == before);
  }
  WHEN("a completion is taken") {
    CHECK_FALSE(f.wake_with({f.timer("t", 5s)}).answer.failure);
    CHECK(f.state().activities().at(5).scheduled().input().ByteSizeLong() > 100'000);
  }
  WHEN("one cancels some, and is refused for another command") {
    f.signal("wake");
    auto refused = f.complete(f.poll(), {f.cancel_activity(5), f.timer("", 1s)});
    CHECK(refused.answer.failure);
    CHECK(f.state().activities().at(5).scheduled().input().ByteSizeLong() > 100'000);
  }
  WHEN("one cancels some") {
    CHECK_FALSE(f.wake_with({f.cancel_activity(5)}).answer.failure);
    CHECK(f.state().activities_size() == 2);
    CHECK(f.state().activities().at(6).scheduled().has_input());
  }
  WHEN("the answer is larger than the store takes") {
    f.bounds.transaction_bytes_max = 10;
    CHECK(f.wake_with({f.timer("t", 5s)}).answer.failure);
    CHECK(f.state().activities().at(5).scheduled().has_input());
  }
}

SCENARIO("an attribute that is too large ends the run, from whichever command") {
  activity_fixture f;
  f.bounds.blob_bytes_max = 10'000;
  f.start();
  auto task = f.poll();
  auto of_bytes = [](std::size_t bytes) {
    return payloads('"' + std::string(bytes, 'x') + '"').payloads(0);
  };
  auto ends_with = [&](const command& c, const std::string& text) {
    CHECK(f.text_of(f.complete(task, {f.timer("t", 5s), c})) == text);
    CHECK(f.last_event(enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
            .workflow_execution_terminated_event_attributes()
            .reason()
          == text);
  };
  command c;
  WHEN("a run continues with a search attribute of too many bytes") {
    c = f.continue_as_new();
    auto& a = *c.mutable_continue_as_new_workflow_execution_command_attributes();
    (*a.mutable_search_attributes()->mutable_indexed_fields())["CustomKeyword"] = of_bytes(3000);
    ends_with(c, "BadContinueAsNewAttributes: search attribute CustomKeyword value size 3002 "
                 "exceeds size limit 2048");
  }
  WHEN("a child is to have one") {
    c.set_command_type(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION);
    auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
    a.set_workflow_id("child");
    a.mutable_workflow_type()->set_name("type");
    (*a.mutable_search_attributes()->mutable_indexed_fields())["CustomKeyword"] = of_bytes(3000);
    ends_with(c, "BadStartChildExecutionAttributes: search attribute CustomKeyword value size "
                 "3002 exceeds size limit 2048");
  }
  WHEN("an upsert as a whole is larger than a blob, the whole is what is told") {
    c.set_command_type(enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
    auto& a = *c.mutable_upsert_workflow_search_attributes_command_attributes();
    (*a.mutable_search_attributes()->mutable_indexed_fields())["CustomKeyword"] = of_bytes(20'000);
    ends_with(c, "BadSearchAttributes: UpsertWorkflowSearchAttributesCommandAttributes exceeds "
                 "size limit.");
  }
}

SCENARIO("the details of a cancel may be as large as an answer") {
  activity_fixture f;
  f.bounds.blob_bytes_max = 100;
  f.start();
  command c;
  c.set_command_type(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION);
  *c.mutable_cancel_workflow_execution_command_attributes()->mutable_details()
    = payloads('"' + std::string(1000, 'x') + '"');
  CHECK_FALSE(f.complete(f.poll(), {c}).answer.failure);
  CHECK(f.state().status() == enums::WORKFLOW_EXECUTION_STATUS_CANCELED);
}

} // namespace reprise::testing
