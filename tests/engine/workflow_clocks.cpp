// When the time of a run and of its chain begins, and how much of what is due goes into one step.

#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

namespace {

service::StartWorkflowExecutionRequest timed(engine_fixture& f, duration execution, duration run) {
  auto r = f.start_request();
  r.clear_workflow_run_timeout();
  if (execution.count() > 0)
    *r.mutable_workflow_execution_timeout() = engine::to_proto(execution);
  if (run.count() > 0)
    *r.mutable_workflow_run_timeout() = engine::to_proto(run);
  return r;
}

duration after_start(const engine_fixture& f, const google::protobuf::Timestamp& at) {
  return engine::from_proto(at) - engine::from_proto(f.runs.front().state.created().start_time());
}

} // namespace

SCENARIO("the execution timeout counts from the start, whatever the first run waits for") {
  engine_fixture f;
  auto r = timed(f, 5s, 0s);
  WHEN("a start delay is shorter") {
    *r.mutable_workflow_start_delay() = engine::to_proto(2s);
    f.start(r);
    CHECK(after_start(f, f.state().created().execution_deadline()) == 5s);
    CHECK(after_start(f, f.state().created().run_deadline()) == 5s);
    CHECK(after_start(f, f.state().started().workflow_execution_expiration_time()) == 5s);
  }
  WHEN("a start delay is longer") {
    *r.mutable_workflow_start_delay() = engine::to_proto(9s);
    f.start(r);
    CHECK(engine::next_deadline(f.state()) == f.now + 5s);
    f.wake_after(5s);
    THEN("the run times out while it waits") {
      CHECK(f.types() == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_TIMED_OUT"});
      CHECK(f.runs.size() == 1);
    }
  }
  WHEN("a schedule is what it waits for") {
    r.set_cron_schedule("@every 9s");
    f.start(r);
    f.wake_after(5s);
    CHECK(f.state().status() == enums::WORKFLOW_EXECUTION_STATUS_TIMED_OUT);
    CHECK(f.runs.size() == 1);
  }
}

SCENARIO("the run timeout counts from the end of the first wait, within the execution's time") {
  engine_fixture f;
  WHEN("there is no end of the execution") {
    auto r = timed(f, 0s, 5s);
    *r.mutable_workflow_start_delay() = engine::to_proto(2s);
    f.start(r);
    CHECK(after_start(f, f.state().created().run_deadline()) == 7s);
  }
  WHEN("the execution ends before") {
    auto r = timed(f, 6s, 5s);
    *r.mutable_workflow_start_delay() = engine::to_proto(2s);
    f.start(r);
    CHECK(after_start(f, f.state().created().run_deadline()) == 6s);
  }
}

SCENARIO("what is due fires in steps of a bounded size") {
  activity_fixture f;
  f.bounds.due_items_max = 3;
  std::vector<command> timers;
  for (int i = 0; i < 8; ++i)
    timers.push_back(f.timer("t" + std::to_string(i), 5s));
  auto fired = [&] {
    auto all = f.types();
    return std::count(all.begin(), all.end(), "TIMER_FIRED");
  };
  WHEN("many timers fire at one moment") {
    f.run_with(timers);
    f.wake_after(5s);
    CHECK(fired() == 3);
    CHECK(engine::next_deadline(f.state()) <= f.now);
    f.wake_after(0s);
    CHECK(fired() == 6);
    f.wake_after(0s);
    THEN("none is lost, and one task tells of all") {
      CHECK(fired() == 8);
      CHECK(f.state().timers().empty());
      CHECK(f.poll().events.size() > 8);
    }
  }
  WHEN("activities time out beside them") {
    timers.push_back(f.activity_with(
      "a", [](auto& a) { *a.mutable_schedule_to_start_timeout() = engine::to_proto(5s); }));
    f.run_with(timers);
    for (int i = 0; i < 2; ++i)
      f.wake_after(i == 0 ? 5s : 0s);
    CHECK(f.state().activities_size() == 1);
    f.wake_after(0s);
    CHECK(f.state().activities().empty());
    CHECK(fired() == 8);
  }
  WHEN("bytes are what there are too many of") {
    f.bounds.due_items_max = 1000;
    f.bounds.due_bytes_max = 1;
    f.run_with(timers);
    f.wake_after(5s);
    CHECK(fired() == 1);
  }
}

} // namespace reprise::testing
