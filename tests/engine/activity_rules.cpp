// Pauses and their search attribute, priorities, eager starts, how attempts end.

#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

namespace {

class rules_fixture : public activity_fixture {
public:
  engine::step pause(const std::string& id, const std::string& request_id = {}) {
    cluster::ExecutionRequest request;
    request.mutable_pause_activity()->set_id(id);
    request.mutable_pause_activity()->set_request_id(request_id);
    return apply(std::move(request));
  }

  engine::step unpause(const std::string& id) {
    cluster::ExecutionRequest request;
    request.mutable_unpause_activity()->set_id(id);
    return apply(std::move(request));
  }

  engine::step reset(const std::string& id, bool keep_paused = false) {
    cluster::ExecutionRequest request;
    request.mutable_reset_activity()->set_id(id);
    request.mutable_reset_activity()->set_keep_paused(keep_paused);
    return apply(std::move(request));
  }

  std::string pause_info() {
    auto i = state().search_attributes().find("TemporalPauseInfo");
    return i == state().search_attributes().end() ? "" : i->second.data();
  }

  static command of_type(const std::string& id, const std::string& type) {
    return activity_with(id, [&](auto& a) { a.mutable_activity_type()->set_name(type); });
  }

  static command eager(const std::string& id) {
    return activity_with(id, [](auto& a) { a.set_request_eager_execution(true); });
  }

  static int handed_out(const engine::step& done) {
    service::RespondWorkflowTaskCompletedResponse answer;
    REQUIRE_FALSE(done.answer.failure);
    REQUIRE(answer.ParseFromString(done.answer.response));
    return answer.activity_tasks_size();
  }
};

} // namespace

SCENARIO("a search attribute tells of which types activities are paused") {
  rules_fixture f;
  f.run_with({f.of_type("a1", "charge"), f.of_type("a2", "charge"), f.of_type("b1", "ship")});
  CHECK(f.pause_info().empty());
  CHECK(f.pause("a1").visibility_changed);
  CHECK(f.pause_info() == R"(["property:activityType=charge"])");
  f.pause("b1");
  CHECK(f.pause_info() == R"(["property:activityType=charge","property:activityType=ship"])");
  f.pause("a2");
  f.unpause("a1");
  CHECK(f.pause_info() == R"(["property:activityType=charge","property:activityType=ship"])");
  CHECK(f.reset("a2", true).answer.failure == std::nullopt);
  CHECK(f.pause_info() == R"(["property:activityType=charge","property:activityType=ship"])");
  CHECK(f.reset("a2").visibility_changed);
  CHECK(f.pause_info() == R"(["property:activityType=ship"])");
  WHEN("the paused one is completed by its id") {
    CHECK(f.complete_activity(f.id_token("b1")).visibility_changed);
    CHECK(f.pause_info().empty());
  }
  WHEN("the workflow cancels it") {
    auto cancelled = f.wake_with({f.cancel_activity(7)});
    CHECK(cancelled.visibility_changed);
    CHECK(f.pause_info().empty());
  }
  WHEN("the run ends") {
    f.terminate();
    CHECK(f.pause_info() == R"(["property:activityType=ship"])");
  }
}

SCENARIO("paused types are told once each, until the last one of a type goes on") {
  rules_fixture f;
  f.run_with({f.of_type("a1", R"(a"\)"), f.of_type("a2", R"(a"\)"), f.of_type("b1", R"(a")"),
              f.of_type("b2", R"(a")")});
  auto both = R"(["property:activityType=a\"","property:activityType=a\"\\"])";
  for (const auto* id : {"a1", "b1", "a2", "b2"})
    f.pause(id);
  CHECK(f.pause_info() == both);
  f.unpause("a1");
  CHECK(f.complete_activity(f.id_token("b2")).visibility_changed);
  CHECK(f.pause_info() == both);
  WHEN("the last of a type is closed") {
    f.complete_activity(f.id_token("a2"));
    CHECK(f.pause_info() == R"(["property:activityType=a\""])");
  }
  WHEN("the last of a type goes on") {
    f.unpause("b1");
    CHECK(f.pause_info() == R"(["property:activityType=a\"\\"])");
  }
}

SCENARIO("whoever gives no request id repeats a pause without one") {
  rules_fixture f;
  f.run_with({f.activity("a")});
  CHECK_FALSE(f.pause("a").answer.failure);
  auto again = f.pause("a");
  CHECK_FALSE(again.answer.failure);
  CHECK(again.written.empty());
  CHECK(f.text_of(f.pause("a", "other")) == "activity is already paused");
}

SCENARIO("a pause suspends every timeout, and its end fires what is overdue") {
  rules_fixture f;
  f.run_with({f.activity_with("a", [](auto& a) {
    *a.mutable_schedule_to_close_timeout() = engine::to_proto(8s);
    *a.mutable_heartbeat_timeout() = engine::to_proto(2s);
  })});
  WHEN("it waits for a worker") {
    f.pause("a");
    f.wake_after(20s);
    CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_PAUSED);
    f.unpause("a");
    CHECK(engine::next_deadline(f.state()) <= f.now);
    f.wake_after(0s);
    CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
    CHECK(f.pending().empty());
  }
  WHEN("a worker has it") {
    f.poll_activity();
    f.pause("a");
    f.wake_after(20s);
    CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_PAUSE_REQUESTED);
    f.unpause("a");
    f.wake_after(0s);
    auto timed_out = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT);
    CHECK(timed_out.activity_task_timed_out_event_attributes().retry_state()
          == enums::RETRY_STATE_TIMEOUT);
  }
}

SCENARIO("a paused activity whose last attempt failed waits, and is handed out once more") {
  rules_fixture f;
  f.run_with(
    {f.activity_with("a", [](auto& a) { a.mutable_retry_policy()->set_maximum_attempts(1); })});
  auto token = f.token_of(f.poll_activity());
  f.pause("a");
  WHEN("the failure may be retried") {
    f.fail_activity(token);
    CHECK(f.only_pending().attempt() == 2);
    CHECK(f.unpause("a").offers.size() == 1);
    auto again = f.poll_activity();
    CHECK(again.attempt() == 2);
    f.fail_activity(f.token_of(again));
    CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
            .activity_task_failed_event_attributes()
            .retry_state()
          == enums::RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED);
  }
  WHEN("it may not") {
    auto failure = f.boom();
    failure.mutable_application_failure_info()->set_non_retryable(true);
    CHECK(f.fail_activity(token, failure).visibility_changed);
    CHECK(f.pending().empty());
    CHECK(f.pause_info().empty());
  }
}

SCENARIO("an activity has what it leaves open of its priority from its workflow") {
  rules_fixture f;
  auto r = f.start_request();
  r.mutable_priority()->set_priority_key(2);
  r.mutable_priority()->set_fairness_key("tenant");
  r.mutable_priority()->set_fairness_weight(3);
  f.start(r);
  f.complete(
    f.poll(),
    {f.activity("a"),
     f.activity_with("b", [](auto& a) { a.mutable_priority()->set_priority_key(4); }),
     f.activity_with("c", [](auto& a) { a.mutable_priority()->set_fairness_key("mine"); })});
  std::map<std::string, api::common::v1::Priority> told;
  std::map<std::string, int> in_queue;
  for (auto& task : std::vector<cluster::Task>{f.offers}) {
    auto polled = f.polled(f.take_task(task));
    told[polled.activity_id()] = polled.priority();
    in_queue[polled.activity_id()] = task.priority();
  }
  CHECK(in_queue == std::map<std::string, int>{{"a", 2}, {"b", 4}, {"c", 2}});
  CHECK(told["a"].priority_key() == 2);
  CHECK(told["a"].fairness_key() == "tenant");
  CHECK(told["a"].fairness_weight() == 3);
  CHECK(told["b"].priority_key() == 4);
  CHECK(told["b"].fairness_key() == "tenant");
  CHECK(told["c"].priority_key() == 2);
  CHECK(told["c"].fairness_key() == "mine");
  THEN("describe shows its own alone") {
    CHECK_FALSE(f.pending()[0].has_priority());
    CHECK(f.pending()[2].priority().priority_key() == 0);
  }
}

SCENARIO("an eager activity goes to its worker only if it is still wanted in the end") {
  rules_fixture f;
  f.start();
  auto task = f.poll();
  WHEN("nothing speaks against it") {
    CHECK(f.handed_out(f.complete(task, {f.eager("a"), f.activity("b"), f.eager("c")})) == 2);
    CHECK(f.offers.size() == 1);
  }
  WHEN("the same completion cancels it") {
    auto done = f.complete(task, {f.eager("a"), f.cancel_activity(5)});
    CHECK(f.handed_out(done) == 0);
    CHECK(f.types_after(4)
          == names{"ACTIVITY_TASK_SCHEDULED", "ACTIVITY_TASK_CANCEL_REQUESTED",
                   "ACTIVITY_TASK_CANCELED", "WORKFLOW_TASK_SCHEDULED"});
  }
  WHEN("its id is used again at once") {
    auto done = f.complete(task, {f.eager("a"), f.cancel_activity(5), f.eager("a")});
    CHECK(f.handed_out(done) == 1);
    CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_STARTED);
  }
  WHEN("the workflow closes") {
    CHECK(f.handed_out(f.complete(task, {f.eager("a"), f.done()})) == 0);
  }
  WHEN("it continues as new") {
    CHECK(f.handed_out(f.complete(task, {f.eager("a"), f.continue_as_new()})) == 0);
  }
}

SCENARIO("when an attempt and the whole end at one moment, the whole has timed out") {
  rules_fixture f;
  f.start();
  f.complete(f.poll(), {f.activity_with("a", [](auto& a) {
               a.set_request_eager_execution(true);
               a.clear_start_to_close_timeout();
               *a.mutable_schedule_to_close_timeout() = engine::to_proto(5s);
               a.mutable_retry_policy()->set_maximum_attempts(1);
             })});
  f.wake_after(5s);
  auto event = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT);
  const auto& a = event.activity_task_timed_out_event_attributes();
  CHECK(a.retry_state() == enums::RETRY_STATE_TIMEOUT);
  CHECK(a.failure().timeout_failure_info().timeout_type() == enums::TIMEOUT_TYPE_SCHEDULE_TO_CLOSE);
}

SCENARIO("a timeout behind a request to cancel says so") {
  rules_fixture f;
  auto closes_by = [&](auto edit) {
    f.run_with({f.activity_with("a", edit)});
    f.poll_activity();
    f.wake_with({f.cancel_activity(5)});
    f.wake_after(10s);
    auto event = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT);
    CHECK(event.activity_task_timed_out_event_attributes().retry_state()
          == enums::RETRY_STATE_CANCEL_REQUESTED);
    return event.activity_task_timed_out_event_attributes().failure().message();
  };
  WHEN("the attempt runs too long") {
    CHECK(closes_by([](auto&) {}) == "activity StartToClose timeout");
  }
  WHEN("the whole does") {
    CHECK(closes_by([](auto& a) { *a.mutable_schedule_to_close_timeout() = engine::to_proto(4s); })
          == "activity ScheduleToClose timeout");
  }
}

SCENARIO("failures of every kind end an attempt as the retry policy says") {
  rules_fixture f;
  f.run_with({f.activity("a")});
  auto token = f.token_of(f.poll_activity());
  api::failure::v1::Failure failure;
  auto state_after = [&] {
    f.fail_activity(f.id_token("a"), failure);
    if (!f.pending().empty())
      return enums::RETRY_STATE_IN_PROGRESS;
    return f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
      .activity_task_failed_event_attributes()
      .retry_state();
  };
  WHEN("it has no kind") {
    CHECK(state_after() == enums::RETRY_STATE_IN_PROGRESS);
    CHECK(f.only_pending().has_last_attempt_complete_time());
  }
  WHEN("it is a deadline of the whole") {
    failure.mutable_timeout_failure_info()->set_timeout_type(enums::TIMEOUT_TYPE_SCHEDULE_TO_CLOSE);
    CHECK(state_after() == enums::RETRY_STATE_TIMEOUT);
  }
  WHEN("it is a wait for a worker") {
    failure.mutable_timeout_failure_info()->set_timeout_type(enums::TIMEOUT_TYPE_SCHEDULE_TO_START);
    CHECK(state_after() == enums::RETRY_STATE_TIMEOUT);
  }
  WHEN("it is a timeout of no kind") {
    failure.mutable_timeout_failure_info();
    CHECK(state_after() == enums::RETRY_STATE_NON_RETRYABLE_FAILURE);
  }
  WHEN("it is a server's") {
    failure.mutable_server_failure_info();
    CHECK(state_after() == enums::RETRY_STATE_IN_PROGRESS);
  }
}

SCENARIO("describe tells when an attempt was answered, and who heartbeats last") {
  rules_fixture f;
  f.run_with({f.activity("a")});
  auto task = f.offered(cluster::Task::ACTIVITY);
  cluster::ExecutionRequest start;
  *start.mutable_start_activity_task()->mutable_task() = *task;
  auto token = f.token_of(f.polled(f.apply(start)));
  CHECK(f.only_pending().last_worker_identity().empty());
  cluster::ExecutionRequest beat;
  *beat.mutable_token() = token;
  beat.mutable_heartbeat_activity()->set_identity("whoever beats");
  f.apply(beat);
  CHECK(f.only_pending().last_worker_identity() == "whoever beats");
  f.wake_after(10s);
  THEN("an attempt that timed out was never answered") {
    CHECK(f.only_pending().attempt() == 2);
    CHECK(f.only_pending().last_worker_identity() == "whoever beats");
    CHECK_FALSE(f.only_pending().has_last_attempt_complete_time());
  }
}

SCENARIO("a retry policy that an operator gives is shown as it was given") {
  rules_fixture f;
  f.run_with({f.activity("a")});
  cluster::ExecutionRequest request;
  auto& r = *request.mutable_update_activity_options();
  r.set_id("a");
  r.mutable_activity_options()->mutable_retry_policy()->set_maximum_attempts(7);
  r.mutable_update_mask()->add_paths("retry_policy");
  CHECK_FALSE(f.apply(request).answer.failure);
  auto shown = f.only_pending().activity_options().retry_policy();
  CHECK(shown.maximum_attempts() == 7);
  CHECK_FALSE(shown.has_initial_interval());
  WHEN("the originals are asked for, with a mask that names nothing") {
    cluster::ExecutionRequest restore;
    auto& back = *restore.mutable_update_activity_options();
    back.set_id("a");
    back.set_restore_original(true);
    back.mutable_update_mask();
    CHECK_FALSE(f.apply(restore).answer.failure);
    CHECK(f.only_pending().activity_options().retry_policy().has_initial_interval());
  }
}

} // namespace reprise::testing
