#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

SCENARIO("calls on a workflow that is not there") {
  engine_fixture f;
  auto refused = f.signal("s");
  REQUIRE(refused.answer.failure);
  CHECK(refused.answer.failure->message == "workflow not found for ID: wf");
  f.start();
  cluster::ExecutionRequest request;
  request.set_run_id("11111111-1111-7111-8111-111111111111");
  request.mutable_terminate();
  CHECK(f.apply(request).answer.failure->message
        == "workflow execution not found for workflow ID \"wf\" and run ID "
           "\"11111111-1111-7111-8111-111111111111\"");
}

SCENARIO("signals") {
  engine_fixture f;
  f.start();
  THEN("a repeated request id signals once") {
    f.signal("a", "r");
    CHECK(f.signal("a", "r").written.empty());
    f.signal("a", "other");
    f.signal("a");
    f.signal("a");
    CHECK(f.state().signal_count() == 4);
  }
  THEN("repeats are known while the signal is buffered") {
    auto task = f.poll();
    f.signal("a", "r");
    CHECK(f.signal("a", "r").written.empty());
    f.complete(task);
    CHECK(f.signal("a", "r").written.empty());
    CHECK(f.state().signal_count() == 1);
  }
  THEN("their number is bounded") {
    f.bounds.signals_max = 3;
    for (int i = 0; i < 3; ++i)
      f.signal("a");
    auto refused = f.signal("a");
    CHECK(refused.answer.failure->code == errc::invalid_argument);
  }
  THEN("a snapshot holds little more of each than its request id") {
    auto before = f.state().ByteSizeLong();
    for (int i = 0; i < 1000; ++i)
      f.signal("a", "11111111-1111-4111-8111-" + std::to_string(100'000'000'000 + i));
    CHECK((f.state().ByteSizeLong() - before) / 1000 < 48);
  }
  THEN("a closed workflow takes none") {
    f.terminate();
    CHECK(f.signal("a").answer.failure->message == "workflow execution already completed");
  }
}

SCENARIO("a cancel request is told once") {
  engine_fixture f;
  f.start();
  f.complete(f.poll());
  f.request_cancel();
  CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
  CHECK(f.state().cancel_requested());
  CHECK(f.request_cancel().written.empty());
  f.terminate();
  CHECK_FALSE(f.request_cancel().answer.failure);
}

SCENARIO("terminate") {
  engine_fixture f;
  f.start();
  WHEN("nothing is said") {
    f.terminate();
    auto last = f.events_of(0).back().workflow_execution_terminated_event_attributes();
    CHECK(last.reason() == "terminated by user via frontend");
    CHECK(last.identity() == "frontend-service");
    CHECK(f.terminate().answer.failure->message == "workflow execution already completed");
  }
  WHEN("another chain is meant") {
    cluster::ExecutionRequest request;
    request.mutable_terminate()->set_first_execution_run_id("other");
    CHECK(f.apply(request).answer.failure->message == "workflow execution not found");
  }
}

SCENARIO("timers fire while a task runs and are seen after it") {
  engine_fixture f;
  f.start();
  f.complete(f.poll(), {f.timer("t", 1s)});
  CHECK(engine::next_deadline(f.state()) == f.now + 1s);
  f.signal("go");
  auto task = f.poll();
  f.wake_after(1s);
  WHEN("the workflow cancels the timer") {
    auto done = f.complete(task, {f.cancel_timer("t"), f.done()});
    THEN("it never fired") {
      CHECK_FALSE(done.answer.failure);
      CHECK(f.types().back() == "WORKFLOW_EXECUTION_COMPLETED");
      CHECK(f.types()[f.types().size() - 2] == "TIMER_CANCELED");
    }
  }
  WHEN("the workflow starts another timer of that name") {
    f.complete(task, {f.timer("t", 10s)});
    THEN("the first one fires and the second one stays") {
      CHECK(f.state().timers_size() == 1);
      CHECK(f.types()[f.types().size() - 2] == "TIMER_FIRED");
    }
  }
}

SCENARIO("a workflow retries by its policy") {
  engine_fixture f;
  auto r = f.start_request();
  r.mutable_retry_policy()->set_maximum_attempts(2);
  *r.mutable_input() = payloads("\"in\"");
  f.start(r);
  f.complete(f.poll(), {f.fail_workflow("first")});
  REQUIRE(f.runs.size() == 2);
  auto closed = f.events_of(0).back().workflow_execution_failed_event_attributes();
  CHECK(closed.retry_state() == enums::RETRY_STATE_IN_PROGRESS);
  CHECK(closed.new_execution_run_id() == f.state().created().run_id());
  const auto& second = f.state().started();
  CHECK(second.attempt() == 2);
  CHECK(second.continued_failure().message() == "first");
  CHECK(second.input().payloads(0).data() == "\"in\"");
  CHECK(second.first_workflow_task_backoff().seconds() == 1);
  CHECK(second.first_execution_run_id() == f.runs[0].state.created().run_id());
  REQUIRE(second.prev_auto_reset_points().points_size() == 1);
  CHECK(engine::from_proto(second.prev_auto_reset_points().points(0).expire_time())
        == f.now + f.ns.retention);
  f.wake_after(1s);
  f.complete(f.poll(), {f.fail_workflow("again")});
  CHECK(f.runs.size() == 2);
  CHECK(f.events_of(1).back().workflow_execution_failed_event_attributes().retry_state()
        == enums::RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED);
}

SCENARIO("a run times out") {
  engine_fixture f;
  auto r = f.start_request();
  *r.mutable_workflow_run_timeout() = engine::to_proto(5s);
  WHEN("it has no retry policy") {
    f.start(r);
    auto task = f.poll();
    f.wake_after(5s);
    CHECK(f.types()[3] == "WORKFLOW_TASK_FAILED");
    CHECK(f.types()[4] == "WORKFLOW_EXECUTION_TIMED_OUT");
    CHECK(f.runs.size() == 1);
  }
  WHEN("it has one") {
    r.mutable_retry_policy();
    f.start(r);
    f.wake_after(5s);
    REQUIRE(f.runs.size() == 2);
    CHECK(f.state().started().continued_failure().message() == "workflow timeout");
  }
  WHEN("the time of the whole chain is over") {
    r.mutable_retry_policy();
    *r.mutable_workflow_execution_timeout() = engine::to_proto(5s);
    f.start(r);
    f.wake_after(5s);
    CHECK(f.runs.size() == 1);
    CHECK(f.events_of(0).back().workflow_execution_timed_out_event_attributes().retry_state()
          == enums::RETRY_STATE_TIMEOUT);
  }
}

SCENARIO("continue as new begins the next run in the same step") {
  engine_fixture f;
  auto r = f.start_request();
  *r.mutable_memo() = {};
  f.start(r);
  auto c = f.continue_as_new();
  auto& a = *c.mutable_continue_as_new_workflow_execution_command_attributes();
  *a.mutable_input() = payloads("2");
  auto done = f.complete(f.poll(), {c});
  REQUIRE(done.successor);
  CHECK(f.runs[0].state.status() == enums::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW);
  const auto& next = f.state().started();
  CHECK(next.continued_execution_run_id() == f.runs[0].state.created().run_id());
  CHECK(next.first_execution_run_id() == f.runs[0].state.created().run_id());
  CHECK(next.workflow_type().name() == "type");
  CHECK(next.input().payloads(0).data() == "2");
  CHECK(next.initiator() == enums::CONTINUE_AS_NEW_INITIATOR_WORKFLOW);
  CHECK_FALSE(next.has_memo());
  CHECK(next.prev_auto_reset_points().points_size() == 1);
  THEN("it does not begin within a second of the last one") {
    CHECK(done.offers.empty());
    CHECK(next.first_workflow_task_backoff().seconds() == 1);
    f.wake_after(1s);
    CHECK(f.poll().events.size() == 3);
  }
  THEN("the one after it does not either, though this one was made a second ago") {
    f.wake_after(1s);
    f.complete(f.poll(), {f.continue_as_new()});
    CHECK(f.state().started().first_workflow_task_backoff().seconds() == 1);
  }
  THEN("one that lived for a second is followed at once") {
    f.wake_after(1s);
    f.advance(1s);
    f.complete(f.poll(), {f.continue_as_new()});
    CHECK(f.state().started().first_workflow_task_backoff().seconds() == 0);
  }
  THEN("one that ends before its back-off does is not followed later for it") {
    cluster::ExecutionRequest request;
    auto& go = *request.mutable_signal_with_start();
    go.set_workflow_id("wf");
    go.mutable_workflow_type()->set_name("type");
    go.mutable_task_queue()->set_name("tq");
    go.set_signal_name("go");
    CHECK(f.apply(request).offers.size() == 1);
    f.complete(f.poll(), {f.continue_as_new()});
    CHECK(f.state().started().first_workflow_task_backoff().seconds() == 1);
  }
}

SCENARIO("a cron workflow goes on after each run") {
  engine_fixture f;
  auto r = f.start_request();
  r.set_cron_schedule("@every 10s");
  f.start(r);
  f.wake_after(10s);
  f.complete(f.poll(), {f.done("\"one\"")});
  REQUIRE(f.runs.size() == 2);
  CHECK(f.state().started().last_completion_result().payloads(0).data() == "\"one\"");
  CHECK(f.state().started().first_workflow_task_backoff().seconds() == 10);
  f.wake_after(12s);
  f.complete(f.poll(), {f.fail_workflow("no")});
  REQUIRE(f.runs.size() == 3);
  CHECK(f.state().started().last_completion_result().payloads(0).data() == "\"one\"");
  CHECK(f.state().started().continued_failure().message() == "no");
  CHECK(f.state().started().first_workflow_task_backoff().seconds() == 8);
  f.terminate();
  CHECK(f.runs.size() == 3);
}

SCENARIO("a deleted workflow goes away") {
  engine_fixture f;
  f.start();
  cluster::ExecutionRequest request;
  request.mutable_delete_execution();
  auto done = f.apply(request);
  CHECK(done.erase);
  CHECK(f.types().back() == "WORKFLOW_EXECUTION_TERMINATED");
}

SCENARIO("options are updated where they differ") {
  engine_fixture f;
  f.start();
  auto update = [&](auto fill, std::initializer_list<const char*> paths) {
    cluster::ExecutionRequest request;
    auto& r = *request.mutable_update_options();
    fill(*r.mutable_workflow_execution_options());
    for (const auto* path : paths)
      r.mutable_update_mask()->add_paths(path);
    return f.apply(request);
  };
  auto upgrade = [](auto& o) { o.mutable_versioning_override()->set_auto_upgrade(true); };
  CHECK(update(upgrade, {"versioning_override"}).written.event_count == 1);
  CHECK(update(upgrade, {"versioning_override"}).written.empty());
  CHECK(f.offers.size() == 1);
  auto key = [](auto& o) { o.mutable_priority()->set_priority_key(5); };
  CHECK(update(key, {"priority.priority_key"}).written.event_count == 1);
  CHECK(f.state().priority().priority_key() == 5);
  auto nothing = [](auto&) {};
  CHECK(update(nothing, {"versioning_override"}).written.event_count == 1);
  CHECK(update(nothing, {}).written.empty());
  CHECK(update(upgrade, {"versioning_override.pinned"}).answer.failure->code
        == errc::invalid_argument);
  auto pin = [](auto& o) {
    auto& pinned = *o.mutable_versioning_override()->mutable_pinned();
    pinned.set_behavior(api::workflow::v1::VersioningOverride::PINNED_OVERRIDE_BEHAVIOR_PINNED);
    pinned.mutable_version()->set_deployment_name("d");
  };
  CHECK(update(pin, {"versioning_override"}).answer.failure->code == errc::failed_precondition);
  // What is given has to make sense, whether the mask names it or not.
  CHECK(update(pin, {"priority"}).answer.failure->code == errc::failed_precondition);
  CHECK(update(upgrade, {"versioning_override.behavior"}).answer.failure->message
        == "error applying update_options: versioning_override fields must be updated together");
}

SCENARIO("describe shows the whole run") {
  engine_fixture f;
  f.start();
  f.complete(f.poll(), {f.timer("t", 50s)});
  f.signal("s");
  engine::context c{.now = f.now, .ids = f.ids, .ns = f.ns, .bounds = f.bounds};
  auto d = engine::describe(f.state(), c);
  CHECK(d.workflow_execution_info().history_length() == 7);
  CHECK(d.workflow_execution_info().search_attributes().indexed_fields().at("BuildIds").data()
        == "[\"unversioned\"]");
  CHECK(d.workflow_execution_info().auto_reset_points().points_size() == 1);
  CHECK(d.pending_workflow_task().state() == enums::PENDING_WORKFLOW_TASK_STATE_SCHEDULED);
  CHECK(d.workflow_extended_info().request_id_infos_size() == 1);
}

SCENARIO("a journal that cannot be read is refused") {
  engine::execution x;
  CHECK_FALSE(engine::evolve(x, engine::record{.event_count = 1, .events = "garbage"}));
  CHECK_FALSE(engine::evolve(x, engine::record{.facts = "\x0a\xff"}));
  journal::Facts facts;
  facts.add_facts()->set_public_events(3);
  CHECK_FALSE(engine::evolve(x, engine::record{.facts = facts.SerializeAsString()}));
}

SCENARIO("a journal whose events are not in order is refused") {
  api::history::v1::History row;
  auto& event = *row.add_events();
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
  for (std::int64_t id : {std::int64_t{0}, std::int64_t{2}, INT64_MAX, INT64_MIN}) {
    engine::execution x;
    event.set_event_id(id);
    CHECK_FALSE(engine::evolve(x, engine::record{.events = row.SerializeAsString()}));
  }
  engine::execution x;
  event.set_event_id(1);
  CHECK(engine::evolve(x, engine::record{.events = row.SerializeAsString()}));
  CHECK_FALSE(engine::evolve(x, engine::record{.events = row.SerializeAsString()}));
}

} // namespace reprise::testing
