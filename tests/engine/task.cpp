#include "engine/task/task.hpp"
#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

SCENARIO("a workflow starts, runs one task and completes") {
  engine_fixture f;
  GIVEN("a started workflow") {
    auto started = f.start();
    service::StartWorkflowExecutionResponse answer;
    REQUIRE(answer.ParseFromString(started.answer.response));
    CHECK(answer.started());
    CHECK(answer.run_id() == f.state().created().run_id());
    WHEN("a worker takes the task") {
      auto task = f.poll();
      THEN("it gets the whole history") {
        CHECK(task.events.size() == 3);
        CHECK(task.poll.started_event_id() == 3);
        CHECK(task.poll.attempt() == 1);
        CHECK(f.type_of(task.events[2]) == "WORKFLOW_TASK_STARTED");
      }
      AND_WHEN("it completes the workflow") {
        auto done = f.complete(task, {f.done()});
        THEN("the run is closed, its list row is written, and only retention is left") {
          CHECK_FALSE(done.answer.failure);
          CHECK(done.visibility_changed);
          CHECK(f.types()
                == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED",
                         "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED",
                         "WORKFLOW_EXECUTION_COMPLETED"});
          CHECK(engine::next_deadline(f.state()) == f.now + f.ns.retention);
          CHECK_FALSE(engine::undelivered_since(f.state()));
          CHECK(f.wake_after(f.ns.retention).erase);
        }
      }
    }
  }
}

SCENARIO("a task is handed out once") {
  engine_fixture f;
  f.start();
  auto offer = *f.offered();
  f.take_task(offer);
  THEN("the same offer is obsolete for the next worker, and changes nothing") {
    auto again = f.take_task(offer);
    CHECK(again.obsolete_task);
    CHECK(again.written.empty());
  }
  THEN("it is no longer undelivered") {
    CHECK(engine::undelivered_tasks(f.state(), f.now).empty());
  }
}

SCENARIO("a token fits one start of one attempt only") {
  engine_fixture f;
  f.start();
  auto task = f.poll();
  auto late = f.completion(task, {f.done()});
  WHEN("the token is forged in any part") {
    auto forged = late;
    SUBCASE("start id") {
      forged.mutable_token()->set_start_id(1);
    }
    SUBCASE("attempt") {
      forged.mutable_token()->set_attempt(2);
    }
    SUBCASE("scheduled event") {
      forged.mutable_token()->set_scheduled_event_id(9);
    }
    SUBCASE("started event") {
      forged.mutable_token()->set_started_event_id(9);
    }
    auto answer = f.apply(forged);
    REQUIRE(answer.answer.failure);
    CHECK(answer.answer.failure->code == errc::not_found);
    CHECK(answer.answer.failure->message == "Workflow task not found.");
    CHECK(answer.written.empty());
  }
  WHEN("the task timed out before") {
    f.wake_after(10s);
    auto answer = f.apply(late);
    CHECK(answer.answer.failure->message == "Workflow task not found.");
  }
}

SCENARIO("the start of a task may be lost after a worker heard of it") {
  engine_fixture f;
  f.start();
  auto before = f.runs;
  auto offer = *f.offered();
  auto first = f.take_task(offer);
  REQUIRE(first.may_leave_early);
  auto lost = f.task_of(*first.answer.history);
  f.runs = before;
  THEN("the task is undelivered, and its next start is another one in all but its events' ids") {
    REQUIRE(engine::undelivered_tasks(f.state(), f.now).size() == 1);
    auto next = f.task_of(*f.take_task(offer).answer.history);
    CHECK(next.token().scheduled_event_id() == lost.token().scheduled_event_id());
    CHECK(next.token().started_event_id() == lost.token().started_event_id());
    CHECK(next.token().attempt() == lost.token().attempt());
    CHECK(next.token().start_id() != lost.token().start_id());
    for (const auto& late : {f.complete(lost, {f.done()}), f.fail(lost)}) {
      REQUIRE(late.answer.failure);
      CHECK(late.answer.failure->code == errc::not_found);
      CHECK(late.answer.failure->message == "Workflow task not found.");
      CHECK(late.written.empty());
    }
    CHECK_FALSE(f.complete(next, {f.done()}).answer.failure);
  }
}

SCENARIO("only a start that leaves nothing but itself in the history may be lost") {
  engine_fixture f;
  f.start();
  WHEN("a task is started again and again") {
    f.fail(f.poll());
    THEN("its later attempts wait for their commit") {
      CHECK_FALSE(f.take_task(*f.offered()).may_leave_early);
    }
  }
  WHEN("a later attempt becomes a new task, because of a signal") {
    f.fail(f.poll());
    f.signal("between");
    auto done = f.take_task(*f.offered());
    CHECK(done.written.event_count == 2);
    CHECK_FALSE(done.may_leave_early);
  }
  WHEN("the next task goes back with the answer to the one before") {
    auto request = f.completion(f.poll(), {});
    request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
    request.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
    auto done = f.apply(request);
    REQUIRE(done.answer.history);
    CHECK_FALSE(done.may_leave_early);
  }
  WHEN("an activity is started") {
    f.complete(f.poll(), {f.activity("a")});
    auto offer = f.offered(cluster::Task::ACTIVITY);
    REQUIRE(offer);
    CHECK_FALSE(f.take_task(*offer).may_leave_early);
  }
  WHEN("the task is obsolete") {
    auto offer = *f.offered();
    f.take_task(offer);
    CHECK_FALSE(f.take_task(offer).may_leave_early);
  }
}

SCENARIO("a behaviour between versions is refused of a worker that is no version") {
  engine_fixture f;
  f.start();
  auto answer = f.completion(f.poll(), {f.done()});
  auto& r = *answer.mutable_complete_workflow_task();
  r.set_versioning_behavior(enums::VERSIONING_BEHAVIOR_AUTO_UPGRADE);
  WHEN("it says nothing of its deployment") {
    auto refused = f.apply(answer);
    REQUIRE(refused.answer.failure);
    CHECK(refused.answer.failure->code == errc::invalid_argument);
    CHECK(refused.written.empty());
    CHECK(f.types().back() == "WORKFLOW_TASK_STARTED");
  }
  WHEN("the token is no longer good, that counts first") {
    f.wake_after(10s);
    CHECK(f.apply(answer).answer.failure->message == "Workflow task not found.");
  }
  WHEN("it names its deployment in the old way") {
    r.mutable_deployment()->set_series_name("d");
    r.mutable_deployment()->set_build_id("1");
    CHECK_FALSE(f.apply(answer).answer.failure);
  }
}

SCENARIO("only the first failure of a task is history") {
  engine_fixture f;
  f.start();
  f.fail(f.poll());
  CHECK(f.types().back() == "WORKFLOW_TASK_FAILED");
  WHEN("the second attempt fails too") {
    auto second = f.poll();
    CHECK(second.poll.attempt() == 2);
    CHECK(second.events.size() == 6);
    f.fail(second);
    CHECK(f.types().size() == 4);
    THEN("a completing third attempt writes its own events") {
      auto third = f.poll();
      CHECK(third.poll.attempt() == 3);
      f.complete(third, {f.done()});
      CHECK(f.types().size() == 8);
      auto events = f.events_of(0);
      CHECK(events[4].workflow_task_scheduled_event_attributes().attempt() == 3);
      CHECK(events[5].workflow_task_started_event_attributes().scheduled_event_id() == 5);
    }
  }
  WHEN("a signal comes before the second attempt starts") {
    f.signal("between");
    auto task = f.poll();
    THEN("the task is a new one, with real events") {
      CHECK(task.poll.attempt() == 1);
      CHECK(f.types()
            == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED",
                     "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_SIGNALED",
                     "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"});
    }
  }
  WHEN("a signal comes while the second attempt runs") {
    auto second = f.poll();
    f.signal("while");
    CHECK(f.types().size() == 4);
    f.fail(second);
    THEN("it is flushed and the next task is a first attempt") {
      CHECK(f.types()[4] == "WORKFLOW_EXECUTION_SIGNALED");
      CHECK(f.types()[5] == "WORKFLOW_TASK_SCHEDULED");
      CHECK(f.poll().poll.attempt() == 1);
    }
  }
}

SCENARIO("repeated attempts get more time") {
  engine_fixture f;
  f.start();
  std::vector<std::int64_t> seconds;
  for (int i = 0; i < 5; ++i) {
    f.fail(f.poll());
    seconds.push_back(f.state().workflow_task().start_to_close_timeout().seconds());
  }
  CHECK(seconds == std::vector<std::int64_t>{10, 10, 15, 20, 30});
  THEN("five problems in a row are reported, until a task completes") {
    CHECK(f.state().search_attributes().contains("TemporalReportedProblems"));
    f.complete(f.poll());
    CHECK_FALSE(f.state().search_attributes().contains("TemporalReportedProblems"));
  }
}

SCENARIO("events that come while a task runs wait for its end") {
  engine_fixture f;
  f.start();
  auto task = f.poll();
  f.signal("one");
  f.signal("two");
  CHECK(f.types().size() == 3);
  WHEN("the task completes") {
    f.complete(task, {f.timer("t", 50s)});
    THEN("they stand behind its commands and a new task follows") {
      CHECK(f.types()
            == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED",
                     "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED", "TIMER_STARTED",
                     "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_EXECUTION_SIGNALED",
                     "WORKFLOW_TASK_SCHEDULED"});
      CHECK(f.state().signal_count() == 2);
    }
  }
  WHEN("the task wants to close the run") {
    auto refused = f.complete(task, {f.done()});
    THEN("the close is refused and the workflow sees them first") {
      REQUIRE(refused.answer.failure);
      CHECK(refused.answer.failure->code == errc::invalid_argument);
      CHECK(refused.answer.failure->message == "UnhandledCommand");
      CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
      CHECK(f.types()[3] == "WORKFLOW_TASK_FAILED");
      f.signal("before the next task");
      auto next = f.poll();
      auto busy = f.signal("while the next task runs");
      REQUIRE(busy.answer.failure);
      CHECK(busy.answer.failure->code == errc::resource_exhausted);
      CHECK_FALSE(f.complete(next, {f.done()}).answer.failure);
    }
  }
  WHEN("more come than the buffer takes") {
    for (std::size_t i = 2; i <= f.bounds.buffered_events_max; ++i)
      f.signal("more");
    THEN("the task has to give way") {
      CHECK(f.types()[3] == "WORKFLOW_TASK_FAILED");
      CHECK(f.state().buffered_events_size() == 0);
      CHECK(f.state().signal_count() == 101);
      CHECK(f.complete(task).answer.failure->message == "Workflow task not found.");
    }
  }
  WHEN("the run is terminated") {
    f.terminate("enough");
    THEN("nothing that came is lost") {
      CHECK(f.types()[3] == "WORKFLOW_TASK_FAILED");
      CHECK(f.types()[5] == "WORKFLOW_EXECUTION_SIGNALED");
      CHECK(f.types().back() == "WORKFLOW_EXECUTION_TERMINATED");
    }
  }
}

SCENARIO("a bad command throws the whole completion away") {
  engine_fixture f;
  f.start();
  auto task = f.poll();
  auto refused = f.complete(task, {f.timer("t", 5s), f.timer("", 5s)});
  CHECK(refused.answer.failure->message
        == "BadStartTimerAttributes: TimerId is not set on StartTimerCommand.");
  CHECK(f.types().back() == "WORKFLOW_TASK_FAILED");
  CHECK(f.state().timers().empty());
  WHEN("a later attempt sends one too") {
    auto second = f.poll();
    auto again = f.complete(second, {f.timer("", 5s)});
    THEN("nothing is written and the task still runs") {
      CHECK(again.written.empty());
      CHECK_FALSE(f.complete(second, {f.done()}).answer.failure);
    }
  }
}

SCENARIO("a completion that makes no sense as a whole changes nothing") {
  engine_fixture f;
  f.start();
  auto task = f.poll();
  auto refused = f.complete(task, {f.done(), f.timer("t", 5s)});
  CHECK(refused.answer.failure->message
        == "invalid command sequence: [CompleteWorkflowExecution, StartTimer], command "
           "CompleteWorkflowExecution must be the last command.");
  CHECK(refused.written.empty());
  command unknown;
  unknown.set_command_type(static_cast<enums::CommandType>(99));
  CHECK(f.complete(task, {unknown}).answer.failure->message == "unknown command type: 99");
  unknown.set_command_type(enums::COMMAND_TYPE_UNSPECIFIED);
  CHECK(f.complete(task, {unknown}).answer.failure->message == "unknown command type: Unspecified");
}

SCENARIO("an oversized result ends the workflow") {
  engine_fixture f;
  f.start();
  auto refused = f.complete(f.poll(), {f.done(std::string(3U << 20, 'x'))});
  CHECK(refused.answer.failure->message
        == "BadScheduleActivityAttributes: CompleteWorkflowExecutionCommandAttributes.Result "
           "exceeds size limit.");
  CHECK(f.types()[3] == "WORKFLOW_TASK_FAILED");
  CHECK(f.types()[4] == "WORKFLOW_EXECUTION_TERMINATED");
}

SCENARIO("of a worker's failure that is too large a part is kept") {
  engine_fixture f;
  f.start();
  auto task = f.poll();
  cluster::ExecutionRequest request;
  *request.mutable_token() = task.token();
  request.set_run_id(task.token().run_id());
  auto& r = *request.mutable_fail_workflow_task();
  r.mutable_failure()->set_message(std::string(3U << 20, 'x'));
  CHECK_FALSE(f.apply(request).answer.failure);
  auto events = f.events_of(0);
  const auto& kept = events[3].workflow_task_failed_event_attributes().failure();
  CHECK(kept.message() == "Failure exceeds size limit.");
  CHECK(kept.server_failure_info().non_retryable());
  CHECK(kept.ByteSizeLong() < (1U << 20));
  CHECK_FALSE(kept.cause().message().empty());
}

SCENARIO("a new task is handed over with the answer") {
  engine_fixture f;
  f.start();
  auto request = f.completion(f.poll(), {f.timer("t", 50s)});
  request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
  request.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
  auto done = f.apply(request);
  REQUIRE(done.answer.history);
  CHECK(done.offers.empty());
  CHECK(done.answer.history->wrap_field == 1);
  auto task = f.task_of(*done.answer.history);
  CHECK(task.events.front().event_id() == 4);
  CHECK(task.poll.previous_started_event_id() == 3);
  CHECK_FALSE(f.complete(task, {f.done()}).answer.failure);
}

SCENARIO("heartbeats of a task have an end") {
  engine_fixture f;
  f.start();
  auto task = f.poll();
  auto heartbeat = [&] {
    auto request = f.completion(task, {});
    request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
    request.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
    return f.apply(request);
  };
  auto first = heartbeat();
  task = f.task_of(*first.answer.history);
  f.advance(31min);
  auto last = heartbeat();
  REQUIRE(last.answer.failure);
  CHECK(last.answer.failure->code == errc::not_found);
  CHECK(last.answer.failure->message == "workflow task heartbeat timeout");
  CHECK(f.types().back() == "WORKFLOW_TASK_TIMED_OUT");
}

SCENARIO("a task goes to the worker that knows the workflow") {
  engine_fixture f;
  f.start();
  auto request = f.completion(f.poll(), {});
  auto& sticky = *request.mutable_complete_workflow_task()->mutable_sticky_attributes();
  sticky.mutable_worker_task_queue()->set_name("sticky");
  *sticky.mutable_schedule_to_start_timeout() = engine::to_proto(5s);
  f.apply(request);
  f.signal("s");
  auto offer = *f.offered();
  CHECK(offer.task_queue() == "sticky");
  CHECK(offer.sticky());
  WHEN("it takes it") {
    auto task = f.poll();
    THEN("only new events come along") {
      CHECK(task.events.front().event_id() == 4);
    }
    AND_WHEN("it fails the task") {
      f.fail(task);
      THEN("the normal queue gets it as a first attempt") {
        CHECK(f.offered()->task_queue() == "tq");
        CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
        CHECK(f.poll().events.front().event_id() == 1);
      }
    }
  }
  WHEN("it does not take it in time") {
    CHECK(engine::next_deadline(f.state()) == f.now + 5s);
    f.wake_after(5s);
    THEN("the normal queue gets it") {
      CHECK(f.types()[6] == "WORKFLOW_TASK_TIMED_OUT");
      CHECK(f.offered()->task_queue() == "tq");
      CHECK(f.poll().poll.attempt() == 1);
    }
  }
  WHEN("its queue has no worker") {
    cluster::ExecutionRequest reoffer;
    reoffer.mutable_reoffer()->set_sticky_unavailable(true);
    reoffer.mutable_reoffer()->set_task_queue("sticky");
    f.apply(reoffer);
    THEN("the normal queue gets the same task with the whole history") {
      CHECK(f.offered()->task_queue() == "tq");
      auto task = f.poll();
      CHECK(task.events.front().event_id() == 1);
      CHECK(task.poll.started_event_id() == 7);
      CHECK(engine::next_deadline(f.state()) == f.now + 10s);
    }
    AND_WHEN("nobody takes it there") {
      CHECK(engine::next_deadline(f.state()) == f.now + 5s);
      f.wake_after(5s);
      THEN("the history tells, and the next task waits without end") {
        CHECK(f.types()[6] == "WORKFLOW_TASK_TIMED_OUT");
        CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
        CHECK(f.offered()->task_queue() == "tq");
        CHECK_FALSE(engine::workflow_task_deadline(f.state()));
        CHECK(f.poll().poll.attempt() == 1);
      }
    }
  }
  WHEN("stickiness is reset") {
    cluster::ExecutionRequest reset;
    reset.mutable_reset_sticky();
    f.apply(reset);
    THEN("the sticky offer is obsolete") {
      CHECK(f.take_task(offer).obsolete_task);
      CHECK_FALSE(f.poll().poll.task_token().empty());
    }
    AND_WHEN("nobody takes it from the normal queue") {
      f.wake_after(5s);
      THEN("the history tells") {
        CHECK(f.types()[6] == "WORKFLOW_TASK_TIMED_OUT");
        CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
        CHECK_FALSE(engine::workflow_task_deadline(f.state()));
      }
    }
  }
}

SCENARIO("a task that is not answered in time is tried again") {
  engine_fixture f;
  f.start();
  f.poll();
  CHECK(engine::next_deadline(f.state()) == f.now + 10s);
  CHECK(f.wake_after(9s).written.empty());
  f.wake_after(1s);
  CHECK(f.types().back() == "WORKFLOW_TASK_TIMED_OUT");
  auto second = f.poll();
  CHECK(second.poll.attempt() == 2);
  f.wake_after(10s);
  CHECK(f.types().size() == 4);
  CHECK(f.poll().poll.attempt() == 3);
}

} // namespace reprise::testing
