#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

namespace {

class operator_fixture : public activity_fixture {
public:
  engine::step pause(const std::string& request_id = "r1") {
    cluster::ExecutionRequest request;
    auto& r = *request.mutable_pause_activity();
    r.set_id("a");
    r.set_identity("operator");
    r.set_reason("on hold");
    r.set_request_id(request_id);
    return apply(std::move(request));
  }

  engine::step unpause() {
    cluster::ExecutionRequest request;
    request.mutable_unpause_activity()->set_type("act");
    return apply(std::move(request));
  }

  engine::step reset(bool keep_paused = false) {
    cluster::ExecutionRequest request;
    auto& r = *request.mutable_reset_activity();
    r.set_id("a");
    r.set_reset_heartbeat(true);
    r.set_keep_paused(keep_paused);
    return apply(std::move(request));
  }

  engine::step update(const std::vector<std::string>& paths,
                      const api::activity::v1::ActivityOptions& options) {
    cluster::ExecutionRequest request;
    auto& r = *request.mutable_update_activity_options();
    r.set_id("a");
    *r.mutable_activity_options() = options;
    r.mutable_update_mask();
    for (const auto& path : paths)
      r.mutable_update_mask()->add_paths(path);
    return apply(std::move(request));
  }
};

} // namespace

SCENARIO("a paused activity is given to nobody") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  auto offer = *f.offered(cluster::Task::ACTIVITY);
  f.pause();
  CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_PAUSED);
  CHECK(f.take_task(offer).obsolete_task);
  CHECK(engine::undelivered_tasks(f.state(), f.now).empty());
  CHECK_FALSE(engine::undelivered_since(f.state()));
  CHECK_FALSE(f.pause("r1").answer.failure);
  CHECK(f.text_of(f.pause("r2")) == "activity is already paused");
  CHECK(f.text_of(f.pause("")) == "activity is already paused");
  CHECK(f.unpause().offers.size() == 1);
  CHECK(f.poll_activity().attempt() == 1);
  CHECK(f.take_task(offer).obsolete_task);
}

SCENARIO("a running activity that is paused is not tried again until it is unpaused") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  auto token = f.token_of(f.poll_activity());
  f.pause();
  CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_PAUSE_REQUESTED);
  CHECK(f.heartbeat_answer(f.heartbeat(token, "1")).activity_paused());
  CHECK(f.fail_activity(token).offers.empty());
  CHECK(f.only_pending().attempt() == 2);
  CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_PAUSED);
  CHECK(f.wake_after(50s).written.empty());
  f.unpause();
  auto task = f.poll_activity();
  CHECK(task.attempt() == 2);
  CHECK(task.heartbeat_details().payloads_size() == 1);
}

SCENARIO("a reset ends a back-off and begins anew") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  f.fail_activity(f.token_of(f.poll_activity()));
  CHECK(f.reset().offers.size() == 1);
  CHECK(f.poll_activity().attempt() == 1);
  CHECK_FALSE(f.only_pending().has_last_failure());
}

SCENARIO("a reset of a running attempt makes its token stale when the attempt was a later one") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  f.fail_activity(f.token_of(f.poll_activity()));
  f.wake_after(1s);
  auto token = f.token_of(f.poll_activity());
  f.reset();
  CHECK(f.text_of(f.heartbeat(token)) == f.gone);
  CHECK(f.heartbeat_answer(f.heartbeat(f.id_token("a"), "1")).activity_reset());
  f.fail_activity(f.id_token("a"));
  f.wake_after(1s);
  auto task = f.poll_activity();
  CHECK(task.attempt() == 2);
  CHECK_FALSE(task.has_heartbeat_details());
  CHECK_FALSE(f.heartbeat_answer(f.heartbeat(f.token_of(task))).activity_reset());
}

SCENARIO("a reset may leave an activity paused") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  f.pause();
  CHECK(f.reset(true).offers.empty());
  CHECK(f.only_pending().paused());
  CHECK(f.reset(false).offers.size() == 1);
  CHECK_FALSE(f.only_pending().paused());
}

SCENARIO("options change by mask, checked as a whole") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  auto offer = *f.offered(cluster::Task::ACTIVITY);
  api::activity::v1::ActivityOptions options;
  options.mutable_task_queue()->set_name("other");
  *options.mutable_heartbeat_timeout() = engine::to_proto(duration{50s});
  options.mutable_retry_policy()->set_maximum_attempts(9);
  WHEN("the queue changes, the activity goes there") {
    CHECK(f.update({"task_queue.name"}, options).offers.size() == 1);
    CHECK(f.offered(cluster::Task::ACTIVITY)->task_queue() == "other");
    CHECK(f.take_task(offer).obsolete_task);
    AND_WHEN("the original is restored") {
      cluster::ExecutionRequest request;
      request.mutable_update_activity_options()->set_id("a");
      request.mutable_update_activity_options()->set_restore_original(true);
      f.apply(std::move(request));
      CHECK(f.offered(cluster::Task::ACTIVITY)->task_queue() == "tq");
    }
  }
  WHEN("a heartbeat timeout is longer than the attempt") {
    service::UpdateActivityOptionsResponse answer;
    REQUIRE(
      answer.ParseFromString(f.update({"heartbeatTimeout", "nothing"}, options).answer.response));
    CHECK(engine::from_proto(answer.activity_options().heartbeat_timeout()) == 10s);
    CHECK(answer.activity_options().retry_policy().maximum_attempts() == 0);
  }
  WHEN("the result would make no sense, nothing changes") {
    options.mutable_retry_policy()->set_backoff_coefficient(0.5);
    auto refused = f.update({"retry_policy.backoff_coefficient"}, options);
    CHECK(f.text_of(refused) == "BackoffCoefficient cannot be less than 1 on retry policy.");
    CHECK(refused.written.empty());
    CHECK(f.text_of(f.update({"start_to_close_timeout", "schedule_to_close_timeout"}, options))
          == "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. "
             "ActivityId=a ActivityType=act");
  }
}

SCENARIO("a change of options counts the back-off anew, by the waiting attempt's own number") {
  operator_fixture f;
  f.run_with({f.activity_with("a", [](auto& a) {
    *a.mutable_retry_policy()->mutable_initial_interval() = engine::to_proto(duration{10s});
  })});
  f.fail_activity(f.token_of(f.poll_activity()));
  CHECK(engine::from_proto(f.only_pending().current_retry_interval()) == 10s);
  f.wake_after(4s);
  api::activity::v1::ActivityOptions options;
  *options.mutable_heartbeat_timeout() = engine::to_proto(duration{5s});
  WHEN("it waits") {
    f.update({"heartbeat_timeout"}, options);
    CHECK(engine::from_proto(f.only_pending().current_retry_interval()) == 16s);
    CHECK_FALSE(f.only_pending().has_last_failure());
    f.wake_after(15s);
    CHECK(f.only_pending().has_current_retry_interval());
    f.wake_after(1s);
    CHECK(f.poll_activity().attempt() == 2);
  }
  WHEN("it is paused, it goes on when it is unpaused") {
    f.pause();
    CHECK(f.update({"heartbeat_timeout"}, options).offers.empty());
    CHECK_FALSE(f.only_pending().has_last_failure());
    CHECK(f.unpause().offers.size() == 1);
  }
}

SCENARIO("a change of options never ends a waiting activity by itself") {
  operator_fixture f;
  f.run_with({f.activity_with("a", [](auto& a) {
    *a.mutable_schedule_to_start_timeout() = engine::to_proto(duration{10s});
    *a.mutable_start_to_close_timeout() = engine::to_proto(duration{20s});
    a.mutable_retry_policy()->set_backoff_coefficient(1);
    *a.mutable_retry_policy()->mutable_initial_interval() = engine::to_proto(duration{4s});
  })});
  api::activity::v1::ActivityOptions options;
  options.mutable_priority()->set_priority_key(4);
  auto scheduled = [&] { return engine::from_proto(f.only_pending().scheduled_time()); };
  auto first = f.token_of(f.poll_activity());
  WHEN("the attempt before it timed out, and an older one was answered") {
    f.fail_activity(first);
    f.wake_after(4s);
    f.poll_activity();
    f.wake_after(20s);
    CHECK(f.only_pending().attempt() == 3);
    auto planned = scheduled();
    CHECK(planned == f.now + 4s);
    // Once more: an update forgets of what the attempt before ended.
    CHECK(f.update({"priority"}, options).offers.empty());
    CHECK(f.update({"priority"}, options).offers.empty());
    CHECK(scheduled() == planned);
    f.wake_after(9s);
    CHECK(f.update({"priority"}, options).offers.size() == 1);
    // It has waited for a worker since then, and no update makes it wait longer.
    CHECK(scheduled() == planned);
    f.wake_after(4s);
    CHECK(f.only_pending().attempt() == 3);
    f.wake_after(1s);
    CHECK(f.pending().empty());
  }
  WHEN("its failure gave a longer delay than the policy, it begins now") {
    auto failure = f.boom();
    *failure.mutable_application_failure_info()->mutable_next_retry_delay()
      = engine::to_proto(duration{60s});
    f.fail_activity(first, failure);
    f.wake_after(30s);
    CHECK(f.update({"priority"}, options).offers.size() == 1);
    CHECK(scheduled() == f.now);
    f.wake_after(9s);
    CHECK(f.poll_activity().attempt() == 2);
  }
}

SCENARIO("of a retry policy an operator changes what the API lets be changed") {
  operator_fixture f;
  f.run_with({f.activity_with(
    "a", [](auto& a) { a.mutable_retry_policy()->add_non_retryable_error_types("Fatal"); })});
  api::activity::v1::ActivityOptions options;
  options.mutable_retry_policy()->set_backoff_coefficient(3);
  options.mutable_retry_policy()->add_non_retryable_error_types("Boom");
  WHEN("parts are named, none is completed") {
    f.update({"retry_policy.maximum_interval", "retry_policy.non_retryable_error_types"}, options);
    auto policy = f.only_pending().activity_options().retry_policy();
    CHECK_FALSE(policy.has_maximum_interval());
    CHECK(policy.backoff_coefficient() == 2);
  }
  WHEN("the whole is named, its gaps are gaps") {
    f.update({"retry_policy"}, options);
    auto policy = f.only_pending().activity_options().retry_policy();
    CHECK_FALSE(policy.has_initial_interval());
    CHECK(policy.backoff_coefficient() == 3);
    // Without any interval there is no time at which to try again.
    f.fail_activity(f.token_of(f.poll_activity()), f.boom("Other"));
    auto failed = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED);
    CHECK(failed.activity_task_failed_event_attributes().retry_state()
          == enums::RETRY_STATE_TIMEOUT);
    return;
  }
  auto token = f.token_of(f.poll_activity());
  f.fail_activity(token, f.boom("Fatal"));
  auto failed = f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED);
  CHECK(failed.activity_task_failed_event_attributes().retry_state()
        == enums::RETRY_STATE_NON_RETRYABLE_FAILURE);
}

SCENARIO("a reset of a paused running attempt waits until it is unpaused") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  auto token = f.token_of(f.poll_activity());
  f.heartbeat(token, "1");
  f.pause();
  f.reset(true);
  f.fail_activity(token);
  CHECK(f.only_pending().has_heartbeat_details());
  CHECK(f.only_pending().attempt() == 2);
  f.unpause();
  CHECK_FALSE(f.only_pending().has_heartbeat_details());
  CHECK_FALSE(f.poll_activity().has_heartbeat_details());
}

SCENARIO("a reset that restores the options leaves the priority") {
  operator_fixture f;
  f.run_with({f.activity("a")});
  api::activity::v1::ActivityOptions options;
  options.mutable_priority()->set_priority_key(4);
  *options.mutable_heartbeat_timeout() = engine::to_proto(duration{5s});
  f.update({"priority", "heartbeat_timeout"}, options);
  cluster::ExecutionRequest request;
  request.mutable_reset_activity()->set_id("a");
  request.mutable_reset_activity()->set_restore_original_options(true);
  f.apply(std::move(request));
  CHECK(f.only_pending().priority().priority_key() == 4);
  CHECK(engine::from_proto(f.only_pending().activity_options().heartbeat_timeout()) == 0s);
}

SCENARIO("an operator moves the end of an activity, not of its retries") {
  operator_fixture f;
  f.run_with({f.activity_with("a", [](auto& a) {
    *a.mutable_schedule_to_close_timeout() = engine::to_proto(duration{30s});
    *a.mutable_retry_policy()->mutable_initial_interval() = engine::to_proto(duration{20s});
  })});
  auto expires = f.only_pending().expiration_time();
  api::activity::v1::ActivityOptions options;
  *options.mutable_schedule_to_close_timeout() = engine::to_proto(duration{90s});
  f.update({"schedule_to_close_timeout"}, options);
  CHECK(f.only_pending().expiration_time().seconds() == expires.seconds());
  f.wake_after(5s);
  f.fail_activity(f.token_of(f.poll_activity()));
  f.wake_after(20s);
  // The next interval would end behind the time that the command gave.
  f.fail_activity(f.token_of(f.poll_activity()));
  CHECK(f.last_event(enums::EVENT_TYPE_ACTIVITY_TASK_FAILED)
          .activity_task_failed_event_attributes()
          .retry_state()
        == enums::RETRY_STATE_TIMEOUT);
}

SCENARIO("whoever means all activities is told that there is none") {
  operator_fixture f;
  f.run_with({f.timer("t", 500s)});
  constexpr const char* none = "Can't find pending activity with such ID. Invalid activityID or "
                               "activity already completed";
  cluster::ExecutionRequest all;
  all.mutable_reset_activity()->set_match_all(true);
  CHECK(f.text_of(f.apply(all)) == none);
  all.mutable_unpause_activity()->set_unpause_all(true);
  CHECK(f.text_of(f.apply(all)) == none);
  auto& update = *all.mutable_update_activity_options();
  update.set_match_all(true);
  CHECK(f.text_of(f.apply(all)) == "ActivityOptions are not provided");
  update.mutable_activity_options();
  CHECK(f.text_of(f.apply(all)) == none);
  // One that is named by its id is looked for behind the mask.
  update.set_id("a");
  CHECK(f.text_of(f.apply(all)) == "UpdateMask is not provided");
  update.mutable_update_mask();
  CHECK(f.text_of(f.apply(all)) == none);
}

SCENARIO("operators name activities that are there") {
  operator_fixture f;
  f.run_with({f.activity("b")});
  for (auto& refused : {f.pause(), f.reset(), f.update({}, {})}) {
    CHECK(f.text_of(refused)
          == "Can't find pending activity with such ID. Invalid activityID or activity already "
             "completed");
    CHECK(refused.answer.failure->code == errc::not_found);
  }
  f.terminate();
  CHECK(f.text_of(f.pause()) == "workflow execution already completed");
}

} // namespace reprise::testing
