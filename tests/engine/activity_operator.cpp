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
