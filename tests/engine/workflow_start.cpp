#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

namespace {

service::StartWorkflowExecutionResponse answer_of(const engine::step& s) {
  REQUIRE_FALSE(s.answer.failure);
  service::StartWorkflowExecutionResponse out;
  REQUIRE(out.ParseFromString(s.answer.response));
  return out;
}

engine::step signal_with_start(engine_fixture& f, const std::string& request_id) {
  cluster::ExecutionRequest request;
  auto& r = *request.mutable_signal_with_start();
  r.set_workflow_id("wf");
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("tq");
  r.set_signal_name("sig");
  r.set_request_id(request_id);
  return f.apply(request);
}

} // namespace

SCENARIO("a request id is answered once") {
  engine_fixture f;
  auto r = f.start_request();
  auto first = answer_of(f.start(r));
  THEN("the repeat gets the same run, whatever else it says") {
    r.mutable_workflow_type()->set_name("other");
    auto again = f.start(r);
    CHECK(again.written.empty());
    CHECK(answer_of(again).run_id() == first.run_id());
    CHECK(answer_of(again).started());
  }
  THEN("after the close too") {
    f.terminate();
    r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE);
    auto again = answer_of(f.start(r));
    CHECK(again.run_id() == first.run_id());
    CHECK(again.status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  }
}

SCENARIO("a second start meets a running workflow") {
  engine_fixture f;
  auto first = answer_of(f.start());
  auto r = f.start_request();
  WHEN("it does not say what to do") {
    auto refused = f.start(r);
    REQUIRE(refused.answer.failure);
    CHECK(refused.answer.failure->code == errc::already_exists);
    CHECK(refused.answer.failure->message
          == "Workflow execution is already running. WorkflowId: wf, RunId: " + first.run_id()
               + ".");
    CHECK(refused.answer.failure->detail_type
          == "temporal.api.errordetails.v1.WorkflowExecutionAlreadyStartedFailure");
  }
  WHEN("it may use the existing one") {
    r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    THEN("it gets that, and nothing is written") {
      auto used = f.start(r);
      CHECK(used.written.empty());
      CHECK_FALSE(answer_of(used).started());
      CHECK(answer_of(used).run_id() == first.run_id());
    }
    THEN("its request id may be attached") {
      r.mutable_on_conflict_options()->set_attach_request_id(true);
      f.start(r);
      CHECK(f.types().back() == "WORKFLOW_EXECUTION_OPTIONS_UPDATED");
      CHECK(f.state().request_ids().at(r.request_id()).event_id() == 3);
      r.clear_workflow_id_conflict_policy();
      auto again = f.start(r);
      CHECK(again.written.empty());
      CHECK(answer_of(again).link().workflow_event().request_id_ref().request_id()
            == r.request_id());
    }
  }
  WHEN("it replaces the running one") {
    r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING);
    auto second = answer_of(f.start(r));
    CHECK(second.run_id() != first.run_id());
    CHECK(f.types(0).back() == "WORKFLOW_EXECUTION_TERMINATED");
    CHECK(f.types(1) == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"});
  }
}

SCENARIO("attached request ids are bounded") {
  engine_fixture f;
  f.start();
  for (int i = 0; i < 40; ++i) {
    auto r = f.start_request();
    r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    r.mutable_on_conflict_options()->set_attach_request_id(true);
    f.advance(1ms);
    f.start(r);
  }
  CHECK(f.state().request_ids_size() == 26);
  CHECK(f.state().request_ids().contains(f.state().created().start_request_id()));
}

SCENARIO("callbacks that starts attach are bounded, in number and in bytes") {
  engine_fixture f;
  f.bounds.callbacks_max = 5;
  f.bounds.callbacks_bytes_max = 1000;
  f.start();
  auto r = f.start_request();
  r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  r.mutable_on_conflict_options()->set_attach_request_id(true);
  r.mutable_on_conflict_options()->set_attach_completion_callbacks(true);
  auto attach = [&](int count, std::size_t url_bytes = 1) {
    r.set_request_id(r.request_id() + "'");
    r.clear_completion_callbacks();
    for (int i = 0; i < count; ++i)
      r.add_completion_callbacks()->mutable_nexus()->set_url(std::string(url_bytes, 'u'));
    return f.start(r).answer.failure;
  };
  CHECK_FALSE(attach(3));
  WHEN("there are too many") {
    auto failure = attach(3);
    REQUIRE(failure);
    CHECK(failure->code == errc::failed_precondition);
    CHECK(failure->message
          == "cannot attach more than 5 callbacks to a workflow (3 callbacks already attached)");
  }
  WHEN("they are too large") {
    auto failure = attach(1, 1000);
    REQUIRE(failure);
    CHECK(failure->code == errc::failed_precondition);
  }
  WHEN("some wait for the end of a task") {
    f.poll();
    CHECK_FALSE(attach(2));
    CHECK(attach(1));
  }
  // What was refused left nothing behind.
  CHECK(f.state().completion_callbacks_size() == 3);
  CHECK_FALSE(attach(0));
}

SCENARIO("reuse policies look at how the last run closed") {
  engine_fixture f;
  f.start();
  auto r = f.start_request();
  WHEN("it completed") {
    f.complete(f.poll(), {f.done()});
    r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY);
    CHECK(f.start(r).answer.failure->message.ends_with(
      "Workflow Id reuse policy: allow duplicate workflow Id if last run failed."));
    r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE);
    CHECK(f.start(r).answer.failure->message.ends_with(
      "Workflow Id reuse policy: reject duplicate workflow Id."));
    r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE);
    CHECK(answer_of(f.start(r)).started());
  }
  WHEN("it was terminated") {
    f.terminate();
    r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY);
    CHECK(answer_of(f.start(r)).started());
  }
}

SCENARIO("timeouts are made to fit each other") {
  engine_fixture f;
  auto r = f.start_request();
  r.clear_workflow_run_timeout();
  *r.mutable_workflow_execution_timeout() = engine::to_proto(50s);
  *r.mutable_workflow_task_timeout() = engine::to_proto(300s);
  f.start(r);
  CHECK(f.state().started().workflow_run_timeout().seconds() == 50);
  CHECK(f.state().started().workflow_task_timeout().seconds() == 50);
  CHECK(engine::from_proto(f.state().created().run_deadline()) == f.now + 50s);
  CHECK(f.state().started().has_workflow_execution_expiration_time());
}

SCENARIO("a delayed start waits") {
  engine_fixture f;
  auto r = f.start_request();
  *r.mutable_workflow_start_delay() = engine::to_proto(20s);
  auto started = f.start(r);
  CHECK(started.offers.empty());
  CHECK(engine::next_deadline(f.state()) == f.now + 20s);
  CHECK(engine::from_proto(f.state().created().run_deadline()) == f.now + 120s);
  THEN("its time comes") {
    auto woken = f.wake_after(20s);
    CHECK(woken.offers.size() == 1);
    CHECK(f.types().back() == "WORKFLOW_TASK_SCHEDULED");
  }
  THEN("a signal does not end the delay, a signal with start does") {
    CHECK(f.signal("s").offers.empty());
    CHECK(signal_with_start(f, "r").offers.size() == 1);
  }
  THEN("a cancel request ends it") {
    CHECK(f.request_cancel().offers.size() == 1);
  }
}

SCENARIO("an eager start brings its first task along") {
  engine_fixture f;
  auto r = f.start_request();
  r.set_request_eager_execution(true);
  auto started = f.start(r);
  REQUIRE(started.answer.history);
  CHECK(started.offers.empty());
  CHECK(started.answer.history->wrap_field == 2);
  auto task = f.task_of(*started.answer.history);
  CHECK(task.events.size() == 3);
  THEN("the repeated start gives it again, and what the first one brought is void") {
    auto before = f.types();
    auto again = f.start(r);
    REQUIRE(again.answer.history);
    auto second = f.task_of(*again.answer.history);
    CHECK(f.types() == before);
    CHECK(second.events.size() == 3);
    CHECK(second.token().start_id() != task.token().start_id());
    CHECK(f.complete(task, {f.timer("t", 5s)}).answer.failure);
    CHECK_FALSE(f.complete(second, {f.timer("t", 5s)}).answer.failure);
  }
  THEN("the task can be completed, and is not given a second time") {
    CHECK_FALSE(f.complete(task, {f.timer("t", 5s)}).answer.failure);
    CHECK_FALSE(f.start(r).answer.history);
  }
}

SCENARIO("signal with start") {
  engine_fixture f;
  WHEN("nothing runs") {
    signal_with_start(f, "r");
    CHECK(f.types()
          == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_SIGNALED",
                   "WORKFLOW_TASK_SCHEDULED"});
    CHECK(f.state().request_ids().at("r").event_id() == 2);
    CHECK(f.state().request_ids().at("r").event_type()
          == enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
    THEN("a repeat signals once") {
      CHECK(signal_with_start(f, "r").written.empty());
      signal_with_start(f, "r2");
      CHECK(f.state().signal_count() == 2);
    }
    THEN("after the close the same id starts anew") {
      f.terminate();
      signal_with_start(f, "r");
      CHECK(f.runs.size() == 2);
    }
  }
  WHEN("a workflow runs") {
    f.start();
    signal_with_start(f, "r");
    CHECK(f.runs.size() == 1);
    CHECK(f.types().back() == "WORKFLOW_EXECUTION_SIGNALED");
  }
}

SCENARIO("a cron start waits for its time") {
  engine_fixture f;
  auto r = f.start_request();
  r.set_cron_schedule("@every 1h");
  f.start(r);
  CHECK(f.state().started().first_workflow_task_backoff().seconds() == 3600);
  CHECK(f.state().started().initiator() == enums::CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE);
  CHECK(f.offers.empty());
}

} // namespace reprise::testing
