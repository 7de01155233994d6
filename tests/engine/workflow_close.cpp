#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

namespace {

command cancel_activity(std::int64_t scheduled_event_id) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK);
  c.mutable_request_cancel_activity_task_command_attributes()->set_scheduled_event_id(
    scheduled_event_id);
  return c;
}

/// A run with an activity that nobody took (event 5) and a started task.
worker_task with_waiting_activity(engine_fixture& f) {
  f.start();
  auto request = f.completion(f.poll(), {f.activity("a")});
  request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
  REQUIRE_FALSE(f.apply(request).answer.failure);
  return f.poll();
}

/// A run whose close was refused because of a signal; its next task is started.
worker_task with_refused_close(engine_fixture& f) {
  f.start();
  auto task = f.poll();
  f.signal("unseen");
  CHECK(f.complete(task, {f.done()}).answer.failure->message == "UnhandledCommand");
  return f.poll();
}

} // namespace

SCENARIO(
  "a close that has not seen everything is refused for that, whatever else is wrong with it") {
  for (auto type :
       {enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION, enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
        enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION}) {
    CAPTURE(enums::CommandType_Name(type));
    engine_fixture f;
    f.start();
    auto task = f.poll();
    f.signal("unseen");
    command close;
    close.set_command_type(type);
    CHECK(f.complete(task, {close}).answer.failure->message == "UnhandledCommand");
    CHECK(f.complete(f.poll(), {close}).answer.failure->message.starts_with("Bad"));
  }
}

SCENARIO("a completion may cancel a waiting activity and close the workflow") {
  engine_fixture f;
  auto task = with_waiting_activity(f);
  WHEN("nothing else happened") {
    CHECK_FALSE(f.complete(task, {cancel_activity(5), f.done()}).answer.failure);
    auto types = f.types();
    THEN("the end of the activity is not written") {
      CHECK(types[types.size() - 2] == "ACTIVITY_TASK_CANCEL_REQUESTED");
      CHECK(types.back() == "WORKFLOW_EXECUTION_COMPLETED");
      CHECK(f.state().buffered_events().empty());
    }
  }
  WHEN("it continues as new") {
    CHECK_FALSE(f.complete(task, {cancel_activity(5), f.continue_as_new()}).answer.failure);
    CHECK(f.types(0).back() == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW");
  }
  WHEN("a signal came meanwhile") {
    f.signal("unseen");
    auto refused = f.complete(task, {cancel_activity(5), f.done()});
    CHECK(refused.answer.failure->message == "UnhandledCommand");
    CHECK(engine::is_open(f.state()));
  }
}

SCENARIO("a firing that is taken back leaves other unseen events unseen") {
  engine_fixture f;
  f.start();
  auto request = f.completion(f.poll(), {f.timer("t", 1s)});
  request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
  f.apply(request);
  auto task = f.poll();
  f.wake_after(2s);
  WHEN("there are none") {
    CHECK_FALSE(f.complete(task, {f.cancel_timer("t"), f.done()}).answer.failure);
  }
  WHEN("there is one") {
    f.signal("unseen");
    CHECK(f.complete(task, {f.cancel_timer("t"), f.done()}).answer.failure);
  }
}

SCENARIO("while a close is tried again") {
  engine_fixture f;
  auto task = with_refused_close(f);
  THEN("signals are turned away") {
    CHECK(f.signal("s").answer.failure->code == errc::resource_exhausted);
    CHECK_FALSE(f.complete(task, {f.done()}).answer.failure);
  }
  THEN("a cancel request is taken, and seen before the close") {
    CHECK_FALSE(f.request_cancel().answer.failure);
    CHECK(f.complete(task, {f.done()}).answer.failure->message == "UnhandledCommand");
  }
  THEN("a start may attach its request id") {
    auto r = f.start_request();
    r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    r.mutable_on_conflict_options()->set_attach_request_id(true);
    CHECK_FALSE(f.start(r).answer.failure);
  }
}

SCENARIO("too many buffered events take the task away") {
  engine_fixture f;
  f.bounds.buffered_events_max = 3;
  f.start();
  auto task = f.poll();
  for (int i = 0; i < 4; ++i)
    f.signal("s");
  THEN("they become history behind its failure, and the next attempt shows them") {
    CHECK(f.types()
          == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED",
                   "WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_SIGNALED",
                   "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_EXECUTION_SIGNALED",
                   "WORKFLOW_EXECUTION_SIGNALED"});
    auto next = f.poll();
    CHECK(next.poll.attempt() == 2);
    CHECK(next.events.size() == 10);
    CHECK(f.complete(task).answer.failure->message == "Workflow task not found.");
    CHECK_FALSE(f.complete(next, {f.done()}).answer.failure);
    CHECK(f.types().size() == 12);
  }
}

SCENARIO("continue-as-new keeps the attributes of its command that have a value") {
  engine_fixture f;
  f.start();
  auto c = f.continue_as_new();
  auto& a = *c.mutable_continue_as_new_workflow_execution_command_attributes();
  auto& fields = *a.mutable_search_attributes()->mutable_indexed_fields();
  fields["CustomInt"] = payloads("3").payloads(0);
  fields["CustomKeyword"] = payloads("null").payloads(0);
  WHEN("they are sound, they only learn their types") {
    REQUIRE_FALSE(f.complete(f.poll(), {c}).answer.failure);
    auto closed = f.events_of(0).back();
    auto begun = f.events_of(1).front();
    for (const auto& kept :
         {closed.workflow_execution_continued_as_new_event_attributes().search_attributes(),
          begun.workflow_execution_started_event_attributes().search_attributes()}) {
      CHECK(kept.indexed_fields().at("CustomInt").metadata().at("type") == "Int");
      CHECK_FALSE(kept.indexed_fields().contains("CustomKeyword"));
    }
  }
  WHEN("a timeout is negative, the text names type and queue") {
    a.mutable_workflow_task_timeout()->set_seconds(-1);
    CHECK(f.complete(f.poll(), {c}).answer.failure->message
          == "BadContinueAsNewAttributes: Invalid WorkflowTaskTimeout on "
             "ContinueAsNewWorkflowExecutionCommand: negative duration. WorkflowType=type "
             "TaskQueue=name:\"tq\" kind:TASK_QUEUE_KIND_NORMAL");
  }
}

SCENARIO("a closed run still tells of the task that nobody took") {
  engine_fixture f;
  f.start();
  auto pending = [&] {
    engine::context c{.now = f.now, .ids = f.ids, .ns = f.ns, .bounds = f.bounds};
    return engine::describe(f.state(), c).has_pending_workflow_task();
  };
  WHEN("it waits") {
    f.terminate();
    CHECK(pending());
    CHECK(engine::undelivered_tasks(f.state(), f.now).empty());
    CHECK_FALSE(engine::undelivered_since(f.state()));
  }
  WHEN("a worker had it") {
    f.poll();
    f.terminate();
    CHECK_FALSE(pending());
  }
}

SCENARIO("what a start tells its readers is the first run's alone") {
  engine_fixture f;
  auto r = f.start_request();
  r.mutable_user_metadata()->mutable_summary()->set_data("summary");
  r.mutable_retry_policy()->set_maximum_attempts(2);
  f.start(r);
  CHECK(f.events_of(0)[0].user_metadata().summary().data() == "summary");
  WHEN("it continues as new") {
    command go;
    go.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
    go.mutable_continue_as_new_workflow_execution_command_attributes();
    f.complete(f.poll(), {go});
    REQUIRE(f.runs.size() == 2);
    CHECK_FALSE(f.events_of(1)[0].has_user_metadata());
  }
  WHEN("it is retried") {
    f.wake_after(101s);
    REQUIRE(f.runs.size() == 2);
    CHECK_FALSE(f.events_of(1)[0].has_user_metadata());
  }
}

SCENARIO("a run lists the builds that have worked on it") {
  engine_fixture f;
  f.start();
  auto work = [&](const std::string& build, bool versioned = false) {
    auto request = f.completion(f.poll(), {});
    auto& r = *request.mutable_complete_workflow_task();
    r.set_force_create_new_workflow_task(true);
    r.mutable_worker_version_stamp()->set_build_id(build);
    r.mutable_worker_version_stamp()->set_use_versioning(versioned);
    auto done = f.apply(request);
    return std::pair{f.state().search_attributes().at("BuildIds").data(), done.visibility_changed};
  };
  CHECK(work("1") == std::pair{std::string{"[\"unversioned\",\"unversioned:1\"]"}, true});
  CHECK(work("1") == std::pair{std::string{"[\"unversioned\",\"unversioned:1\"]"}, false});
  CHECK(work("2")
        == std::pair{std::string{"[\"unversioned\",\"unversioned:1\",\"unversioned:2\"]"}, true});
  CHECK(work("3", true)
        == std::pair{std::string{"[\"unversioned:1\",\"unversioned:2\",\"versioned:3\"]"}, true});
  CHECK(work("").first == "[\"unversioned\",\"unversioned:1\",\"unversioned:2\",\"versioned:3\"]");
  THEN("not without end") {
    for (int i = 0; i < 100; ++i)
      work(std::string(50, 'b') + std::to_string(i), true);
    CHECK(work("last", true).first.size() < 2048);
    CHECK(work("last", true).first.ends_with("\"versioned:last\"]"));
  }
}

} // namespace reprise::testing
