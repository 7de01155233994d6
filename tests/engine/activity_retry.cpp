#include "engine/activity/activity.hpp"
#include "engine/machine/failures.hpp"
#include "engine/machine/retry.hpp"
#include "protocol/parse_stored.hpp"
#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

namespace {

using attributes = api::command::v1::ScheduleActivityTaskCommandAttributes;

command retried(duration initial, std::int32_t attempts = 0) {
  return activity_fixture::activity_with("a", [&](attributes& a) {
    *a.mutable_retry_policy()->mutable_initial_interval() = engine::to_proto(initial);
    a.mutable_retry_policy()->set_maximum_attempts(attempts);
  });
}

} // namespace

SCENARIO("a failed attempt is followed by another without an event") {
  activity_fixture f;
  f.run_with({retried(2s, 2)});
  auto first = f.poll_activity();
  auto failed = f.fail_activity(f.token_of(first));
  CHECK(failed.offers.empty());
  CHECK(f.types().size() == 5);
  auto waiting = f.only_pending();
  CHECK(waiting.attempt() == 2);
  CHECK(waiting.state() == enums::PENDING_ACTIVITY_STATE_SCHEDULED);
  CHECK(engine::from_proto(waiting.current_retry_interval()) == 2s);
  CHECK(engine::from_proto(waiting.next_attempt_schedule_time()) == f.now + 2s);
  CHECK(engine::next_deadline(f.state()) == f.now + 2s);
  CHECK_FALSE(engine::undelivered_since(f.state()));
  CHECK(engine::undelivered_tasks(f.state(), f.now).empty());
  THEN("nobody gets it too early") {
    auto task = *f.state().activities().begin();
    cluster::Task early = engine::activity_task(f.state(), task.second);
    CHECK(f.take_task(early).obsolete_task);
  }
  THEN("it is offered once its time has come, once") {
    CHECK(f.wake_after(2s).offers.size() == 1);
    CHECK(f.wake_after(0s).written.empty());
    CHECK(engine::next_deadline(f.state()) > f.now);
    CHECK_FALSE(f.only_pending().has_current_retry_interval());
    auto second = f.poll_activity();
    CHECK(second.attempt() == 2);
    CHECK(f.text_of(f.complete_activity(f.token_of(first))) == f.gone);
    AND_THEN("the last attempt closes it, with the failure of the one before in its start") {
      f.fail_activity(f.token_of(second));
      const auto started = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_STARTED);
      CHECK(started.activity_task_started_event_attributes().attempt() == 2);
      CHECK(started.activity_task_started_event_attributes().last_failure().message() == "boom");
      CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
              .activity_task_failed_event_attributes()
              .retry_state()
            == enums::RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED);
    }
  }
}

SCENARIO("an activity between attempts survives its server") {
  activity_fixture f;
  f.run_with({retried(2s)});
  f.fail_activity(f.token_of(f.poll_activity()));
  f.advance(3s);
  // A new owner reads its wake-ups and offers from the store alone.
  CHECK(engine::next_deadline(f.state()) <= f.now);
  CHECK(engine::undelivered_tasks(f.state(), f.now).size() == 1);
}

SCENARIO("the kind of a failure decides about retries") {
  activity_fixture f;
  f.run_with({f.activity_with("a", [](attributes& a) {
    a.mutable_retry_policy()->add_non_retryable_error_types("Fatal");
    a.mutable_retry_policy()->add_non_retryable_error_types("TemporalTimeout:StartToClose");
  })});
  auto token = f.token_of(f.poll_activity());
  auto state = enums::RETRY_STATE_NON_RETRYABLE_FAILURE;
  SUBCASE("its type is listed") {
    f.fail_activity(token, f.boom("Fatal"));
  }
  SUBCASE("it says so itself") {
    auto failure = f.boom();
    failure.mutable_application_failure_info()->set_non_retryable(true);
    f.fail_activity(token, failure);
  }
  SUBCASE("its timeout is listed") {
    f.wake_after(10s);
    CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
            .activity_task_timed_out_event_attributes()
            .retry_state()
          == state);
    return;
  }
  CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
          .activity_task_failed_event_attributes()
          .retry_state()
        == state);
}

SCENARIO("a failure may choose its own delay") {
  activity_fixture f;
  f.run_with({retried(1s)});
  auto failure = f.boom();
  *failure.mutable_application_failure_info()->mutable_next_retry_delay()
    = engine::to_proto(duration{60s});
  SUBCASE("a long one") {
    f.fail_activity(f.token_of(f.poll_activity()), failure);
    CHECK(engine::from_proto(f.only_pending().current_retry_interval()) == 60s);
  }
  SUBCASE("one that is over: the next attempt is offered at once") {
    *failure.mutable_application_failure_info()->mutable_next_retry_delay()
      = engine::to_proto(duration{-5s});
    CHECK(f.fail_activity(f.token_of(f.poll_activity()), failure).offers.size() == 1);
  }
  SUBCASE("more than the activity has left") {
    *failure.mutable_application_failure_info()->mutable_next_retry_delay()
      = engine::to_proto(duration{200s});
    f.fail_activity(f.token_of(f.poll_activity()), failure);
    CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
            .activity_task_failed_event_attributes()
            .retry_state()
          == enums::RETRY_STATE_TIMEOUT);
  }
}

SCENARIO("a delay of nothing is no delay") {
  activity_fixture f;
  f.run_with({retried(1s)});
  auto failure = f.boom();
  failure.mutable_application_failure_info()->mutable_next_retry_delay();
  f.fail_activity(f.token_of(f.poll_activity()), failure);
  CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
          .activity_task_failed_event_attributes()
          .retry_state()
        == enums::RETRY_STATE_TIMEOUT);
}

SCENARIO("a heartbeat keeps an attempt alive, and its details outlive the attempt") {
  activity_fixture f;
  f.run_with({f.activity_with("a", [](attributes& a) {
    *a.mutable_heartbeat_timeout() = engine::to_proto(duration{3s});
    *a.mutable_start_to_close_timeout() = engine::to_proto(duration{60s});
    a.mutable_retry_policy()->set_maximum_attempts(2);
  })});
  auto token = f.token_of(f.poll_activity());
  f.advance(2s);
  f.heartbeat(token, "{\"done\":5}");
  CHECK(f.wake_after(2s).written.empty());
  f.wake_after(1s);
  CHECK(f.only_pending().attempt() == 2);
  CHECK(f.only_pending().last_failure().message() == "activity Heartbeat timeout");
  f.wake_after(1s);
  auto second = f.poll_activity();
  CHECK(second.heartbeat_details().payloads(0).data() == "{\"done\":5}");
  f.wake_after(3s);
  const auto event = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT);
  const auto& failure = event.activity_task_timed_out_event_attributes().failure();
  CHECK(failure.timeout_failure_info().timeout_type() == enums::TIMEOUT_TYPE_HEARTBEAT);
  CHECK(failure.timeout_failure_info().last_heartbeat_details().payloads_size() == 1);
  CHECK(failure.cause().message() == "activity Heartbeat timeout");
}

SCENARIO("an activity that nobody takes times out for good") {
  activity_fixture f;
  f.run_with({f.activity_with("a", [](attributes& a) {
    *a.mutable_schedule_to_start_timeout() = engine::to_proto(duration{1s});
  })});
  CHECK(f.wake_after(999ms).written.empty());
  f.wake_after(1ms);
  CHECK(f.types_after(5) == names{"ACTIVITY_TASK_TIMED_OUT", "WORKFLOW_TASK_SCHEDULED"});
  CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
          .activity_task_timed_out_event_attributes()
          .failure()
          .message()
        == "activity ScheduleToStart timeout");
}

SCENARIO("the time of all attempts together may run out") {
  activity_fixture f;
  f.run_with({f.activity_with("a", [](attributes& a) {
    *a.mutable_schedule_to_close_timeout() = engine::to_proto(duration{5s});
    *a.mutable_start_to_close_timeout() = engine::to_proto(duration{2s});
  })});
  auto first = f.poll_activity();
  SUBCASE("while it runs, the last failure is the cause") {
    f.fail_activity(f.token_of(first));
    f.wake_after(1s);
    f.poll_activity();
    f.wake_after(2s);
    f.wake_after(2s);
  }
  SUBCASE("between attempts") {
    f.fail_activity(f.token_of(first));
    f.wake_after(5s);
  }
  const auto event = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT);
  const auto& a = event.activity_task_timed_out_event_attributes();
  CHECK(a.failure().timeout_failure_info().timeout_type() == enums::TIMEOUT_TYPE_SCHEDULE_TO_CLOSE);
  CHECK(a.failure().has_cause());
  CHECK(a.retry_state() == enums::RETRY_STATE_TIMEOUT);
}

SCENARIO("deadlines of many activities fire in their order") {
  activity_fixture f;
  constexpr int count = 50;
  std::vector<command> commands;
  for (int i = 0; i < count; ++i)
    commands.push_back(f.activity_with("a" + std::to_string(i), [&](attributes& a) {
      *a.mutable_schedule_to_start_timeout() = engine::to_proto(duration{(1 + i % 5) * 1s});
    }));
  f.run_with(commands);
  f.wake_after(5s);
  std::vector<std::pair<int, std::int64_t>> fired;
  for (const auto& event : f.events_of(0))
    if (event.has_activity_task_timed_out_event_attributes()) {
      auto id = event.activity_task_timed_out_event_attributes().scheduled_event_id();
      fired.emplace_back((id - 5) % 5, id);
    }
  CHECK(fired.size() == count);
  CHECK(std::ranges::is_sorted(fired));
}

SCENARIO("a kept failure is small, and still says whether to retry") {
  auto failure = activity_fixture::boom();
  failure.set_message(std::string(3000, 'm') + "\xC3\xA4");
  failure.set_stack_trace(std::string(9000, 's'));
  failure.mutable_application_failure_info()->set_non_retryable(true);
  auto cause = failure;
  *failure.mutable_cause() = std::move(cause);
  auto kept = engine::truncated(failure, 4096);
  CHECK(kept.ByteSizeLong() <= 4096);
  CHECK(kept.message() == failure.message());
  CHECK(kept.application_failure_info().non_retryable());
  CHECK(engine::truncated(activity_fixture::boom(), 4096).SerializeAsString()
        == activity_fixture::boom().SerializeAsString());
}

SCENARIO("a failure that is too large to keep is the cause of one that says so") {
  activity_fixture f;
  f.run_with({retried(2s)});
  auto failure = activity_fixture::boom();
  failure.set_source("src");
  failure.set_message(std::string(100, 'm'));
  failure.set_stack_trace(std::string(6000, 's'));
  failure.mutable_application_failure_info()->set_type("T");
  f.fail_activity(f.token_of(f.poll_activity()), failure);
  auto kept = f.only_pending().last_failure();
  CHECK(kept.message() == "Failure exceeds size limit.");
  CHECK(kept.has_server_failure_info());
  CHECK(kept.cause().application_failure_info().type() == "T");
  CHECK(kept.cause().message().size() == 100);
  CHECK(kept.cause().stack_trace().size() == 3972);
}

SCENARIO("intervals grow up to their maximum, and nonsense is harmless") {
  api::common::v1::RetryPolicy policy;
  *policy.mutable_initial_interval() = engine::to_proto(duration{10s});
  policy.set_backoff_coefficient(3);
  *policy.mutable_maximum_interval() = engine::to_proto(duration{37s});
  CHECK(engine::retry_interval(policy, 1) == 10s);
  CHECK(engine::retry_interval(policy, 2) == 30s);
  CHECK(engine::retry_interval(policy, 3) == 37s);
  CHECK(engine::retry_interval(policy, 2'000'000'000) == 37s);
  policy.clear_maximum_interval();
  CHECK(engine::retry_interval(policy, 2'000'000'000) == engine::longest_duration);
  policy.set_backoff_coefficient(-3);
  CHECK(engine::retry_interval(policy, 2) == 0s);
}

SCENARIO("a failure nested as deep as requests may be is read back from the journal") {
  // What is stored of a request lies some levels deeper.
  auto failure = activity_fixture::boom();
  constexpr int causes = protocol::nesting_max - 3;
  auto* deepest = &failure;
  for (int i = 0; i < causes; ++i) {
    deepest = deepest->mutable_cause();
    deepest->set_message("cause");
  }
  service::RespondActivityTaskFailedRequest request;
  *request.mutable_failure() = failure;
  service::RespondActivityTaskFailedRequest read;
  REQUIRE(protocol::parse_nested(read, request.SerializeAsString(), protocol::nesting_max));
  activity_fixture f;
  f.run_with({f.activity("a")});
  // After this step as after all the fixture folds the journal anew.
  CHECK_FALSE(f.fail_activity(f.token_of(f.poll_activity()), read.failure()).answer.failure);
  REQUIRE(f.state().activities_size() == 1);
  CHECK(f.state().activities().begin()->second.progress().has_last_failure());
  engine::execution again;
  CHECK(protocol::parse_stored(again, f.state().SerializeAsString()));
}

} // namespace reprise::testing
