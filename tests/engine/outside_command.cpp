#include "tests/support/engine_fixture.hpp"

namespace reprise::testing {

namespace {

command child(const std::string& id = "child", const std::string& type = "type") {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  a.set_workflow_id(id);
  a.mutable_workflow_type()->set_name(type);
  return c;
}

command signal_external(const std::string& id = "other", const std::string& name = "s") {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_signal_external_workflow_execution_command_attributes();
  a.mutable_execution()->set_workflow_id(id);
  a.set_signal_name(name);
  return c;
}

command cancel_external(const std::string& id = "other") {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION);
  c.mutable_request_cancel_external_workflow_execution_command_attributes()->set_workflow_id(id);
  return c;
}

command bare(enums::CommandType type) {
  command c;
  c.set_command_type(type);
  return c;
}

command message_command(const std::string& id) {
  auto c = bare(enums::COMMAND_TYPE_PROTOCOL_MESSAGE);
  c.mutable_protocol_message_command_attributes()->set_message_id(id);
  return c;
}

/// The run's first task was answered with these commands: what the worker was told. The task
/// failed by that text, nothing else was written, and the next attempt waits.
std::string told(engine_fixture& f, const std::vector<command>& commands) {
  auto task = f.poll();
  auto done = f.complete(task, commands);
  REQUIRE(done.answer.failure);
  CHECK(done.answer.failure->code == errc::invalid_argument);
  auto events = f.events_of(f.runs.size() - 1);
  REQUIRE(events.size() == 4);
  CHECK(events[3].workflow_task_failed_event_attributes().failure().message()
        == done.answer.failure->message);
  CHECK(f.state().workflow_task().attempt() == 2);
  CHECK(engine::is_open(f.state()));
  return done.answer.failure->message;
}

} // namespace

SCENARIO("a command for a feature that is not here fails its task, not its workflow") {
  engine_fixture f;
  f.start();
  auto unsupported = [](const char* name) {
    return std::string{"FeatureDisabled: "} + name + " is not supported by this server yet.";
  };
  THEN("a child is not started, nor is anything else of its completion done") {
    CHECK(told(f, {f.timer("t", 60s), child(), f.activity("a"), f.done()})
          == unsupported("COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION"));
    CHECK(f.state().timers().empty());
    CHECK(f.state().activities().empty());
  }
  THEN("the first such command is named") {
    CHECK(told(f, {signal_external(), child()})
          == unsupported("COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION"));
  }
  THEN("what is wrong with a later command is told instead") {
    CHECK(told(f, {cancel_external(), f.cancel_timer("absent")}).starts_with("BadCancelTimer"));
  }
  THEN("a later attempt may go on without it") {
    told(f, {child()});
    f.advance(60s);
    auto task = f.poll();
    CHECK_FALSE(f.complete(task, {f.done()}).answer.failure);
    CHECK_FALSE(engine::is_open(f.state()));
  }
}

SCENARIO("child commands are checked") {
  engine_fixture f;
  f.start();
  auto c = child();
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  const std::string on = " on StartChildWorkflowExecutionCommand";
  const std::string names = " WorkflowId=child WorkflowType=type Namespace=default";
  std::string bad = "BadStartChildExecutionAttributes: ";
  WHEN("it has no attributes") {
    CHECK(told(f, {bare(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)})
          == bad + "StartChildWorkflowExecutionCommandAttributes is not set" + on + ".");
  }
  WHEN("it has no id") {
    CHECK(told(f, {child("")})
          == bad + "Required field WorkflowId is not set" + on
               + ". WorkflowType=type Namespace=default");
  }
  WHEN("it has no type") {
    CHECK(told(f, {child("child", "")})
          == bad + "Required field WorkflowType is not set" + on
               + ". WorkflowId=child Namespace=default");
  }
  WHEN("its type is too long") {
    std::string type(1001, 't');
    CHECK(told(f, {child("child", type)})
          == bad + "WorkflowType" + on + " exceeds length limit. WorkflowId=child WorkflowType="
               + type + " Length=1001 Limit=1000 Namespace=default");
  }
  WHEN("a timeout is negative") {
    a.mutable_workflow_run_timeout()->set_seconds(-1);
    CHECK(told(f, {c}) == bad + "Invalid WorkflowRunTimeout" + on + ": negative duration." + names);
  }
  WHEN("its retry policy makes no sense") {
    a.mutable_retry_policy()->set_backoff_coefficient(0.5);
    CHECK(told(f, {c})
          == bad + "invalid WorkflowRetryPolicy" + on
               + ": BackoffCoefficient cannot be less than 1 on retry policy.." + names);
  }
  WHEN("its schedule is none") {
    a.set_cron_schedule("now and then");
    CHECK(told(f, {c}) == bad + "invalid CronSchedule" + on + ": invalid CronSchedule.." + names);
  }
  WHEN("it has an attribute that nobody knows") {
    (*a.mutable_search_attributes()->mutable_indexed_fields())["Nothing"].set_data("1");
    CHECK(told(f, {c})
          == "BadSearchAttributes: Namespace default has no mapping defined for "
             "search attribute Nothing");
  }
  WHEN("it would leave the namespace") {
    a.set_namespace_("elsewhere");
    CHECK(told(f, {c}) == bad + "cross namespace commands are not allowed");
  }
  WHEN("its input is too large") {
    f.bounds.blob_bytes_max = 10;
    *a.mutable_input() = payloads("\"long enough\"");
    auto task = f.poll();
    CHECK(f.complete(task, {c}).answer.failure);
    CHECK(f.state().status() == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
  }
}

SCENARIO("commands to other workflows are checked") {
  engine_fixture f;
  f.start();
  std::string bad_signal = "BadSignalWorkflowExecutionAttributes: ";
  std::string on_signal = " SignalExternalWorkflowExecutionCommand.";
  std::string bad_cancel = "BadRequestCancelExternalWorkflowExecutionAttributes: ";
  std::string on_cancel = " RequestCancelExternalWorkflowExecutionCommand.";
  auto s = signal_external();
  auto& signal = *s.mutable_signal_external_workflow_execution_command_attributes();
  auto c = cancel_external();
  auto& cancel = *c.mutable_request_cancel_external_workflow_execution_command_attributes();
  WHEN("a signal has no target") {
    signal.clear_execution();
    CHECK(told(f, {s}) == bad_signal + "Execution is not set on" + on_signal);
  }
  WHEN("a signal has no workflow id") {
    CHECK(told(f, {signal_external("")})
          == bad_signal + "WorkflowId is not set on" + on_signal
               + " Namespace= RunId= SignalName=s");
  }
  WHEN("a signal has no name") {
    CHECK(told(f, {signal_external("other", "")})
          == bad_signal + "SignalName is not set on" + on_signal
               + " WorkflowId=other Namespace= RunId=");
  }
  WHEN("a signal's run id is none") {
    signal.mutable_execution()->set_run_id("run");
    CHECK(told(f, {s})
          == bad_signal + "Invalid RunId set on" + on_signal
               + " WorkflowId=other Namespace= RunId=run SignalName=s");
  }
  WHEN("a cancel has no workflow id") {
    CHECK(told(f, {cancel_external("")})
          == bad_cancel + "WorkflowId is not set on" + on_cancel + " Namespace= RunId=");
  }
  WHEN("a cancel's run id is none") {
    cancel.set_run_id("run");
    CHECK(told(f, {c})
          == bad_cancel + "Invalid RunId set on" + on_cancel
               + " WorkflowId=other RunId=run Namespace=");
  }
  WHEN("a child is started and cancelled in one completion") {
    CHECK(told(f, {child("other"), c})
          == bad_cancel
               + "Start and RequestCancel for child workflow is not allowed in same workflow task. "
                 "WorkflowId=other RunId= Namespace=");
  }
  WHEN("the cancel comes first") {
    CHECK(told(f, {c, child("other")}).starts_with("FeatureDisabled: "));
  }
}

SCENARIO("Nexus operations find no endpoint") {
  engine_fixture f;
  f.start();
  auto c = bare(enums::COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION);
  c.mutable_schedule_nexus_operation_command_attributes()->set_endpoint("e");
  CHECK(told(f, {c}) == "BadScheduleNexusOperationAttributes: endpoint \"e\" not found");
}

SCENARIO("a Nexus operation that was never scheduled cannot be cancelled") {
  engine_fixture f;
  f.start();
  auto c = bare(enums::COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION);
  c.mutable_request_cancel_nexus_operation_command_attributes()->set_scheduled_event_id(77);
  CHECK(told(f, {c})
        == "BadRequestCancelNexusOperationAttributes: requested cancelation for a "
           "non-existing or already completed operation with scheduled event ID of "
           "77");
}

SCENARIO("answers to updates that nobody sent fail their task") {
  engine_fixture f;
  f.start();
  const std::string unknown
    = "BadUpdateWorkflowExecutionMessage: update u wasn't found on the server. This is most likely "
      "a transient error which will be resolved automatically by retries";
  auto answer = [&](bool with_body, const std::vector<command>& commands) {
    auto request = f.completion(f.poll(), commands);
    auto& m = *request.mutable_complete_workflow_task()->add_messages();
    m.set_id("m");
    m.set_protocol_instance_id("u");
    if (with_body)
      m.mutable_body()->set_type_url("type.googleapis.com/temporal.api.update.v1.Acceptance");
    return f.apply(request);
  };
  WHEN("a command places the message") {
    CHECK(answer(true, {message_command("m"), f.done()}).answer.failure->message == unknown);
    CHECK(engine::is_open(f.state()));
    CHECK(f.types().back() == "WORKFLOW_TASK_FAILED");
  }
  WHEN("no command places it") {
    CHECK(answer(true, {}).answer.failure->message == unknown);
    CHECK(f.types().back() == "WORKFLOW_TASK_FAILED");
  }
  WHEN("a command places another") {
    CHECK(answer(true, {message_command("absent")}).answer.failure->message
          == "BadUpdateWorkflowExecutionMessage: ProtocolMessageCommand referenced absent message "
             "ID absent");
  }
  WHEN("the message has no body, nothing is written and the task can still be answered") {
    auto refused = answer(false, {message_command("m")});
    CHECK(refused.answer.failure->code == errc::invalid_argument);
    CHECK(refused.answer.failure->message == "nil message body");
    CHECK(refused.written.empty());
    CHECK(f.types().back() == "WORKFLOW_TASK_STARTED");
  }
}

} // namespace reprise::testing
