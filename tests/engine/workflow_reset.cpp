// Resets: where a run can be forked, what the new run begins with, what it is told again.

#include "tests/support/activity_fixture.hpp"
#include "tests/support/outside_commands.hpp"
#include "tests/support/update_fixture.hpp"

#include <algorithm>

namespace reprise::testing {

namespace {

api::history::v1::WorkflowTaskFailedEventAttributes failed(const history_event& event) {
  return event.workflow_task_failed_event_attributes();
}

/// A run that failed its first task, got two signals, and completed.
void live(engine_fixture& f) {
  f.start();
  f.fail(f.poll());
  f.signal("s");
  f.complete(f.poll());
  f.signal("t");
  f.complete(f.poll(), {f.done()});
}

command marker(const std::string& name) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_RECORD_MARKER);
  c.mutable_record_marker_command_attributes()->set_marker_name(name);
  return c;
}

std::vector<std::string> signals_of(const engine_fixture& f, std::size_t index) {
  std::vector<std::string> out;
  for (const auto& event : f.events_of(index))
    if (event.has_workflow_execution_signaled_event_attributes())
      out.push_back(event.workflow_execution_signaled_event_attributes().signal_name());
  return out;
}

std::string behind(const engine_fixture& f, std::size_t first) {
  std::string out;
  auto all = f.types();
  for (auto i = first; i < all.size(); ++i)
    out += all[i] + " ";
  return out;
}

const std::string boundary = "StateRebuilder unable to Rebuild mutable state to event ID: ";
const std::string no_task
  = "Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + "
    "1]: ";

} // namespace

SCENARIO("a reset forks the history at a workflow task and ends the run that was") {
  activity_fixture f;
  f.start();
  f.complete(f.poll(), {marker("m")});
  f.signal("s", "signal-1");
  f.complete(f.poll(), {marker("lost")});
  f.advance(5s);
  auto done = f.reset(f.reset_at(4));
  REQUIRE_FALSE(done.refusal);
  const auto& base = f.runs[0].state;
  CHECK(base.status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  const auto& end = base.close_event().workflow_execution_terminated_event_attributes();
  CHECK(end.reason() == "try again");
  CHECK(end.identity() == "history-resetter");
  CHECK(f.types()
        == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED",
                 "WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"});
  auto fork = failed(f.events_of(1)[3]);
  CHECK(fork.cause() == enums::WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW);
  CHECK(fork.base_run_id() == base.created().run_id());
  CHECK(fork.new_run_id() == f.state().created().run_id());
  CHECK(fork.failure().message() == "try again");
  CHECK(fork.failure().has_reset_workflow_failure_info());
  CHECK(fork.identity() == "history-service");
  CHECK(fork.scheduled_event_id() == 2);
  CHECK(fork.started_event_id() == 3);

  THEN("a worker gets the whole history, and the new run goes on") {
    auto task = f.poll();
    CHECK(task.events.size() == 7);
    CHECK(task.poll.previous_started_event_id() == 0);
    CHECK(task.poll.attempt() == 1);
    CHECK_FALSE(f.complete(task, {f.done()}).answer.failure);
  }
  THEN("a signal that is sent again with its request id is known there, too") {
    CHECK(f.signal("s", "signal-1").written.empty());
  }
  THEN("describe tells of both") {
    engine::context c{.now = f.now, .ids = f.ids, .ns = f.ns, .bounds = f.bounds};
    auto of_new = engine::describe(f.state(), c).workflow_extended_info();
    CHECK(engine::from_proto(of_new.last_reset_time()) == f.now);
    CHECK(engine::from_proto(of_new.original_start_time()) == f.now - 5s);
    CHECK(of_new.reset_run_id().empty());
    CHECK(engine::from_proto(of_new.run_expiration_time()) == f.now + 100s);
    auto of_base = engine::describe(base, c).workflow_extended_info();
    CHECK(of_base.reset_run_id() == f.state().created().run_id());
    CHECK_FALSE(of_base.has_last_reset_time());
    CHECK(engine::info_of(f.state()).first_run_id() == base.created().run_id());
    CHECK(engine::from_proto(engine::info_of(f.state()).start_time()) == f.now);
  }
  THEN("the start's request id is the new run's") {
    CHECK(f.state().created().start_request_id() == base.created().start_request_id());
    CHECK(f.state().request_ids().contains(base.created().start_request_id()));
  }
}

SCENARIO("legal points are the started and the closing event of a task, and those up to its next "
         "attempt") {
  struct attempt {
    std::int64_t at;
    std::string refusal;
    std::string behind;
  };

  const std::string signals = "WORKFLOW_EXECUTION_SIGNALED WORKFLOW_EXECUTION_SIGNALED ";
  const std::string fork = "WORKFLOW_TASK_STARTED WORKFLOW_TASK_FAILED ";
  const std::string next = "WORKFLOW_TASK_SCHEDULED ";
  const std::vector<attempt> attempts{
    {1, "Workflow task finish ID must be > 1 && <= workflow last event ID.", ""},
    {2, boundary + "1", ""},
    {3, "", fork + signals + next},
    {4, "", "WORKFLOW_TASK_FAILED " + signals + next},
    {5, "", next + fork + signals + next},
    {6, "", next + fork + "WORKFLOW_EXECUTION_SIGNALED " + next},
    {7, boundary + "6", ""},
    {8, "", "WORKFLOW_TASK_FAILED WORKFLOW_EXECUTION_SIGNALED " + next},
    {9, no_task + "9", ""},
    {10, boundary + "9", ""},
    {11, "", fork + next},
    {12, "", "WORKFLOW_TASK_FAILED " + next},
    {13, boundary + "12", ""},
    {14, "Workflow task finish ID must be > 1 && <= workflow last event ID.", ""},
    {0, "Workflow task finish ID must be > 1 && <= workflow last event ID.", ""},
    {-3, "Workflow task finish ID must be > 1 && <= workflow last event ID.", ""},
  };
  for (auto early_starts : {false, true})
    for (const auto& a : attempts) {
      CAPTURE(a.at);
      CAPTURE(early_starts);
      engine_fixture f;
      live(f);
      auto done = f.reset(f.reset_at(a.at), {}, early_starts);
      if (!a.refusal.empty()) {
        REQUIRE(done.refusal);
        CHECK(done.refusal->code == errc::invalid_argument);
        CHECK(done.refusal->message.starts_with(a.refusal));
        CHECK(f.runs.size() == 1);
        continue;
      }
      REQUIRE_FALSE(done.refusal);
      CHECK(behind(f, static_cast<std::size_t>(a.at - 1)) == a.behind);
      // A closed run stays what it was.
      CHECK(f.runs[0].state.status() == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED);
      CHECK_FALSE(f.complete(f.poll(), {f.done()}).answer.failure);
    }
}

SCENARIO("the events between a task that timed out and its next attempt are legal points") {
  engine_fixture f;
  f.start();
  f.poll();
  f.wake_after(11s);
  f.signal("s");
  REQUIRE(f.types().at(3) == "WORKFLOW_TASK_TIMED_OUT");
  REQUIRE_FALSE(f.reset(f.reset_at(5)).refusal);
  CHECK(behind(f, 4)
        == "WORKFLOW_TASK_SCHEDULED WORKFLOW_TASK_STARTED WORKFLOW_TASK_FAILED "
           "WORKFLOW_EXECUTION_SIGNALED WORKFLOW_TASK_SCHEDULED ");
  auto scheduled = f.events_of(1)[4].workflow_task_scheduled_event_attributes();
  CHECK(scheduled.attempt() == 1);
  CHECK(scheduled.task_queue().name() == "tq");
}

SCENARIO("a task that left no trace before it completed has its own points") {
  for (auto at : {5, 6, 7}) {
    CAPTURE(at);
    engine_fixture f;
    f.start();
    f.fail(f.poll());
    f.complete(f.poll(), {marker("m")});
    REQUIRE(f.types().at(4) == "WORKFLOW_TASK_SCHEDULED");
    REQUIRE(f.types().at(6) == "WORKFLOW_TASK_COMPLETED");
    auto done = f.reset(f.reset_at(at));
    if (at == 6) {
      CHECK(done.refusal->message.starts_with(boundary + "5"));
      continue;
    }
    REQUIRE_FALSE(done.refusal);
    CHECK(behind(f, 4)
          == "WORKFLOW_TASK_SCHEDULED WORKFLOW_TASK_STARTED WORKFLOW_TASK_FAILED "
             "WORKFLOW_TASK_SCHEDULED ");
    CHECK_FALSE(f.complete(f.poll(), {f.done()}).answer.failure);
  }
}

SCENARIO("a run without any workflow task cannot be reset") {
  engine_fixture f;
  auto r = f.start_request();
  *r.mutable_workflow_start_delay() = engine::to_proto(60s);
  f.start(r);
  f.signal("s");
  CHECK(f.reset(f.reset_at(2)).refusal->message
        == "Cannot reset workflow without a workflow task schedule.");
}

SCENARIO("a reset while a task runs takes its token, and what it held up comes to the new run") {
  engine_fixture f;
  f.start();
  auto task = f.poll();
  f.signal("s");
  CHECK(f.reset(f.reset_at(4)).refusal->message
        == "Workflow task finish ID must be > 1 && <= workflow last event ID.");
  REQUIRE_FALSE(f.reset(f.reset_at(3)).refusal);
  CHECK(f.types(0)
        == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED",
                 "WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_SIGNALED",
                 "WORKFLOW_EXECUTION_TERMINATED"});
  auto gave_way = failed(f.events_of(0)[3]);
  CHECK(gave_way.cause() == enums::WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND);
  CHECK(gave_way.identity() == "history-service");
  CHECK(f.types()
        == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED",
                 "WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"});
  // The task was not started at this point, whatever became of it later.
  auto started = f.events_of(1)[2].workflow_task_started_event_attributes();
  CHECK(started.identity() == "history-service");
  CHECK(started.request_id() == "emptyUuid");
  CHECK(f.complete(task).answer.failure->message == "Workflow task not found.");
}

SCENARIO("signals are told again unless they are left out, requests to cancel never are") {
  auto reset = [](const service::ResetWorkflowExecutionRequest& r) {
    engine_fixture f;
    f.start();
    f.complete(f.poll());
    f.signal("one");
    f.complete(f.poll());
    f.request_cancel();
    f.signal("two");
    f.complete(f.poll());
    REQUIRE_FALSE(f.reset(r).refusal);
    CHECK(std::ranges::count(f.types(), "WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 0);
    CHECK_FALSE(f.state().cancel_requested());
    return signals_of(f, 1);
  };
  auto r = engine_fixture::reset_at(4);
  CHECK(reset(r) == names{"one", "two"});
  r.add_reset_reapply_exclude_types(enums::RESET_REAPPLY_EXCLUDE_TYPE_UPDATE);
  CHECK(reset(r) == names{"one", "two"});
  r.add_reset_reapply_exclude_types(enums::RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL);
  CHECK(reset(r).empty());
  r.clear_reset_reapply_exclude_types();
  r.set_reset_reapply_type(enums::RESET_REAPPLY_TYPE_NONE);
  CHECK(reset(r).empty());
  r.set_reset_reapply_type(enums::RESET_REAPPLY_TYPE_SIGNAL);
  CHECK(reset(r) == names{"one", "two"});
  r.set_reset_reapply_type(enums::RESET_REAPPLY_TYPE_ALL_ELIGIBLE);
  CHECK(reset(r) == names{"one", "two"});
}

SCENARIO("options that were changed behind the point are changed again, whatever is left out") {
  engine_fixture f;
  f.start();
  f.complete(f.poll());
  cluster::ExecutionRequest request;
  auto& u = *request.mutable_update_options();
  u.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(2);
  u.mutable_update_mask()->add_paths("priority");
  f.apply(request);
  auto start = f.start_request();
  start.set_request_id("attached");
  start.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  start.mutable_on_conflict_options()->set_attach_request_id(true);
  f.start(start);
  auto r = f.reset_at(4);
  r.set_reset_reapply_type(enums::RESET_REAPPLY_TYPE_NONE);
  REQUIRE_FALSE(f.reset(r).refusal);
  CHECK(std::ranges::count(f.types(), "WORKFLOW_EXECUTION_OPTIONS_UPDATED") == 2);
  CHECK(f.state().priority().priority_key() == 2);
  CHECK(f.state().request_ids().at("attached").event_id() == 6);

  AND_WHEN("it is reset behind them") {
    f.complete(f.poll());
    REQUIRE_FALSE(f.reset(f.reset_at(f.state().next_event_id() - 1)).refusal);
    CHECK(std::ranges::count(f.types(), "WORKFLOW_EXECUTION_OPTIONS_UPDATED") == 2);
    CHECK(f.state().priority().priority_key() == 2);
    CHECK(f.state().request_ids().at("attached").event_id() == 6);
  }
}

SCENARIO("the reset of an earlier run ends the current one and tells what came to both") {
  engine_fixture f;
  f.start();
  f.complete(f.poll());
  f.signal("one");
  f.advance(2s);
  f.complete(f.poll(), {f.continue_as_new()});
  f.complete(f.poll());
  f.signal("two");
  auto task = f.poll();
  f.signal("three");
  REQUIRE(f.runs.size() == 2);
  REQUIRE_FALSE(f.reset(f.reset_at(4), 0).refusal);
  CHECK(f.runs[0].state.status() == enums::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW);
  CHECK(f.runs[1].state.status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  CHECK(signals_of(f, 2) == names{"one", "two", "three"});
  CHECK(f.runs[0].state.header().reset_run_id() == f.state().created().run_id());
  CHECK(f.runs[1].state.header().reset_run_id().empty());
  CHECK(f.complete(task).answer.failure.has_value());
}

SCENARIO("of a chain the runs that are gone tell nothing, and too long a one is not read") {
  engine_fixture f;
  f.start();
  f.signal("one");
  f.advance(2s);
  f.complete(f.poll(), {f.continue_as_new()});
  f.signal("two");
  WHEN("the bound is met") {
    f.bounds.reset_chain_runs_max = 1;
    auto done = f.reset(f.reset_at(4), 0);
    REQUIRE(done.refusal);
    CHECK(done.refusal->code == errc::resource_exhausted);
  }
  WHEN("what is to be told again is too large") {
    f.bounds.reset_reapply_bytes_max = 1;
    auto done = f.reset(f.reset_at(4), 0);
    REQUIRE(done.refusal);
    CHECK(done.refusal->code == errc::resource_exhausted);
    auto r = f.reset_at(5);
    r.add_reset_reapply_exclude_types(enums::RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL);
    CHECK_FALSE(f.reset(r, 0).refusal);
  }
}

SCENARIO(
  "what is too large only when the current run ends refuses the reset, and nothing is ended") {
  engine_fixture f;
  f.start();
  f.poll();
  f.signal("held up by the task");
  f.bounds.reset_reapply_bytes_max = 1;
  REQUIRE(f.reset(f.reset_at(3)).refusal);
  CHECK(engine::is_open(f.state()));
}

SCENARIO("a pending activity waits for its first attempt again, with all its time") {
  activity_fixture f;
  f.run_with({f.activity_with(
    "a", [](auto& a) { *a.mutable_schedule_to_close_timeout() = engine::to_proto(20s); })});
  auto old = f.poll_activity();
  f.advance(15s);
  f.signal("s");
  f.complete(f.poll());
  auto done = f.reset(f.reset_at(9));
  REQUIRE_FALSE(done.refusal);
  CHECK(done.offers.size() == 2);
  const auto& activity = f.state().activities().at(5);
  CHECK(engine::from_proto(activity.first_scheduled_time()) == f.now);
  CHECK(activity.progress().attempt() == 1);
  CHECK(activity.progress().start_id() == 0);
  auto refused = f.complete_activity(f.token_of(old));
  CHECK(refused.answer.failure->message == "workflow execution already completed");
  f.wake_after(10s);
  auto again = f.poll_activity();
  CHECK(again.attempt() == 1);
  CHECK_FALSE(f.complete_activity(f.token_of(again)).answer.failure);
}

SCENARIO("a pending timer fires at its time") {
  engine_fixture f;
  f.start();
  f.complete(f.poll(), {f.timer("t", 10s)});
  f.signal("s");
  f.complete(f.poll());
  f.advance(4s);
  REQUIRE_FALSE(f.reset(f.reset_at(9)).refusal);
  CHECK(f.state().timers().contains("t"));
  f.wake_after(5s);
  CHECK(std::ranges::count(f.types(), "TIMER_FIRED") == 0);
  f.wake_after(1s);
  CHECK(std::ranges::count(f.types(), "TIMER_FIRED") == 1);
}

SCENARIO("the clocks of run and chain begin anew, also for the runs that follow") {
  engine_fixture f;
  auto r = f.start_request();
  *r.mutable_workflow_execution_timeout() = engine::to_proto(200s);
  f.start(r);
  f.complete(f.poll());
  f.advance(90s);
  f.signal("s");
  REQUIRE_FALSE(f.reset(f.reset_at(4)).refusal);
  CHECK(engine::from_proto(f.state().created().run_deadline()) == f.now + 100s);
  CHECK(engine::from_proto(f.state().created().execution_deadline()) == f.now + 200s);
  auto chain_ends = f.now + 200s;
  f.advance(50s);
  f.complete(f.poll(), {f.continue_as_new()});
  REQUIRE(f.runs.size() == 3);
  CHECK(engine::from_proto(f.state().created().execution_deadline()) == chain_ends);
}

SCENARIO("resets of resets: each has the events in front of its point, and its own run in them") {
  activity_fixture f;
  f.run_with({f.activity("a")});
  f.signal("one");
  f.complete(f.poll());
  REQUIRE_FALSE(f.reset(f.reset_at(9)).refusal);
  f.signal("two");
  f.complete(f.poll());
  auto first = f.now;
  f.advance(3s);
  REQUIRE_FALSE(f.reset(f.reset_at(12)).refusal);
  CHECK(f.runs[1].state.status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  CHECK(signals_of(f, 2) == names{"one", "two"});
  CHECK(std::ranges::count(f.types(), "WORKFLOW_TASK_FAILED") == 2);
  CHECK(engine::from_proto(f.state().activities().at(5).first_scheduled_time()) == f.now);
  CHECK(engine::from_proto(f.state().created().original_start_time()) == first);
  CHECK(f.state().created().reset_from_run_id() == f.runs[1].state.created().run_id());
  // And once more the first run of all: the current one goes again.
  REQUIRE_FALSE(f.reset(f.reset_at(4), 0).refusal);
  CHECK(f.runs[2].state.status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  CHECK(signals_of(f, 3) == names{"one"});
  CHECK(f.runs[0].state.header().reset_run_id() == f.state().created().run_id());
}

SCENARIO("reset points of the events in front of the fork stay, as the new run's") {
  engine_fixture f;
  f.start();
  for (const auto* checksum : {"one", "one", "two", "one"}) {
    auto request = f.completion(f.poll(), {});
    request.mutable_complete_workflow_task()->set_binary_checksum(checksum);
    f.apply(request);
    f.signal("s");
  }
  REQUIRE_FALSE(f.reset(f.reset_at(12)).refusal);
  auto points = f.state().reset_points();
  REQUIRE(points.size() == 1);
  CHECK(points[0].binary_checksum() == "one");
  CHECK(points[0].run_id() == f.state().created().run_id());
  CHECK(points[0].first_workflow_task_completed_id() == 4);
}

SCENARIO("options that are asked for with the reset hold from its task on; what is wrong with them "
         "refuses all of it") {
  engine_fixture f;
  f.start();
  f.complete(f.poll());
  auto r = f.reset_at(4);
  auto& options = *r.add_post_reset_operations()->mutable_update_workflow_options();
  options.mutable_workflow_execution_options()->mutable_versioning_override()->set_auto_upgrade(
    true);
  options.mutable_update_mask()->add_paths("versioning_override");
  REQUIRE_FALSE(f.reset(r).refusal);
  CHECK(behind(f, 3)
        == "WORKFLOW_TASK_FAILED WORKFLOW_EXECUTION_OPTIONS_UPDATED WORKFLOW_TASK_SCHEDULED ");
  CHECK(f.state().versioning_override().auto_upgrade());
  options.mutable_update_mask()->add_paths("versioning_override.behavior.x");
  auto done = f.reset(r);
  REQUIRE(done.refusal);
  CHECK(engine::is_open(f.state()));
  CHECK(f.runs.size() == 2);
}

SCENARIO(
  "updates that were accepted behind the point are asked for again, unless they are left out") {
  update_fixture f;
  f.start();
  f.complete(f.poll());
  f.send("u1", completed);
  auto task = f.poll();
  f.respond(task, {f.acceptance(task.poll.messages(0)), f.result()});
  f.lose_session();
  auto r = f.reset_at(4);
  WHEN("all is told again") {
    REQUIRE_FALSE(f.reset(r).refusal);
    CHECK(behind(f, 3)
          == "WORKFLOW_TASK_FAILED WORKFLOW_EXECUTION_UPDATE_ADMITTED WORKFLOW_TASK_SCHEDULED ");
    auto admission = f.events_of(1)[4].workflow_execution_update_admitted_event_attributes();
    CHECK(admission.origin() == enums::UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY);
    CHECK(admission.request().meta().update_id() == "u1");
    AND_WHEN("that run is reset behind the admission") {
      f.complete(f.poll());
      REQUIRE_FALSE(f.reset(f.reset_at(8)).refusal);
      CHECK(std::ranges::count(f.types(), "WORKFLOW_EXECUTION_UPDATE_ADMITTED") == 1);
    }
  }
  WHEN("updates are left out") {
    r.add_reset_reapply_exclude_types(enums::RESET_REAPPLY_EXCLUDE_TYPE_UPDATE);
    REQUIRE_FALSE(f.reset(r).refusal);
    CHECK(behind(f, 3) == "WORKFLOW_TASK_FAILED WORKFLOW_TASK_SCHEDULED ");
  }
}

SCENARIO("a message without an answer goes on to wait in the new run, as the same message") {
  activity_fixture f;
  f.run_with({signal_external()});
  REQUIRE(f.messages.size() == 1);
  auto sent = f.messages.front();
  f.signal("s");
  f.complete(f.poll());
  WHEN("it is asked for in front of the point") {
    auto done = f.reset(f.reset_at(9));
    REQUIRE_FALSE(done.refusal);
    REQUIRE(done.messages.size() == 1);
    auto moved = done.messages.front();
    CHECK(moved.held_by() == f.state().created().run_id());
    moved.clear_held_by();
    CHECK(deterministic(moved) == deterministic(sent));
    CHECK(f.state().outbox().contains(sent.number()));
    CHECK(f.runs[0].state.outbox().empty());
    CHECK(f.state().external_signals().contains(5));
  }
  WHEN("it is asked for behind the point") {
    auto done = f.reset(f.reset_at(4));
    REQUIRE_FALSE(done.refusal);
    CHECK(done.messages.empty());
    CHECK(f.state().outbox().empty());
    CHECK(f.state().external_signals().empty());
  }
}

SCENARIO("a history that cannot be read is no history to reset") {
  engine_fixture f;
  f.start();
  f.complete(f.poll());
  engine::context c{.now = f.now, .ids = f.ids, .ns = f.ns, .bounds = f.bounds};
  auto r = f.reset_at(4);
  WHEN("an event is missing") {
    auto known = engine::plan_reset(f.state(), r, c);
    known->take({.seq = 1, .first_event_id = 2, .event_count = 1, .events = {}});
    CHECK(known->problem()->code == errc::data_loss);
    CHECK_FALSE(known->wanted());
    CHECK_FALSE(known->copy());
  }
  WHEN("its bytes are none") {
    auto known = engine::plan_reset(f.state(), r, c);
    known->take({.seq = 1, .first_event_id = 1, .event_count = 2, .events = "\x0A\x7F"});
    CHECK(known->problem()->code == errc::data_loss);
  }
  WHEN("the run is gone") {
    auto known = engine::plan_reset(f.state(), r, c);
    known->no_more(false);
    CHECK(known->problem()->code == errc::not_found);
  }
}

} // namespace reprise::testing
