// Fields of events that tell who did something, with which build, and what lies outside.

#include "tests/support/activity_fixture.hpp"

#include <limits>

namespace reprise::testing {

namespace {

/// A worker of this build takes the offered workflow task.
worker_task poll_with(activity_fixture& f, const std::string& build) {
  auto task = f.offered();
  REQUIRE(task);
  cluster::ExecutionRequest request;
  request.set_run_id(task->run_id());
  auto& start = *request.mutable_start_workflow_task();
  *start.mutable_task() = *task;
  start.set_identity("worker");
  start.mutable_worker_version()->set_build_id(build);
  auto done = f.apply(request);
  REQUIRE(done.answer.history);
  return f.task_of(*done.answer.history);
}

std::string build_of_started(const history_event& event) {
  return event.workflow_task_started_event_attributes().worker_version().build_id();
}

api::common::v1::Payloads outside(std::int64_t bytes) {
  auto out = payloads("\"elsewhere\"");
  out.mutable_payloads(0)->add_external_payloads()->set_size_bytes(bytes);
  return out;
}

} // namespace

SCENARIO("a started task tells the build of the worker that took it, a failed one does not") {
  activity_fixture f;
  f.start();
  auto task = poll_with(f, "b7");
  CHECK(build_of_started(f.events_of(0)[2]) == "b7");
  cluster::ExecutionRequest request;
  *request.mutable_token() = task.token();
  request.mutable_fail_workflow_task()->mutable_worker_version()->set_build_id("b7");
  f.apply(request);
  CHECK_FALSE(f.events_of(0)[3].workflow_task_failed_event_attributes().has_worker_version());
  WHEN("the next attempt is completed, and its next task goes along") {
    auto again = poll_with(f, "b8");
    auto completion = f.completion(again, {});
    auto& r = *completion.mutable_complete_workflow_task();
    r.mutable_worker_version_stamp()->set_build_id("b9");
    r.set_force_create_new_workflow_task(true);
    r.set_return_new_workflow_task(true);
    f.apply(completion);
    auto events = f.events_of(0);
    CHECK(build_of_started(events[5]) == "b9");
    CHECK(build_of_started(events[8]) == "b9");
  }
}

SCENARIO("a completion keeps version and behaviour as its worker sent them") {
  activity_fixture f;
  f.start();
  auto request = f.completion(f.poll(), {});
  auto& r = *request.mutable_complete_workflow_task();
  auto completed = [&] {
    REQUIRE_FALSE(f.apply(request).answer.failure);
    return f.last_event(enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
      .workflow_task_completed_event_attributes();
  };
  WHEN("it is a version") {
    r.mutable_deployment_options()->set_deployment_name("d");
    r.mutable_deployment_options()->set_build_id("b");
    r.mutable_deployment_options()->set_worker_versioning_mode(
      enums::WORKER_VERSIONING_MODE_VERSIONED);
    r.set_versioning_behavior(enums::VERSIONING_BEHAVIOR_PINNED);
    auto a = completed();
    CHECK(a.worker_deployment_name() == "d");
    CHECK(a.deployment_version().build_id() == "b");
    CHECK(a.versioning_behavior() == enums::VERSIONING_BEHAVIOR_PINNED);
  }
  WHEN("it is a version without behaviour") {
    r.mutable_deployment_options()->set_deployment_name("d");
    r.mutable_deployment_options()->set_build_id("b");
    r.mutable_deployment_options()->set_worker_versioning_mode(
      enums::WORKER_VERSIONING_MODE_VERSIONED);
    CHECK(completed().deployment_version().deployment_name() == "d");
  }
  WHEN("it names a deployment and is no version") {
    r.mutable_deployment_options()->set_deployment_name("d");
    r.mutable_deployment_options()->set_build_id("b");
    r.mutable_deployment_options()->set_worker_versioning_mode(
      enums::WORKER_VERSIONING_MODE_UNVERSIONED);
    auto a = completed();
    CHECK(a.worker_deployment_name() == "d");
    CHECK_FALSE(a.has_deployment_version());
  }
  WHEN("it says so in the older way") {
    r.mutable_deployment()->set_series_name("s");
    r.mutable_deployment()->set_build_id("b");
    r.set_versioning_behavior(enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE);
    auto a = completed();
    CHECK(a.worker_deployment_name() == "s");
    CHECK(a.deployment_version().build_id() == "b");
    CHECK(a.versioning_behavior() == enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE);
  }
}

SCENARIO("an update of options says that no override holds") {
  activity_fixture f;
  f.start();
  cluster::ExecutionRequest request;
  auto& r = *request.mutable_update_options();
  r.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(2);
  r.mutable_update_mask()->add_paths("priority");
  f.apply(request);
  CHECK(f.last_event(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
          .workflow_execution_options_updated_event_attributes()
          .unset_versioning_override());
}

SCENARIO("a continued run's last event keeps whether the build goes on") {
  activity_fixture f;
  f.start();
  auto command = f.continue_as_new();
  command.mutable_continue_as_new_workflow_execution_command_attributes()
    ->set_initial_versioning_behavior(
      temporal::api::enums::v1::CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_AUTO_UPGRADE);
  command.mutable_continue_as_new_workflow_execution_command_attributes()->set_inherit_build_id(
    true);
  f.complete(f.poll(), {command});
  auto closed = f.events_of(0).back();
  CHECK(closed.workflow_execution_continued_as_new_event_attributes().inherit_build_id());
  CHECK(closed.workflow_execution_continued_as_new_event_attributes().initial_versioning_behavior()
        == 0);
}

SCENARIO("task ids grow from event to event") {
  activity_fixture f;
  f.run_with({f.activity("a"), f.timer("t", 1s)});
  std::int64_t last = 0;
  for (const auto& event : f.events_of(0)) {
    CHECK(event.task_id() > last);
    last = event.task_id();
  }
}

SCENARIO("payloads that lie outside are counted, wherever in an event they are named") {
  activity_fixture f;
  auto r = f.start_request();
  *r.mutable_input() = outside(100);
  *(*r.mutable_header()->mutable_fields())["h"].add_external_payloads() = {};
  f.start(r);
  CHECK(f.state().external_payload_count() == 2);
  CHECK(f.state().external_payload_size_bytes() == 100);
  auto marker = command{};
  marker.set_command_type(enums::COMMAND_TYPE_RECORD_MARKER);
  auto& m = *marker.mutable_record_marker_command_attributes();
  m.set_marker_name("m");
  (*m.mutable_details())["d"] = outside(3);
  auto activity = f.activity_with("a", [](auto& a) { *a.mutable_input() = outside(20); });
  f.complete(f.poll(), {marker, activity});
  auto failure = f.boom();
  *failure.mutable_application_failure_info()->mutable_details() = outside(7);
  *failure.mutable_cause()->mutable_application_failure_info()->mutable_details() = outside(9);
  failure.mutable_application_failure_info()->set_non_retryable(true);
  f.fail_activity(f.token_of(f.poll_activity()), failure);
  CHECK(f.state().external_payload_count() == 6);
  CHECK(f.state().external_payload_size_bytes() == 139);
  THEN("describe tells how many there are") {
    CHECK(engine::info_of(f.state()).external_payload_count() == 6);
  }
}

SCENARIO("sizes that clients claim for payloads outside never make the sum wrong") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  activity_fixture f;
  auto r = f.start_request();
  *r.mutable_input() = outside(-5);
  f.start(r);
  CHECK(f.state().external_payload_count() == 1);
  CHECK(f.state().external_payload_size_bytes() == 0);
  auto activity = f.activity_with("a", [&](auto& a) {
    *a.mutable_input() = outside(most);
    a.mutable_input()->mutable_payloads(0)->add_external_payloads()->set_size_bytes(most);
  });
  auto other = f.activity_with("b", [&](auto& a) { *a.mutable_input() = outside(most); });
  f.complete(f.poll(), {activity, other});
  CHECK(f.state().external_payload_count() == 4);
  CHECK(f.state().external_payload_size_bytes() == most);
}

SCENARIO("what an event of a former version did to its run it does for good") {
  activity_fixture f;
  f.start();
  auto x = f.state();
  history_event event;
  auto fold = [&] {
    event.set_event_id(x.next_event_id());
    engine::evolve(x, event);
  };
  WHEN("it set a memo field to an empty list") {
    event.set_event_type(enums::EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED);
    auto& fields = *event.mutable_workflow_properties_modified_event_attributes()
                      ->mutable_upserted_memo()
                      ->mutable_fields();
    fields["list"] = payloads("[]").payloads(0);
    fold();
    CHECK(x.memo().contains("list"));
    THEN("a null removes it") {
      fields["list"] = payloads("null").payloads(0);
      fold();
      CHECK_FALSE(x.memo().contains("list"));
    }
    THEN("an event of this version removes it with another empty list") {
      event.set_task_id(x.next_event_id());
      fold();
      CHECK_FALSE(x.memo().contains("list"));
    }
  }
  WHEN("it removed an override where none was") {
    event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED);
    event.mutable_workflow_execution_options_updated_event_attributes()
      ->set_unset_versioning_override(true);
    fold();
    CHECK(x.has_versioning_override());
  }
  WHEN("an event of this version does") {
    event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED);
    event.mutable_workflow_execution_options_updated_event_attributes()
      ->set_unset_versioning_override(true);
    event.set_task_id(x.next_event_id());
    fold();
    CHECK_FALSE(x.has_versioning_override());
  }
}

SCENARIO("tasks that end badly are reported as the last written of them ended") {
  activity_fixture f;
  f.start();
  auto reported = [&] {
    auto i = f.state().search_attributes().find("TemporalReportedProblems");
    return i == f.state().search_attributes().end() ? "" : i->second.data();
  };
  WHEN("they time out") {
    for (int i = 0; i < 5; ++i) {
      f.poll();
      f.wake_after(*engine::next_deadline(f.state()) - f.now);
    }
    CHECK(reported().find("cause=WorkflowTaskTimedOutCauseStartToClose") != std::string::npos);
  }
  WHEN("the first fails and later attempts in another way") {
    f.fail(f.poll(), enums::WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR);
    for (int i = 0; i < 5; ++i)
      f.fail(f.poll());
    CHECK(reported().find("WorkflowTaskFailedCauseNonDeterministicError") != std::string::npos);
    f.complete(f.poll());
    CHECK(reported().empty());
  }
}

SCENARIO("callbacks of a run whose chain is over will not be delivered, and say so") {
  activity_fixture f;
  auto r = f.start_request();
  r.add_completion_callbacks()->mutable_nexus()->set_url("http://caller/");
  f.start(r);
  auto shown = [&](std::size_t run) {
    engine::context c{.now = f.now, .ids = f.ids, .ns = f.ns, .bounds = f.bounds};
    auto described = engine::describe(f.runs[run].state, c);
    REQUIRE(described.callbacks_size() == 1);
    return described.callbacks(0);
  };
  CHECK(shown(0).state() == enums::CALLBACK_STATE_STANDBY);
  f.complete(f.poll(), {f.continue_as_new()});
  CHECK(shown(0).state() == enums::CALLBACK_STATE_STANDBY);
  f.terminate();
  CHECK(shown(1).state() == enums::CALLBACK_STATE_FAILED);
  CHECK(shown(1).last_attempt_failure().message()
        == "completion callbacks are not delivered by this version");
}

SCENARIO("an override to upgrade shows in lists as long as it holds") {
  activity_fixture f;
  auto r = f.start_request();
  constexpr const char* name = "TemporalWorkflowVersioningBehavior";
  auto attribute = [&](const std::string& of) {
    auto i = f.state().search_attributes().find(of);
    return i == f.state().search_attributes().end() ? std::string{} : i->second.data();
  };
  auto update = [&](bool upgrade) {
    cluster::ExecutionRequest request;
    auto& u = *request.mutable_update_options();
    u.mutable_update_mask()->add_paths("versioning_override");
    if (upgrade)
      u.mutable_workflow_execution_options()->mutable_versioning_override()->set_auto_upgrade(true);
    return f.apply(std::move(request));
  };
  WHEN("it came with the start, in either spelling") {
    r.mutable_versioning_override()->set_behavior(enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE);
    f.start(r);
    CHECK(attribute(name) == "\"AutoUpgrade\"");
    f.complete(f.poll(), {});
    CHECK(attribute("BuildIds").empty());
    CHECK(update(false).visibility_changed);
    CHECK(attribute(name).empty());
    CHECK(attribute("BuildIds") == "[\"unversioned\"]");
  }
  WHEN("it came later") {
    f.start(r);
    f.complete(f.poll(), {});
    CHECK(attribute("BuildIds") == "[\"unversioned\"]");
    CHECK(update(true).visibility_changed);
    CHECK(attribute(name) == "\"AutoUpgrade\"");
    CHECK(attribute("BuildIds").empty());
    update(false);
    CHECK(attribute(name).empty());
    CHECK(attribute("BuildIds") == "[\"unversioned\"]");
  }
}

SCENARIO("reset points expire with their run, and the next run says so, too") {
  activity_fixture f;
  f.start();
  WHEN("a run has a successor") {
    f.complete(f.poll(), {f.continue_as_new()});
    REQUIRE(f.runs.size() == 2);
    const auto& first = f.runs[0].state;
    REQUIRE(first.reset_points_size() == 1);
    auto expires = f.now + f.ns.retention;
    CHECK(engine::from_proto(first.reset_points(0).expire_time()) == expires);
    CHECK(engine::from_proto(f.state().reset_points(0).expire_time()) == expires);
    AND_WHEN("the retention is over, no later run has them") {
      f.wake_after(1s);
      f.now += f.ns.retention;
      f.complete(f.poll(), {f.continue_as_new()});
      REQUIRE(f.runs.size() == 3);
      CHECK(f.state().reset_points_size() == 0);
    }
  }
  WHEN("a run ends the chain, its points do not expire") {
    f.complete(f.poll(), {f.done()});
    REQUIRE(f.state().reset_points_size() == 1);
    CHECK_FALSE(f.state().reset_points(0).has_expire_time());
  }
}

SCENARIO("who has a later attempt is told to that worker alone") {
  activity_fixture f;
  f.start();
  f.fail(f.poll());
  auto task = f.offered(cluster::Task::WORKFLOW);
  REQUIRE(task);
  auto handed_out = f.take_task(*task);
  auto started_by = [](const std::string& bytes) {
    api::history::v1::History events;
    REQUIRE(events.ParseFromString(bytes));
    REQUIRE(events.events_size() == 2);
    return events.events(1).workflow_task_started_event_attributes().identity();
  };
  REQUIRE(handed_out.answer.history);
  CHECK_FALSE(started_by(handed_out.answer.history->transient_events).empty());
  CHECK(started_by(engine::transient_events(f.state(), f.state().workflow_task())).empty());
}

SCENARIO("the normal name of a start's queue stays in its event") {
  activity_fixture f;
  auto r = f.start_request();
  r.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
  r.mutable_task_queue()->set_normal_name("normal");
  f.start(r);
  const auto& queue = f.state().started().task_queue();
  CHECK(queue.normal_name() == "normal");
  CHECK(queue.kind() == enums::TASK_QUEUE_KIND_STICKY);
  f.complete(f.poll(), {f.continue_as_new()});
  const auto& next = f.state().started().task_queue();
  CHECK(next.normal_name().empty());
  CHECK(next.kind() == enums::TASK_QUEUE_KIND_NORMAL);
}

} // namespace reprise::testing
