// Workflow tasks that are written nowhere: dropped without a trace, or written down by whatever
// else happens.
#include "tests/support/update_fixture.hpp"

namespace reprise::testing {

namespace {

const names quiet_types{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED",
                        "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"};

names with(names types, const names& more) {
  types.insert(types.end(), more.begin(), more.end());
  return types;
}

service::RespondWorkflowTaskCompletedResponse response_of(const engine::step& done) {
  service::RespondWorkflowTaskCompletedResponse out;
  REQUIRE_FALSE(done.answer.failure);
  REQUIRE(out.ParseFromString(done.answer.response));
  return out;
}

std::vector<std::int64_t> ids_of(const worker_task& task) {
  std::vector<std::int64_t> out;
  for (const auto& event : task.events)
    out.push_back(event.event_id());
  return out;
}

} // namespace

SCENARIO("a task that only rejected updates has never been") {
  update_fixture f;
  f.idle();
  for (int turn = 0; turn < 2; ++turn) {
    auto sent = f.send();
    CHECK(f.types() == quiet_types);
    REQUIRE(f.offers.size() == 1);
    CHECK(f.offers[0].speculative());
    auto task = f.poll();
    CHECK(f.types() == quiet_types);
    CHECK(ids_of(task) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
    CHECK(task.poll.started_event_id() == 6);
    CHECK(task.poll.previous_started_event_id() == 3);
    CHECK(task.poll.messages(0).event_id() == 5);
    auto done = f.respond(task, {f.rejection(task.poll.messages(0), "not today")});
    CHECK(done.written.empty());
    CHECK(response_of(done).reset_history_event_id() == 3);
    CHECK(f.types() == quiet_types);
    auto heard = f.response(sent);
    CHECK(heard.stage() == completed);
    CHECK(heard.outcome().failure().message() == "not today");
    CHECK(heard.link().workflow().reason() == "Update rejected");
    CHECK(f.refusal(f.poll_update()).message == "update \"u1\" not found");
    CHECK(f.respond(task, {}).answer.failure->code == errc::not_found);
  }
}

SCENARIO("an update that a worker says nothing about is rejected") {
  update_fixture f;
  f.idle();
  auto sent = f.send();
  auto done = f.complete(f.poll());
  CHECK(response_of(done).reset_history_event_id() == 3);
  auto heard = f.response(sent);
  CHECK(heard.outcome().failure().application_failure_info().type() == "UnprocessedUpdate");
  CHECK(heard.outcome().failure().application_failure_info().non_retryable());
  CHECK(f.types() == quiet_types);
}

SCENARIO("an accepted update writes its task down") {
  update_fixture f;
  f.idle({f.timer("far", 50s)});
  auto sent = f.send();
  auto task = f.poll();
  f.advance(1s);
  auto done = f.respond(task, {f.acceptance(task.poll.messages(0)), f.result()});
  CHECK(response_of(done).reset_history_event_id() == 0);
  CHECK(f.types()
        == with(quiet_types, {"TIMER_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED",
                              "WORKFLOW_TASK_COMPLETED", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
                              "WORKFLOW_EXECUTION_UPDATE_COMPLETED"}));
  auto events = f.events_of(0);
  CHECK(events[5].SerializeAsString().size() > 0);
  CHECK(events[6].event_time().seconds() == task.events.back().event_time().seconds());
  CHECK(events[6].workflow_task_started_event_attributes().request_id()
        == task.events.back().workflow_task_started_event_attributes().request_id());
  CHECK(events[9].workflow_execution_update_completed_event_attributes().accepted_event_id() == 9);
  CHECK(f.response(sent).stage() == completed);
}

SCENARIO("a rejecting task stays when its worker cannot take the events before it twice") {
  update_fixture f;
  auto count = 1;
  WHEN("there is one") {
  }
  WHEN("there are as many as are given twice") {
    count = 10;
  }
  WHEN("there are too many even for a worker that can") {
    count = 11;
  }
  std::vector<command> timers;
  for (int i = 0; i < count; ++i)
    timers.push_back(f.timer("t" + std::to_string(i), 50s));
  f.idle(timers);
  auto before = f.types();
  f.send();
  auto task = f.poll();
  auto request = f.answer_to(task, {f.rejection(task.poll.messages(0))});
  request.mutable_complete_workflow_task()
    ->mutable_capabilities()
    ->set_discard_speculative_workflow_task_with_events(true);
  auto with_capability = f.apply(request);
  CHECK(response_of(with_capability).reset_history_event_id() == (count <= 10 ? 3 : 0));
  if (count > 10) {
    CHECK(f.types()
          == with(before,
                  {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"}));
    return;
  }
  CHECK(f.types() == before);
  f.send();
  task = f.poll();
  f.respond(task, {f.rejection(task.poll.messages(0))});
  CHECK(f.types()
        == with(before,
                {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"}));
}

SCENARIO("whatever is written of a run writes its speculative task down first") {
  update_fixture f;
  f.idle();
  f.send();
  WHEN("no worker has it") {
    f.signal("s");
    CHECK(f.types()
          == with(quiet_types, {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_EXECUTION_SIGNALED"}));
    auto task = f.poll();
    CHECK(ids_of(task) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7});
    CHECK(task.poll.messages(0).event_id() == 6);
    auto done = f.respond(task, {f.rejection(task.poll.messages(0))});
    CHECK(response_of(done).reset_history_event_id() == 0);
    CHECK(f.types().back() == "WORKFLOW_TASK_COMPLETED");
  }
  WHEN("a worker has it, and its token stays good") {
    auto task = f.poll();
    f.signal("s");
    CHECK(f.types() == with(quiet_types, {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"}));
    CHECK(f.state().buffered_events_size() == 1);
    f.respond(task, {f.rejection(task.poll.messages(0))});
    CHECK(f.types()
          == with(quiet_types,
                  {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED",
                   "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"}));
  }
  WHEN("the write is none") {
    f.signal("s", "once");
    f.complete(f.poll());
    auto before = f.types();
    f.offers.clear();
    auto sent = f.send("u2");
    CHECK(f.signal("s", "once").written.empty());
    CHECK(f.types() == before);
    CHECK(f.waits(sent));
  }
  WHEN("it is read") {
    cluster::ExecutionRequest request;
    request.mutable_describe();
    service::DescribeWorkflowExecutionResponse out;
    REQUIRE(out.ParseFromString(f.ask(request).reply.now.response));
    CHECK(out.pending_workflow_task().state() == enums::PENDING_WORKFLOW_TASK_STATE_SCHEDULED);
    CHECK(f.types() == quiet_types);
    f.poll();
    REQUIRE(out.ParseFromString(f.ask(request).reply.now.response));
    CHECK(out.pending_workflow_task().state() == enums::PENDING_WORKFLOW_TASK_STATE_STARTED);
    CHECK(f.types() == quiet_types);
  }
  WHEN("the run ends, and no worker has it, there is nothing to tell") {
    f.terminate();
    CHECK(f.types() == with(quiet_types, {"WORKFLOW_EXECUTION_TERMINATED"}));
    CHECK(f.session->next_deadline() == std::nullopt);
  }
  WHEN("the run ends while a worker has it") {
    f.poll();
    f.terminate();
    CHECK(f.types()
          == with(quiet_types, {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED",
                                "WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_TERMINATED"}));
  }
}

SCENARIO(
  "histories show the events of a speculative task, but for those who could not place them") {
  update_fixture f;
  f.idle();
  f.send();
  auto shown = [&](const std::string& client) {
    cluster::ExecutionRequest request;
    (*request.mutable_headers())["client-name"] = client;
    request.mutable_get_history()->mutable_forward();
    auto done = f.ask(request);
    REQUIRE(done.reply.page);
    api::history::v1::History out;
    REQUIRE(out.ParseFromString(done.reply.page->transient_events));
    return out.events_size();
  };
  CHECK(shown("temporal-go") == 1);
  CHECK(shown("temporal-ui") == 0);
  f.poll();
  CHECK(shown("temporal-go") == 2);
  CHECK(f.types() == quiet_types);
}

SCENARIO("a worker that reads its history in pages gets the events that were written meanwhile") {
  update_fixture f;
  f.idle();
  f.send();
  auto polled = f.apply([&] {
    cluster::ExecutionRequest request;
    *request.mutable_start_workflow_task()->mutable_task() = *f.offered();
    return request;
  }());
  REQUIRE(polled.answer.history);
  cluster::ExecutionRequest request;
  auto& token = *request.mutable_get_history()->mutable_token();
  token.set_run_id(f.state().created().run_id());
  token.set_next_event_id(3);
  token.set_end_event_id(polled.answer.history->last_event_id + 1);
  token.set_transient_attempt(polled.answer.history->transient_attempt);
  auto before = f.ask(request).reply.page;
  REQUIRE(before);
  CHECK(before->want.last == 4);
  CHECK_FALSE(before->transient_events.empty());
  f.signal("s");
  auto after = f.ask(request).reply.page;
  REQUIRE(after);
  CHECK(after->want.last == 6);
  CHECK(after->transient_events.empty());
}

SCENARIO("a speculative task that nobody takes becomes a task as any other") {
  update_fixture f;
  f.idle();
  auto sent = f.send();
  CHECK(*f.session->next_deadline() == f.now + 5s);
  CHECK(f.wake_after(4s).written.empty());
  f.wake_after(1s);
  CHECK(f.types()
        == with(quiet_types,
                {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_TIMED_OUT", "WORKFLOW_TASK_SCHEDULED"}));
  CHECK(f.events_of(0)[5].workflow_task_timed_out_event_attributes().timeout_type()
        == enums::TIMEOUT_TYPE_SCHEDULE_TO_START);
  auto task = f.poll();
  CHECK(task.poll.messages(0).event_id() == 7);
  f.respond(task, {f.acceptance(task.poll.messages(0)), f.result()});
  CHECK(f.response(sent).stage() == completed);
}

SCENARIO("a speculative task that its worker does not answer is tried again, as any other") {
  update_fixture f;
  f.idle();
  auto sent = f.send();
  auto task = f.poll();
  WHEN("it runs into its time-out") {
    f.wake_after(10s);
    CHECK(f.types().back() == "WORKFLOW_TASK_TIMED_OUT");
  }
  WHEN("it fails") {
    f.fail(task);
    CHECK(f.types().back() == "WORKFLOW_TASK_FAILED");
  }
  auto again = f.poll();
  CHECK(again.poll.attempt() == 2);
  CHECK(again.poll.messages_size() == 1);
  f.respond(again, {f.acceptance(again.poll.messages(0)), f.result()});
  CHECK(f.response(sent).stage() == completed);
}

SCENARIO("an answer that is refused as a whole has the updates asked for anew") {
  update_fixture f;
  f.idle();
  auto sent = f.send();
  auto task = f.poll();
  Message empty;
  empty.set_id("u1/accept");
  empty.set_protocol_instance_id("u1");
  auto done = f.respond(task, {empty});
  CHECK(done.answer.failure->message == "nil message body");
  CHECK(f.types() == quiet_types);
  auto again = f.poll();
  CHECK(again.poll.attempt() == 1);
  CHECK(again.poll.started_event_id() == 6);
  REQUIRE(again.poll.messages_size() == 1);
  CHECK(f.complete(task).answer.failure->code == errc::not_found);
  f.respond(again, {f.acceptance(again.poll.messages(0)), f.result()});
  CHECK(f.response(sent).stage() == completed);
}

SCENARIO("a bad message fails the speculative task that brought its update, in writing") {
  update_fixture f;
  f.idle();
  auto sent = f.send();
  auto task = f.poll();
  auto second = f.acceptance(task.poll.messages(0));
  second.set_id("second");
  auto done = f.respond(task, {f.acceptance(task.poll.messages(0)), second});
  CHECK(done.answer.failure->message
        == "BadUpdateWorkflowExecutionMessage: invalid state transition attempted for Update u1: "
           "received *update.Acceptance message while in state ProvisionallyAccepted");
  CHECK(f.types()
        == with(quiet_types,
                {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_FAILED"}));
  CHECK(f.refusal(sent).code == errc::failed_precondition);
  CHECK(f.state().updates().empty());
  auto next = f.poll();
  CHECK(next.poll.attempt() == 2);
  CHECK(next.poll.messages().empty());
}

SCENARIO("an update that comes while a task is at work comes with the answer to it") {
  update_fixture f;
  f.start();
  auto task = f.poll();
  auto sent = f.send();
  CHECK(f.offers.empty());
  auto request = f.completion(task, {});
  WHEN("the worker asks for more at once") {
    request.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
    auto done = f.apply(request);
    REQUIRE(done.answer.history);
    auto next = f.task_of(*done.answer.history);
    CHECK(next.poll.started_event_id() == 6);
    REQUIRE(next.poll.messages_size() == 1);
    CHECK(next.poll.messages(0).event_id() == 5);
    CHECK(ids_of(next) == std::vector<std::int64_t>{4, 5, 6});
    CHECK(
      response_of(f.respond(next, {f.rejection(next.poll.messages(0))})).reset_history_event_id()
      == 3);
    CHECK(f.types() == quiet_types);
  }
  WHEN("what it gets is written down while it is at work, its token stays good") {
    request.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
    auto done = f.apply(request);
    REQUIRE(done.answer.history);
    auto next = f.task_of(*done.answer.history);
    f.signal("s");
    CHECK(f.types() == with(quiet_types, {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"}));
    CHECK_FALSE(f.respond(next, {f.rejection(next.poll.messages(0))}).answer.failure);
    CHECK(f.response(sent).outcome().has_failure());
    return;
  }
  WHEN("one that it gave up is another than the next in its place") {
    request.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
    auto first = f.task_of(*f.apply(request).answer.history);
    f.respond(first, {f.rejection(first.poll.messages(0))});
    f.send("u2");
    auto second = f.poll();
    CHECK(second.poll.started_event_id() == first.poll.started_event_id());
    CHECK(second.token().start_id() != first.token().start_id());
    CHECK(f.respond(first, {}).answer.failure->code == errc::not_found);
    return;
  }
  WHEN("it does not, the task that follows is one as any other") {
    f.apply(request);
    CHECK(f.types() == with(quiet_types, {"WORKFLOW_TASK_SCHEDULED"}));
    auto next = f.poll();
    CHECK(next.poll.messages_size() == 1);
    f.respond(next, {f.rejection(next.poll.messages(0))});
    CHECK(f.types()
          == with(quiet_types,
                  {"WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"}));
  }
  CHECK(f.response(sent).outcome().has_failure());
}

SCENARIO("updates that came while a rejecting task was at work follow it") {
  update_fixture f;
  f.idle();
  f.send("u1");
  auto task = f.poll();
  auto second = f.send("u2");
  auto done = f.respond(task, {f.rejection(task.poll.messages(0))});
  CHECK(response_of(done).reset_history_event_id() == 3);
  CHECK(f.types() == with(quiet_types, {"WORKFLOW_TASK_SCHEDULED"}));
  auto next = f.poll();
  CHECK(next.poll.started_event_id() == 6);
  REQUIRE(next.poll.messages_size() == 1);
  f.respond(next, {f.acceptance(next.poll.messages(0)), f.result("u2")});
  CHECK(f.response(second).stage() == completed);
}

// -- queues
// -------------------------------------------------------------------------------------------

namespace {

/// An idle run with a sticky queue.
void sticky(update_fixture& f) {
  f.start();
  auto request = f.completion(f.poll(), {});
  auto& s = *request.mutable_complete_workflow_task()->mutable_sticky_attributes();
  s.mutable_worker_task_queue()->set_name("sticky");
  *s.mutable_schedule_to_start_timeout() = engine::to_proto(7s);
  f.apply(request);
  f.offers.clear();
}

} // namespace

SCENARIO("a speculative task goes to the worker that has the run") {
  update_fixture f;
  sticky(f);
  f.send();
  REQUIRE(f.offers.size() == 1);
  CHECK(f.offers[0].task_queue() == "sticky");
  CHECK(f.offers[0].sticky());
  CHECK(*f.session->next_deadline() == f.now + 7s);
  WHEN("which is there, it brings the new events only") {
    auto task = f.poll();
    CHECK(ids_of(task) == std::vector<std::int64_t>{4, 5, 6});
    CHECK(task.events[1].workflow_task_scheduled_event_attributes().task_queue().name()
          == "sticky");
  }
  WHEN("which is gone, it waits on the normal queue, still unwritten") {
    auto stale = f.offers[0];
    f.offers.clear();
    cluster::ExecutionRequest request;
    request.mutable_reoffer()->set_sticky_unavailable(true);
    request.mutable_reoffer()->set_task_queue("sticky");
    CHECK(f.apply(request).written.empty());
    REQUIRE(f.offers.size() == 1);
    CHECK(f.offers[0].task_queue() == "tq");
    // Its time goes on.
    CHECK(*f.session->next_deadline() == f.now + 7s);
    CHECK(f.take_task(stale).obsolete_task);
    auto task = f.poll();
    CHECK(ids_of(task) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
    f.respond(task, {f.rejection(task.poll.messages(0))});
    CHECK(f.types() == quiet_types);
    CHECK_FALSE(f.state().has_sticky());
  }
  WHEN("which is gone, and nobody comes to the normal queue either") {
    cluster::ExecutionRequest request;
    request.mutable_reoffer()->set_sticky_unavailable(true);
    request.mutable_reoffer()->set_task_queue("sticky");
    f.apply(request);
    f.wake_after(7s);
    auto types = f.types();
    REQUIRE(types.size() >= 2);
    CHECK(types[types.size() - 2] == "WORKFLOW_TASK_TIMED_OUT");
    CHECK(types.back() == "WORKFLOW_TASK_SCHEDULED");
    CHECK_FALSE(f.state().has_sticky());
  }
  WHEN("nobody comes in time, the run forgets the worker") {
    f.wake_after(7s);
    CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
    CHECK_FALSE(f.state().has_sticky());
    CHECK(f.offered()->task_queue() == "tq");
  }
}

SCENARIO("a task that leaves no trace tells all the same where its worker wants the next one") {
  update_fixture f;
  sticky(f);
  f.send();
  auto task = f.poll();
  auto request = f.answer_to(task, {f.rejection(task.poll.messages(0))});
  auto before = f.types();
  SUBCASE("nowhere of its own") {
    f.apply(request);
    CHECK_FALSE(f.state().has_sticky());
    f.signal("s");
    REQUIRE(f.offers.size() == 1);
    CHECK_FALSE(f.offers[0].sticky());
  }
  SUBCASE("on another queue") {
    auto& s = *request.mutable_complete_workflow_task()->mutable_sticky_attributes();
    s.mutable_worker_task_queue()->set_name("next");
    *s.mutable_schedule_to_start_timeout() = engine::to_proto(7s);
    f.apply(request);
    CHECK(f.types() == before);
    CHECK(f.state().sticky().task_queue().name() == "next");
  }
}

SCENARIO("a queue that lost its memory is offered the speculative task again") {
  update_fixture f;
  f.idle();
  f.send();
  f.offers.clear();
  cluster::ExecutionRequest request;
  request.mutable_reoffer()->set_queue_was_lost(true);
  WHEN("it is the one") {
    request.mutable_reoffer()->set_task_queue("tq");
    f.apply(request);
    CHECK(f.offers.size() == 1);
  }
  WHEN("it is another") {
    request.mutable_reoffer()->set_task_queue("other");
    f.apply(request);
    CHECK(f.offers.empty());
  }
  WHEN("a worker has it") {
    f.offers.clear();
    f.apply(request);
    f.poll();
    f.apply(request);
    CHECK(f.offers.empty());
  }
}

SCENARIO("a speculative task that its poller never got waits for another one") {
  update_fixture f;
  sticky(f);
  f.send();
  auto task = f.poll();
  cluster::ExecutionRequest request;
  *request.mutable_token() = task.token();
  request.set_run_id(task.token().run_id());
  request.mutable_take_back();
  CHECK(f.apply(request).written.empty());
  REQUIRE(f.offers.size() == 1);
  CHECK(f.offers[0].task_queue() == "tq");
  auto again = f.poll();
  CHECK(again.poll.messages_size() == 1);
  CHECK(again.poll.started_event_id() == 6);
  CHECK(f.complete(task).answer.failure->code == errc::not_found);
  CHECK(f.types() == quiet_types);
}

SCENARIO("a speculative task that was lost with its actor is nobody's") {
  update_fixture f;
  f.idle();
  f.send();
  auto lost = *f.offered();
  auto task = f.poll();
  f.lose_session();
  CHECK(f.take_task(lost).obsolete_task);
  CHECK(f.respond(task, {}).answer.failure->message == "Workflow task not found.");
  auto again = f.send();
  auto next = f.poll();
  CHECK(next.poll.task_token() != task.poll.task_token());
  CHECK(f.respond(task, {}).answer.failure->message == "Workflow task not found.");
  f.respond(next, {f.acceptance(next.poll.messages(0)), f.result()});
  CHECK(f.response(again).stage() == completed);
}

} // namespace reprise::testing
