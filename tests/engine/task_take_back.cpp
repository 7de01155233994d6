// A task that was started for a worker who cannot have got it waits again: no event, the same
// attempt, and what the first token says is refused.

#include "engine/task/task.hpp"
#include "tests/support/activity_fixture.hpp"

namespace reprise::testing {

namespace {

class take_back_fixture : public activity_fixture {
public:
  engine::step take_back(const cluster::TaskToken& token) {
    cluster::ExecutionRequest request;
    *request.mutable_token() = token;
    request.set_run_id(token.run_id());
    request.mutable_take_back();
    return apply(std::move(request));
  }

  void check_void(const worker_task& task) {
    for (const auto& answer : {complete(task, {done()}), fail(task)}) {
      REQUIRE(answer.answer.failure);
      CHECK(answer.answer.failure->code == errc::not_found);
      CHECK(answer.written.empty());
    }
  }

  std::int32_t pending_task_state() {
    engine::context c{.now = now, .ids = ids, .ns = ns, .bounds = bounds};
    return engine::describe(state(), c).pending_workflow_task().state();
  }
};

} // namespace

SCENARIO("a workflow task that no worker got goes to the next one, under the same events") {
  take_back_fixture f;
  f.start();
  auto lost = f.poll();
  f.advance(3s);
  auto before = f.types();
  auto done = f.take_back(lost.token());
  THEN("the history stays as it is, and the task is offered at once") {
    CHECK(f.types() == before);
    REQUIRE(done.offers.size() == 1);
    CHECK(done.offers[0].attempt() == 1);
    CHECK(done.offers[0].task_queue() == "tq");
    CHECK(engine::undelivered_since(f.state()));
    CHECK(engine::undelivered_tasks(f.state(), f.now).size() == 1);
    CHECK(f.pending_task_state() == enums::PENDING_WORKFLOW_TASK_STATE_SCHEDULED);
    f.check_void(lost);
  }
  THEN("it has no deadline but the run's until a worker has it") {
    f.wake_after(60s);
    CHECK(f.types() == before);
    CHECK(f.state().workflow_task().attempt() == 1);
  }
  THEN("taking it back again changes nothing") {
    auto again = f.take_back(lost.token());
    CHECK(again.written.empty());
    CHECK(again.offers.empty());
  }
  WHEN("another worker takes it") {
    auto offer = *f.offered();
    auto step = f.take_task(offer);
    REQUIRE(step.answer.history);
    CHECK_FALSE(step.may_leave_early);
    auto task = f.task_of(*step.answer.history);
    THEN("it gets the same task, with a token of its own and time of its own") {
      CHECK(f.types() == before);
      CHECK(task.events.size() == lost.events.size());
      CHECK(task.poll.started_event_id() == lost.poll.started_event_id());
      CHECK(task.poll.attempt() == 1);
      CHECK(task.token().start_id() != lost.token().start_id());
      CHECK(f.pending_task_state() == enums::PENDING_WORKFLOW_TASK_STATE_STARTED);
      CHECK(engine::next_deadline(f.state()) == f.now + 10s);
      CHECK(f.take_task(offer).obsolete_task);
      f.check_void(lost);
    }
    THEN("it completes it") {
      CHECK_FALSE(f.complete(task, {f.done()}).answer.failure);
      CHECK(f.types().back() == "WORKFLOW_EXECUTION_COMPLETED");
      CHECK(f.types().size() == before.size() + 2);
    }
    THEN("it may lose it as the first one did") {
      f.take_back(task.token());
      f.check_void(task);
      CHECK_FALSE(f.complete(f.poll(), {f.done()}).answer.failure);
    }
    THEN("it may run out of time") {
      f.wake_after(10s);
      CHECK(f.types().back() == "WORKFLOW_TASK_TIMED_OUT");
      CHECK(f.state().workflow_task().attempt() == 2);
    }
  }
}

SCENARIO("what comes while a task waits for another worker is seen by the task after it") {
  take_back_fixture f;
  f.start();
  auto lost = f.poll();
  f.signal("before");
  f.take_back(lost.token());
  f.signal("after");
  auto task = f.poll();
  CHECK(task.events.size() == 3);
  f.complete(task, {f.timer("t", 1h)});
  CHECK(f.types()
        == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED",
                 "WORKFLOW_TASK_COMPLETED", "TIMER_STARTED", "WORKFLOW_EXECUTION_SIGNALED",
                 "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"});
}

SCENARIO("a sticky task that its worker did not get goes to the normal queue, with its history") {
  take_back_fixture f;
  f.start();
  auto first = f.completion(f.poll(), {f.timer("t", 1h)});
  auto& sticky = *first.mutable_complete_workflow_task()->mutable_sticky_attributes();
  sticky.mutable_worker_task_queue()->set_name("sticky");
  *sticky.mutable_schedule_to_start_timeout() = engine::to_proto(5s);
  f.apply(first);
  f.signal("s");
  REQUIRE(f.offered()->sticky());
  auto lost = f.poll();
  auto done = f.take_back(lost.token());
  REQUIRE(done.offers.size() == 1);
  CHECK(done.offers[0].task_queue() == "tq");
  CHECK_FALSE(done.offers[0].sticky());
  // It has begun: how long one worker was waited for counts no more.
  CHECK_FALSE(engine::workflow_task_deadline(f.state()));
  auto task = f.poll();
  CHECK(task.events.front().event_id() == 1);
  CHECK(task.events.back().event_id() == lost.events.back().event_id());
}

SCENARIO("a later attempt that no worker got is as if it had never been started") {
  take_back_fixture f;
  f.start();
  f.fail(f.poll());
  auto before = f.types();
  auto lost = f.poll();
  CHECK(lost.poll.attempt() == 2);
  WHEN("nothing else came") {
    f.take_back(lost.token());
    CHECK(f.types() == before);
    CHECK(f.state().workflow_task().started_event_id() == 0);
    auto task = f.poll();
    CHECK(task.poll.attempt() == 2);
    f.check_void(lost);
    CHECK_FALSE(f.complete(task, {f.done()}).answer.failure);
  }
  WHEN("a signal came while it was started") {
    f.signal("s");
    f.take_back(lost.token());
    THEN("it is history, and the task a new one when it is started") {
      CHECK(f.types().back() == "WORKFLOW_EXECUTION_SIGNALED");
      auto task = f.poll();
      CHECK(task.poll.attempt() == 1);
      CHECK(f.type_of(task.events.back()) == "WORKFLOW_TASK_STARTED");
      CHECK_FALSE(f.complete(task, {f.done()}).answer.failure);
    }
  }
}

SCENARIO("an activity that no worker got waits as it did before") {
  take_back_fixture f;
  f.run_with({f.activity("a")});
  auto before = f.types();
  auto lost = f.poll_activity();
  auto token = f.token_of(lost);
  f.advance(3s);
  WHEN("it is taken back") {
    auto done = f.take_back(token);
    REQUIRE(done.offers.size() == 1);
    CHECK(done.offers[0].attempt() == 1);
    CHECK(f.types() == before);
    CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_SCHEDULED);
    CHECK(f.only_pending().attempt() == 1);
    CHECK(engine::undelivered_since(f.state()));
    CHECK(f.text_of(f.complete_activity(token)) == f.gone);
    CHECK(f.text_of(f.heartbeat(token)) == f.gone);
    THEN("it does not run out of the time that its worker would have had") {
      f.wake_after(10s);
      CHECK(f.only_pending().attempt() == 1);
    }
    THEN("the next worker has it") {
      auto task = f.poll_activity();
      CHECK(task.attempt() == 1);
      CHECK_FALSE(f.complete_activity(f.token_of(task)).answer.failure);
    }
    THEN("taking it back again changes nothing") {
      CHECK(f.take_back(token).written.empty());
    }
  }
  WHEN("it was completed before") {
    f.complete_activity(token);
    CHECK(f.take_back(token).written.empty());
  }
  WHEN("it was paused meanwhile") {
    cluster::ExecutionRequest pause;
    pause.mutable_pause_activity()->set_id("a");
    f.apply(pause);
    auto done = f.take_back(token);
    CHECK(done.offers.empty());
    CHECK(f.only_pending().state() == enums::PENDING_ACTIVITY_STATE_PAUSED);
  }
  WHEN("it was reset meanwhile") {
    cluster::ExecutionRequest reset;
    reset.mutable_reset_activity()->set_id("a");
    f.apply(reset);
    auto done = f.take_back(token);
    THEN("the reset attempt is the one that waits") {
      REQUIRE(done.offers.size() == 1);
      auto task = f.poll_activity();
      CHECK(task.attempt() == 1);
      CHECK_FALSE(f.heartbeat_answer(f.heartbeat(f.token_of(task))).activity_reset());
    }
  }
}

SCENARIO("a later attempt of an activity keeps what its worker is told of the one before") {
  take_back_fixture f;
  f.run_with({f.activity("a")});
  auto first = f.token_of(f.poll_activity());
  f.heartbeat(first, "1");
  f.fail_activity(first);
  f.wake_after(2s);
  auto lost = f.poll_activity();
  CHECK(lost.attempt() == 2);
  f.take_back(f.token_of(lost));
  CHECK(f.only_pending().has_last_failure());
  auto task = f.poll_activity();
  CHECK(task.attempt() == 2);
  CHECK(task.heartbeat_details().SerializeAsString()
        == lost.heartbeat_details().SerializeAsString());
}

SCENARIO("a task of a run that has closed stays as it is") {
  take_back_fixture f;
  f.start();
  auto lost = f.poll();
  f.terminate();
  CHECK(f.take_back(lost.token()).written.empty());
}

SCENARIO("tasks that came with the answer to a task go back like those of polls") {
  take_back_fixture f;
  f.start();
  auto first = f.poll();
  auto eager = f.activity_with("a", [](auto& a) { a.set_request_eager_execution(true); });
  cluster::ExecutionRequest request;
  *request.mutable_token() = first.token();
  auto& r = *request.mutable_complete_workflow_task();
  *r.add_commands() = eager;
  r.set_force_create_new_workflow_task(true);
  r.set_return_new_workflow_task(true);
  auto done = f.apply(request);
  REQUIRE(done.answer.history);
  CHECK(done.offers.empty());
  auto next = f.task_of(*done.answer.history);
  service::RespondWorkflowTaskCompletedResponse answer;
  REQUIRE(answer.ParseFromString(done.answer.response));
  REQUIRE(answer.activity_tasks_size() == 1);
  THEN("the workflow task is offered, and its token is void") {
    auto back = f.take_back(next.token());
    REQUIRE(back.offers.size() == 1);
    CHECK(back.offers[0].kind() == cluster::Task::WORKFLOW);
    CHECK(back.offers[0].attempt() == 1);
    f.check_void(next);
  }
  THEN("the activity is offered, and its token is void") {
    cluster::TaskToken token;
    REQUIRE(token.ParseFromString(answer.activity_tasks(0).task_token()));
    auto back = f.take_back(token);
    REQUIRE(back.offers.size() == 1);
    CHECK(back.offers[0].kind() == cluster::Task::ACTIVITY);
    CHECK(back.offers[0].attempt() == 1);
    CHECK(f.take_back(token).written.empty());
  }
}

SCENARIO("an eager start's task goes back, and the repeated start does not bring it any more") {
  take_back_fixture f;
  auto r = f.start_request();
  r.set_request_eager_execution(true);
  auto started = f.start(r);
  REQUIRE(started.answer.history);
  auto task = f.task_of(*started.answer.history);
  auto back = f.take_back(task.token());
  REQUIRE(back.offers.size() == 1);
  CHECK(back.offers[0].kind() == cluster::Task::WORKFLOW);
  f.check_void(task);
  auto again = f.start(r);
  CHECK_FALSE(again.answer.failure);
  CHECK_FALSE(again.answer.history);
}

SCENARIO("of two tasks in the same place that came with answers, each is taken back by its token") {
  take_back_fixture f;
  f.start();
  auto first = f.poll();
  auto inline_task = [](auto g, const worker_task& task) {
    auto request = g.completion(task, {});
    request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
    request.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
    auto done = g.apply(request);
    REQUIRE(done.answer.history);
    return std::pair{g, g.task_of(*done.answer.history)};
  };
  // The store lost the first of them, so the second is decided once more.
  auto [lost, before] = inline_task(f, first);
  f.ids.random();
  auto [now, after] = inline_task(f, first);
  CHECK(before.poll.started_event_id() == after.poll.started_event_id());
  CHECK(before.token().start_id() != after.token().start_id());
  THEN("the history shows the request id that all of them have") {
    CHECK(now.events_of(0)
            .at(static_cast<std::size_t>(after.poll.started_event_id()) - 1)
            .workflow_task_started_event_attributes()
            .request_id()
          == "request-from-RespondWorkflowTaskCompleted");
  }
  THEN("the token of one is not that of the other") {
    CHECK(now.take_back(before.token()).written.empty());
    now.check_void(before);
    CHECK_FALSE(now.complete(after, {now.done()}).answer.failure);
  }
}

SCENARIO("two eager starts of one request have tokens of their own") {
  take_back_fixture f;
  auto r = f.start_request();
  r.set_request_eager_execution(true);
  auto g = f;
  g.ids.random();
  auto before = f.start(r);
  auto after = g.start(r);
  REQUIRE(before.answer.history);
  REQUIRE(after.answer.history);
  CHECK(f.task_of(*before.answer.history).token().start_id()
        != g.task_of(*after.answer.history).token().start_id());
}

} // namespace reprise::testing
