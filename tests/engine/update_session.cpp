// Callers of updates: what they wait for, what ends their waiting, and what they hear then.
#include "protocol/multi_operation.hpp"
#include "tests/support/update_fixture.hpp"

namespace reprise::testing {

namespace {

std::string failure_type(const update::Outcome& outcome) {
  return outcome.failure().application_failure_info().type();
}

std::string result_of(const update::Outcome& outcome) {
  REQUIRE(outcome.has_success());
  return outcome.success().payloads(0).data();
}

engine::step wake(update_fixture& f, duration d) {
  return f.wake_after(d);
}

} // namespace

SCENARIO("each wait stage of an update is answered when it is reached") {
  update_fixture f;
  f.start();
  auto for_acceptance = f.send("u1", accepted);
  auto for_result = f.send("u1", completed);
  auto unsaid = f.send("u1", {});
  CHECK(f.waiting.size() == 3);
  auto now = f.poll_update("u1", {});
  CHECK(f.polled(now).stage() == admitted);
  CHECK_FALSE(f.polled(now).has_outcome());
  auto task = f.poll();
  REQUIRE(task.poll.messages_size() == 1);
  CHECK(task.poll.messages(0).id() == "u1/request");
  CHECK(task.poll.messages(0).event_id() == task.poll.started_event_id() - 1);
  CHECK(f.polled(f.poll_update("u1", admitted)).stage() == admitted);

  f.respond(task, {f.acceptance(task.poll.messages(0))}, {f.timer("t", 1s)});
  CHECK(f.response(for_acceptance).stage() == accepted);
  CHECK_FALSE(f.response(for_acceptance).has_outcome());
  CHECK(f.response(for_acceptance).link().workflow_event().request_id_ref().event_type()
        == enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED);
  CHECK(f.waits(for_result));
  CHECK(f.waits(unsaid));
  CHECK(f.polled(f.poll_update("u1", accepted)).stage() == accepted);
  auto poll = f.poll_update("u1", completed);
  CHECK(f.waits(poll));

  wake(f, 1s);
  f.respond(f.poll(), {f.result()});
  for (auto c : {for_result, unsaid}) {
    CHECK(f.response(c).stage() == completed);
    CHECK(result_of(f.response(c).outcome()) == "\"result\"");
  }
  CHECK(result_of(f.polled(poll).outcome()) == "\"result\"");
  THEN("whoever comes later reads the outcome, also behind the close") {
    CHECK(result_of(f.response(f.send("u1", accepted)).outcome()) == "\"result\"");
    f.terminate();
    CHECK(result_of(f.response(f.send("u1", completed)).outcome()) == "\"result\"");
    auto late = f.polled(f.poll_update("u1", completed));
    CHECK(late.stage() == completed);
    CHECK(late.update_ref().workflow_execution().run_id() == f.state().created().run_id());
  }
  THEN("a caller of the acceptance hears the result when both came with one task") {
    auto both = f.send("u2", accepted);
    auto next = f.poll();
    f.respond(next, {f.acceptance(next.poll.messages(0)), f.result("u2")});
    CHECK(f.response(both).stage() == completed);
    CHECK(result_of(f.response(both).outcome()) == "\"result\"");
  }
}

SCENARIO("whoever waits for a stage that there is not waits for nothing") {
  update_fixture f;
  f.start();
  constexpr auto odd = static_cast<stage_wanted>(7);
  CHECK(f.response(f.send("u1", odd)).stage() == admitted);
  CHECK(f.polled(f.poll_update("u1", odd)).stage() == admitted);
}

SCENARIO("an update that is sent again is the one that there is") {
  update_fixture f;
  f.idle();
  auto first = f.send();
  auto second = f.send();
  CHECK(f.offers.size() == 1);
  auto task = f.poll();
  CHECK(task.poll.messages_size() == 1);
  auto third = f.send();
  f.respond(task, {f.acceptance(task.poll.messages(0)), f.result()});
  for (auto c : {first, second, third})
    CHECK(f.response(c).stage() == completed);
  CHECK(f.state().updates().size() == 1);
  CHECK(f.offers.empty());
}

SCENARIO("a caller that has waited long enough is told how far its update has come") {
  update_fixture f;
  f.start();
  auto waits_for_worker = f.send("u1", accepted);
  auto poll = f.poll_update("u1", completed);
  wake(f, 19s);
  CHECK(f.waits(waits_for_worker));
  wake(f, 1s);
  CHECK(f.response(waits_for_worker).stage() == admitted);
  CHECK_FALSE(f.response(waits_for_worker).has_link());
  CHECK(f.polled(poll).stage() == admitted);
  auto task = f.poll();
  f.respond(task, {f.acceptance(task.poll.messages(0))});
  auto for_result = f.send("u1", completed);
  wake(f, 20s);
  CHECK(f.response(for_result).stage() == accepted);
  CHECK_FALSE(f.response(for_result).has_outcome());
  THEN("and may come back") {
    CHECK(f.waits(f.poll_update("u1", completed)));
  }
}

SCENARIO("whoever waits is told of the run that it waits at, whichever run is woken") {
  update_fixture f;
  f.start();
  f.terminate();
  const auto older = f.state().created().run_id();
  f.start();
  const auto current = f.state().created().run_id();
  auto for_acceptance = f.send("u1", accepted);
  auto for_result = f.send("u2", completed);
  auto wake_older = [&] {
    cluster::ExecutionRequest request;
    request.set_run_id(older);
    request.mutable_wake();
    f.ask(std::move(request));
  };
  auto run_told = [&](update_fixture::caller c) {
    return f.response(c).update_ref().workflow_execution().run_id();
  };
  f.advance(20s);
  wake_older();
  CHECK(f.waits(for_acceptance));
  CHECK(f.waits(for_result));
  // Whoever wakes for them still has to.
  REQUIRE(f.session->next_deadline());
  CHECK(*f.session->next_deadline() <= f.now);
  wake(f, 0s);
  CHECK(run_told(for_acceptance) == current);
  CHECK(run_told(for_result) == current);
}

SCENARIO("a caller who is gone takes nobody's update along") {
  update_fixture f;
  f.start();
  auto gone = f.send();
  f.session->drop(gone);
  f.waiting.erase(gone);
  auto task = f.poll();
  REQUIRE(task.poll.messages_size() == 1);
  f.respond(task, {f.acceptance(task.poll.messages(0)), f.result()});
  CHECK_FALSE(f.told.contains(gone));
  CHECK(f.polled(f.poll_update()).stage() == completed);
}

SCENARIO("updates and polls of what is not there are refused") {
  update_fixture f;
  CHECK(f.refusal(f.send()).message == "workflow not found for ID: wf");
  f.start();
  CHECK(f.refusal(f.poll_update("nope")).message == "update \"nope\" not found");
  cluster::ExecutionRequest request;
  *request.mutable_update() = f.update_of("u1", completed);
  request.mutable_update()->set_first_execution_run_id("another");
  CHECK(f.ask(request).reply.now.failure->message == "workflow execution not found");
  f.terminate();
  CHECK(f.refusal(f.send()).message == "workflow execution already completed");
  CHECK(f.refusal(f.poll_update()).message == "update \"u1\" not found");
}

SCENARIO("a run has so many updates at a time, and so many in all") {
  update_fixture f;
  f.bounds.updates_in_flight_max = 3;
  f.bounds.updates_max = 5;
  f.start();
  auto one = f.send("u1");
  f.send("u2", accepted);
  f.send("u3", accepted);
  auto refused = f.refusal(f.send("u4"));
  CHECK(refused.code == errc::resource_exhausted);
  CHECK(refused.message == "limit on number of concurrent in-flight updates has been reached (3)");
  details::ResourceExhaustedFailure detail;
  REQUIRE(detail.ParseFromString(refused.detail));
  CHECK(detail.cause() == enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT);
  CHECK(detail.scope() == enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  CHECK(f.waits(f.send("u1")));
  auto task = f.poll();
  CHECK(task.poll.messages_size() == 3);
  f.respond(task, {f.acceptance(task.poll.messages(0)), f.acceptance(task.poll.messages(1)),
                   f.acceptance(task.poll.messages(2))});
  CHECK(f.refusal(f.send("u4")).code == errc::resource_exhausted);
  f.signal("s");
  f.respond(f.poll(), {f.result("u1"), f.result("u2"), f.result("u3")});
  CHECK(f.response(one).stage() == completed);
  CHECK(f.waits(f.send("u4")));
  CHECK(f.waits(f.send("u5")));
  auto full = f.refusal(f.send("u6"));
  CHECK(full.code == errc::failed_precondition);
  CHECK(full.message.starts_with("The limit on the total number of distinct updates in this "
                                 "workflow has been reached (5). Make sure any duplicate"));
}

SCENARIO("what updates bring is bounded, too") {
  update_fixture f;
  f.bounds.update_bytes_max = 200;
  f.start();
  for (int i = 0; i < 9; ++i)
    f.send("u" + std::to_string(i));
  CHECK(f.waiting.size() < 9);
  CHECK(f.waiting.size() > 1);
  CHECK(f.refusal(f.send("more")).message
        == "limit on total payload size of in-flight updates has been reached (200 bytes)");
}

SCENARIO("a run that has had nine tenths of its updates is told to continue as new") {
  update_fixture f;
  f.bounds.suggest_continue_updates = 2;
  f.start();
  f.send("u1");
  f.send("u2");
  auto task = f.poll();
  const auto& a = task.events.back().workflow_task_started_event_attributes();
  CHECK(a.suggest_continue_as_new());
  REQUIRE(a.suggest_continue_as_new_reasons_size() == 1);
  CHECK(a.suggest_continue_as_new_reasons(0)
        == enums::SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES);
}

// -- what ends an update before its worker does
// -------------------------------------------------------------------------------------------

SCENARIO("a run that closes ends its updates") {
  update_fixture f;
  f.start();
  auto held = f.send("held");
  auto task = f.poll();
  auto kept = f.answer_to(task, {f.acceptance(task.poll.messages(0))});
  kept.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
  f.apply(kept);
  task = f.poll();
  auto free = f.send("free");
  auto poll = f.poll_update("free", completed);
  auto heard = [&](errc code, const std::string& text) {
    CHECK(f.refusal(free).code == code);
    CHECK(f.refusal(free).message == text);
    CHECK(f.refusal(poll).message == text);
    CHECK(failure_type(f.response(held).outcome()) == "AcceptedUpdateCompletedWorkflow");
    CHECK(f.response(held).link().workflow().reason() == "Update rejected");
    CHECK(f.waiting.empty());
  };
  const std::string closing = "workflow operation can not be applied because workflow is closing";
  WHEN("it completes") {
    f.complete(task, {f.done()});
    heard(errc::not_found, "workflow update was aborted by closing workflow");
    CHECK(failure_type(f.response(f.send("held")).outcome()) == "AcceptedUpdateCompletedWorkflow");
    CHECK(failure_type(f.polled(f.poll_update("held", completed)).outcome())
          == "AcceptedUpdateCompletedWorkflow");
    const std::string aborted = "workflow update was aborted by closing workflow";
    CHECK(f.refusal(f.poll_update("free")).message == aborted);
    CHECK(f.refusal(f.send("free")).message == aborted);
    CHECK(f.refusal(f.poll_update("stranger")).message == "update \"stranger\" not found");
  }
  WHEN("it is terminated") {
    f.terminate();
    heard(errc::not_found, "workflow update was aborted by closing workflow");
  }
  WHEN("its time is over") {
    f.advance(100s);
    wake(f, 0s);
    heard(errc::not_found, "workflow update was aborted by closing workflow");
  }
  WHEN("it continues as new") {
    f.complete(task, {f.continue_as_new()});
    heard(errc::resource_exhausted, closing);
    CHECK(f.waits(f.send("free")));
    auto late = f.send("late", completed, f.runs[0].state.created().run_id());
    CHECK(f.refusal(late).message == "workflow execution already completed");
  }
  WHEN("what its worker says besides is too late") {
    f.respond(task, {f.result("held")}, {f.done()});
    heard(errc::not_found, "workflow update was aborted by closing workflow");
  }
  WHEN("what is too late would be refused in time") {
    auto done = f.respond(task,
                          {f.message("a", "free", update::Acceptance{}), f.result("free"),
                           f.message("b", "held", update::Outcome{})},
                          {f.done()});
    CHECK_FALSE(done.answer.failure);
    heard(errc::not_found, "workflow update was aborted by closing workflow");
  }
}

SCENARIO("a run that is tried again asks for its updates once more") {
  update_fixture f;
  auto r = f.start_request();
  r.mutable_retry_policy()->set_maximum_attempts(3);
  f.start(r);
  auto free = f.send("free");
  f.complete(f.poll(), {f.fail_workflow("no")});
  CHECK(f.refusal(free).message
        == "workflow operation can not be applied because workflow is closing");
}

SCENARIO("a task that fails by its answer fails the updates that it brought") {
  update_fixture f;
  f.start();
  auto sent = f.send("sent");
  auto task = f.poll();
  auto later = f.send("later");
  WHEN("the worker answers what is no answer") {
    auto stranger = f.result("sent");
    auto done = f.respond(task, {stranger});
    CHECK(done.answer.failure->message
          == "BadUpdateWorkflowExecutionMessage: invalid state transition attempted for Update "
             "sent: received *update.Response message while in state Sent");
    CHECK(f.types().back() == "WORKFLOW_TASK_FAILED");
  }
  WHEN("a command is bad") {
    f.complete(task, {f.cancel_timer("none")});
  }
  WHEN("a command is so bad that it ends the run") {
    f.complete(task, {f.done(std::string(3U << 20, 'x'))});
    CHECK_FALSE(engine::is_open(f.state()));
    CHECK(f.refusal(sent).detail_type == "temporal.api.errordetails.v1.WorkflowNotReadyFailure");
    CHECK(f.refusal(later).code == errc::not_found);
    return;
  }
  CHECK(f.refusal(sent).code == errc::failed_precondition);
  CHECK(f.refusal(sent).message
        == "Unable to perform workflow execution update due to unexpected workflow task failure.");
  CHECK(f.refusal(sent).detail_type == "temporal.api.errordetails.v1.WorkflowNotReadyFailure");
  CHECK(f.waits(later));
  auto next = f.poll();
  CHECK(next.poll.attempt() == 2);
  REQUIRE(next.poll.messages_size() == 1);
  CHECK(next.poll.messages(0).protocol_instance_id() == "later");
}

SCENARIO("a task that its worker fails, or loses, brings its updates again") {
  update_fixture f;
  f.start();
  auto sent = f.send();
  auto task = f.poll();
  WHEN("it fails the task") {
    f.fail(task);
  }
  WHEN("it never answers") {
    wake(f, 10s);
  }
  WHEN("it never got it") {
    cluster::ExecutionRequest request;
    *request.mutable_token() = task.token();
    request.set_run_id(task.token().run_id());
    request.mutable_take_back();
    f.ask(request);
  }
  CHECK(f.waits(sent));
  auto again = f.poll();
  REQUIRE(again.poll.messages_size() == 1);
  f.respond(again, {f.acceptance(again.poll.messages(0)), f.result()});
  CHECK(f.response(sent).stage() == completed);
}

SCENARIO("a worker that keeps its task alive is not asked twice") {
  update_fixture f;
  f.start();
  auto sent = f.send();
  auto task = f.poll();
  REQUIRE(task.poll.messages_size() == 1);
  auto alive = f.completion(task, {});
  alive.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
  alive.mutable_complete_workflow_task()->set_return_new_workflow_task(true);
  f.advance(1s);
  auto done = f.apply(alive);
  CHECK(f.waits(sent));
  REQUIRE(done.answer.history);
  auto next = f.task_of(*done.answer.history);
  CHECK(next.poll.messages().empty());
  f.respond(next, {f.acceptance(task.poll.messages(0)), f.result()});
  CHECK(f.response(sent).stage() == completed);
}

SCENARIO("a worker that goes on with its task may answer later, whatever else it said") {
  update_fixture f;
  f.start();
  auto one = f.send("u1");
  auto two = f.send("u2");
  auto task = f.poll();
  auto request = f.answer_to(task, {f.acceptance(task.poll.messages(0)), f.result("u1")},
                             {f.timer("far", 50s)});
  request.mutable_complete_workflow_task()->set_force_create_new_workflow_task(true);
  f.apply(request);
  CHECK(f.response(one).stage() == completed);
  CHECK(f.waits(two));
  // Whoever polls for the next task may be another worker.
  auto next = f.poll();
  REQUIRE(next.poll.messages_size() == 1);
  CHECK(next.poll.messages(0).id() == "u2/request");
  f.respond(next, {f.acceptance(next.poll.messages(0)), f.result("u2")});
  CHECK(f.response(two).stage() == completed);
}

SCENARIO("a run whose tasks keep failing takes no updates") {
  update_fixture f;
  f.start();
  for (int i = 0; i < 2; ++i)
    f.fail(f.poll());
  auto refused = f.refusal(f.send());
  CHECK(refused.code == errc::failed_precondition);
  CHECK(refused.message
        == "Unable to perform workflow execution update due to Workflow Task in failed state.");
}

SCENARIO(
  "a worker that cannot close its run for what has come has it kept free, until it has tried") {
  update_fixture f;
  f.start();
  auto task = f.poll();
  cluster::ExecutionRequest failed;
  *failed.mutable_token() = task.token();
  failed.set_run_id(task.token().run_id());
  failed.mutable_fail_workflow_task()->set_cause(
    enums::WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND);
  f.apply(failed);
  task = f.poll();
  const std::string closing = "workflow operation can not be applied because workflow is closing";
  CHECK(f.refusal(f.send("one")).message == closing);
  WHEN("the next task runs into its time-out") {
    f.wake_after(10s);
  }
  WHEN("the next task fails for another reason") {
    f.fail(task);
  }
  f.signal("something new");
  f.poll();
  CHECK(f.waits(f.send("two")));
}

SCENARIO("a run that was kept from closing takes no updates until it has tried again") {
  update_fixture f;
  f.start();
  auto task = f.poll();
  f.signal("s");
  f.complete(task, {f.done()});
  CHECK(f.waits(f.send("early")));
  f.poll();
  CHECK(f.refusal(f.send("late")).message
        == "workflow operation can not be applied because workflow is closing");
}

SCENARIO("updates of a run that is held back come with its first task") {
  update_fixture f;
  auto r = f.start_request();
  *r.mutable_workflow_start_delay() = engine::to_proto(5s);
  f.start(r);
  auto early = f.send();
  CHECK(f.waits(early));
  CHECK(f.offers.empty());
  wake(f, 5s);
  CHECK(f.poll().poll.messages_size() == 1);
}

// -- a session that is lost
// -------------------------------------------------------------------------------------------

SCENARIO("a session that is lost loses what no worker has accepted") {
  update_fixture f;
  f.start();
  f.send("kept");
  f.send("lost");
  auto task = f.poll();
  f.respond(task, {f.acceptance(task.poll.messages(0))}, {f.timer("t", 1s)});
  f.send("open");
  f.lose_session();
  CHECK(f.polled(f.poll_update("kept")).stage() == accepted);
  CHECK(f.refusal(f.poll_update("open")).code == errc::not_found);
  auto again = f.send("kept");
  CHECK(f.waits(again));
  wake(f, 1s);
  auto next = f.poll();
  CHECK(next.poll.messages().empty());
  f.respond(next, {f.result("kept")});
  CHECK(f.response(again).stage() == completed);
}

SCENARIO("a worker may answer what a former life of the actor sent") {
  update_fixture f;
  f.start();
  f.send();
  auto task = f.poll();
  f.lose_session();
  WHEN("nobody asked again yet: the worker brings the update along") {
    f.respond(task, {f.acceptance(task.poll.messages(0))});
    CHECK(f.state().updates().at("u1").accepted_event_id() == 5);
    CHECK(f.events_of(0)
            .back()
            .workflow_execution_update_accepted_event_attributes()
            .accepted_request()
            .input()
            .name()
          == "upd");
  }
  WHEN("its caller did") {
    auto again = f.send("u1", accepted);
    f.respond(task, {f.acceptance(task.poll.messages(0))});
    CHECK(f.response(again).stage() == accepted);
  }
  WHEN("it rejects it") {
    auto again = f.send();
    f.respond(task, {f.rejection(task.poll.messages(0))});
    CHECK(f.response(again).outcome().failure().message() == "no");
  }
  WHEN("it says nothing, the update comes with the next task") {
    auto again = f.send();
    f.respond(task, {});
    CHECK(f.waits(again));
    CHECK(f.poll().poll.messages_size() == 1);
  }
}

// -- admitted by an event
// -------------------------------------------------------------------------------------------

SCENARIO("an update that an event admitted needs no message") {
  update_fixture f;
  f.start();
  history_event event;
  event.set_event_id(3);
  event.set_task_id(3);
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED);
  auto& a = *event.mutable_workflow_execution_update_admitted_event_attributes();
  *a.mutable_request() = f.update_request("u1");
  engine::record row{.first_event_id = 3, .event_count = 1};
  api::history::v1::History history;
  *history.add_events() = event;
  row.events = history.SerializeAsString();
  auto& run = f.current();
  REQUIRE(engine::evolve(run.state, row));
  run.journal.push_back(row);
  run.one_row = engine::joined(std::move(run.one_row), row);
  CHECK(f.state().updates().at("u1").admitted_event_id() == 3);
  CHECK(f.polled(f.poll_update()).stage() == admitted);
  auto waits = f.send();
  auto task = f.poll();
  CHECK(task.poll.messages().empty());
  Message asked;
  asked.set_id("u1/request");
  asked.set_protocol_instance_id("u1");
  asked.set_event_id(3);
  WHEN("a worker accepts it, the event has no request") {
    f.respond(task, {f.acceptance(asked), f.result()});
    CHECK(f.response(waits).stage() == completed);
    auto accepted_event = f.events_of(0)[5];
    CHECK_FALSE(
      accepted_event.workflow_execution_update_accepted_event_attributes().has_accepted_request());
  }
  WHEN("a worker rejects it, it is known no more") {
    f.respond(task, {f.rejection(asked)});
    CHECK(f.response(waits).outcome().failure().message() == "no");
    CHECK(f.refusal(f.poll_update()).code == errc::not_found);
  }
}

} // namespace reprise::testing
