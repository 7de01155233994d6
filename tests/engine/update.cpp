#include "tests/support/outside_commands.hpp"

namespace reprise::testing {

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
  WHEN("the message has no body, and a command before it fails the task") {
    auto failed = answer(false, {message_command(""), message_command("m")});
    CHECK(failed.answer.failure->message
          == "BadUpdateWorkflowExecutionMessage: MessageID is not set on ProtocolMessageCommand.");
    CHECK(f.types().back() == "WORKFLOW_TASK_FAILED");
  }
}

} // namespace reprise::testing
