#include "tests/support/outside_commands.hpp"

namespace reprise::testing {

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

} // namespace reprise::testing
