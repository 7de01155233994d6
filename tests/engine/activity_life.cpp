#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

SCENARIO("an activity's start is written with its end") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  auto offer = *f.offered(cluster::Task::ACTIVITY);
  CHECK(offer.scheduled_event_id() == 5);
  CHECK(engine::undelivered_tasks(f.state(), f.now).size() == 1);
  CHECK(engine::undelivered_since(f.state()) == f.now);
  f.advance(1s);
  auto started_at = f.now;
  auto task = f.poll_activity();
  THEN("taking it writes no event, but it is handed out once") {
    CHECK(f.types().size() == 5);
    CHECK(f.take_task(offer).obsolete_task);
    CHECK_FALSE(engine::undelivered_since(f.state()));
    CHECK(task.attempt() == 1);
    CHECK(task.workflow_namespace() == "default");
    CHECK(task.activity_id() == "a");
  }
  THEN("its completion writes both events, and the next task") {
    f.advance(1s);
    auto done = f.complete_activity(f.token_of(task));
    CHECK_FALSE(done.answer.failure);
    CHECK(f.types_after(5)
          == names{"ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_COMPLETED", "WORKFLOW_TASK_SCHEDULED"});
    auto started = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_STARTED);
    CHECK(engine::from_proto(started.event_time()) == started_at);
    CHECK(started.activity_task_started_event_attributes().identity() == "worker");
    auto completed = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED);
    CHECK(completed.activity_task_completed_event_attributes().started_event_id() == 6);
    CHECK(completed.activity_task_completed_event_attributes().identity() == "worker-2");
    AND_THEN("every further answer is refused and writes nothing") {
      for (auto& again : {f.complete_activity(f.token_of(task)), f.fail_activity(f.token_of(task)),
                          f.confirm_cancel(f.token_of(task)), f.heartbeat(f.token_of(task))}) {
        CHECK(f.text_of(again) == f.gone);
        CHECK(again.answer.failure->code == errc::not_found);
        CHECK(again.written.empty());
      }
      CHECK(f.text_of(f.complete_activity(f.id_token("a")))
            == "cannot find pending activity with ActivityID a, check workflow execution history "
               "for more details");
    }
  }
}

SCENARIO("the build of the worker that answers is named on the Started event") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  cluster::ExecutionRequest request;
  *request.mutable_token() = f.token_of(f.poll_activity());
  request.mutable_complete_activity()->mutable_worker_version()->set_build_id("build");
  CHECK_FALSE(f.apply(request).answer.failure);
  auto started = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_STARTED);
  CHECK(started.activity_task_started_event_attributes().worker_version().build_id() == "build");
  auto completed = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED);
  CHECK_FALSE(completed.activity_task_completed_event_attributes().has_worker_version());
}

SCENARIO("the same poll that asks twice gets the same start") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  cluster::ExecutionRequest request;
  auto& start = *request.mutable_start_activity_task();
  *start.mutable_task() = *f.offered(cluster::Task::ACTIVITY);
  start.set_request_id("poll");
  auto first = f.apply(request);
  auto second = f.apply(request);
  CHECK(first.answer.response == second.answer.response);
  CHECK(second.written.empty());
}

SCENARIO("a result during a started workflow task is buffered") {
  activity_fixture f;
  f.run_with({f.activity("a"), f.activity("b")});
  auto b = f.poll_activity();
  auto a = f.poll_activity();
  f.signal("s");
  auto task = f.poll();
  f.complete_activity(f.token_of(b));
  f.signal("late");
  f.fail_activity(f.token_of(a), [] {
    auto failure = activity_fixture::boom();
    failure.mutable_application_failure_info()->set_non_retryable(true);
    return failure;
  }());
  CHECK(f.pending().empty());
  f.complete(task, {});
  THEN("starts and signals come first, results behind them, wired to their starts") {
    CHECK(f.types_after(9)
          == names{"WORKFLOW_TASK_COMPLETED", "ACTIVITY_TASK_STARTED",
                   "WORKFLOW_EXECUTION_SIGNALED", "ACTIVITY_TASK_STARTED",
                   "ACTIVITY_TASK_COMPLETED", "ACTIVITY_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"});
    CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
            .activity_task_completed_event_attributes()
            .started_event_id()
          == 11);
    CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
            .activity_task_failed_event_attributes()
            .started_event_id()
          == 13);
  }
}

SCENARIO("eager activities go back with the completion") {
  activity_fixture f;
  f.start();
  auto done = f.complete(
    f.poll(), {f.activity_with("eager", [](auto& a) { a.set_request_eager_execution(true); }),
               f.activity("lazy")});
  service::RespondWorkflowTaskCompletedResponse answer;
  REQUIRE(answer.ParseFromString(done.answer.response));
  REQUIRE(answer.activity_tasks_size() == 1);
  CHECK(answer.activity_tasks(0).activity_id() == "eager");
  CHECK(done.offers.size() == 1);
  CHECK_FALSE(f.complete_activity(f.token_of(answer.activity_tasks(0))).answer.failure);
}

SCENARIO("a result by id needs no worker") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  CHECK(f.text_of(f.fail_activity(f.id_token("a"))) == f.gone);
  CHECK(f.text_of(f.heartbeat(f.id_token("a"))) == f.gone);
  f.complete_activity(f.id_token("a"));
  auto started = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_STARTED);
  CHECK(started.activity_task_started_event_attributes().identity() == "worker-2");
  CHECK(started.activity_task_started_event_attributes().request_id().empty());
}

SCENARIO("a result by id during a back-off is of the time when it came") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  f.fail_activity(f.token_of(f.poll_activity()), f.boom());
  f.complete_activity(f.id_token("a"));
  for (auto type :
       {enums::EVENT_TYPE_ACTIVITY_TASK_STARTED, enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED})
    CHECK(engine::from_proto(f.last_event(type).event_time()) == f.now);
}

SCENARIO("what a worker sends may be too large") {
  activity_fixture f;
  f.bounds.blob_bytes_max = 1000;
  f.run_with({f.activity("a")});
  auto token = f.token_of(f.poll_activity());
  auto large = "\"" + std::string(2000, 'x') + "\"";
  std::string text;
  SUBCASE("a result") {
    CHECK_FALSE(f.complete_activity(token, large).answer.failure);
    text = "Complete result exceeds size limit.";
  }
  SUBCASE("a failure") {
    auto failure = f.boom();
    failure.set_stack_trace(large);
    service::RespondActivityTaskFailedResponse answer;
    REQUIRE(answer.ParseFromString(f.fail_activity(token, failure).answer.response));
    CHECK(answer.failures_size() == 1);
    text = "Failure exceeds size limit.";
  }
  SUBCASE("details of a heartbeat") {
    CHECK(f.heartbeat_answer(f.heartbeat(token, large)).cancel_requested());
    text = "Heartbeat details exceed size limit.";
  }
  const auto event = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED);
  const auto& a = event.activity_task_failed_event_attributes();
  CHECK(a.failure().message() == text);
  CHECK(a.failure().server_failure_info().non_retryable());
  CHECK(a.retry_state() == enums::RETRY_STATE_NON_RETRYABLE_FAILURE);
}

SCENARIO("a waiting activity is cancelled at once, behind all commands") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  auto offer = *f.offered(cluster::Task::ACTIVITY);
  f.wake_with({f.cancel_activity(5), f.cancel_activity(5), f.timer("t", 30s)});
  CHECK(f.types_after(9)
        == names{"ACTIVITY_TASK_CANCEL_REQUESTED", "ACTIVITY_TASK_CANCEL_REQUESTED",
                 "TIMER_STARTED", "ACTIVITY_TASK_CANCELED", "WORKFLOW_TASK_SCHEDULED"});
  const auto event = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_CANCELED);
  const auto& a = event.activity_task_canceled_event_attributes();
  CHECK(a.latest_cancel_requested_event_id() == 10);
  CHECK(a.details().payloads(0).data() == "\"ACTIVITY_ID_NOT_STARTED\"");
  CHECK(f.take_task(offer).obsolete_task);
}

SCENARIO("a running activity is asked to cancel") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  auto token = f.token_of(f.poll_activity());
  CHECK(f.text_of(f.confirm_cancel(token))
        == "unable to mark activity as canceled without activity being request canceled first");
  f.wake_with({f.cancel_activity(5)});
  CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_CANCEL_REQUESTED);
  CHECK(f.heartbeat_answer(f.heartbeat(token)).cancel_requested());
  WHEN("it confirms") {
    f.confirm_cancel(token);
    CHECK(f.types_after(10)
          == names{"ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_CANCELED", "WORKFLOW_TASK_SCHEDULED"});
  }
  WHEN("it fails instead, it is not tried again") {
    f.fail_activity(token);
    CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
            .activity_task_failed_event_attributes()
            .retry_state()
          == enums::RETRY_STATE_CANCEL_REQUESTED);
  }
}

SCENARIO("a closed workflow's activities are listed, and answered by no one") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  auto token = f.token_of(f.poll_activity());
  f.wake_with({f.done()});
  CHECK(f.only_pending().activity_id() == "a");
  CHECK(f.text_of(f.complete_activity(token)) == "workflow execution already completed");
  CHECK(f.text_of(f.heartbeat(f.id_token("a"))) == "workflow execution already completed");
  CHECK(engine::undelivered_tasks(f.state(), f.now).empty());
}

} // namespace reprise::testing
