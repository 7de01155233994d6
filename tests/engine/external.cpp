#include "tests/support/outside_commands.hpp"

namespace reprise::testing {

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

} // namespace reprise::testing
