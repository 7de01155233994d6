// What a life has of runs that know others, of updates and of resets.
#include "temporal/api/update/v1/message.pb.h"
#include "tests/journals/life.hpp"
#include "tests/support/outside_commands.hpp"

namespace reprise::journals {

namespace {

using command = api::command::v1::Command;

command child_on(const std::string& id) {
  auto c = child(id);
  c.mutable_start_child_workflow_execution_command_attributes()->mutable_task_queue()->set_name(id);
  return c;
}

command short_child_on(const std::string& id) {
  auto c = child_on(id);
  c.mutable_start_child_workflow_execution_command_attributes()
    ->mutable_workflow_run_timeout()
    ->set_seconds(1);
  return c;
}

command abandoned_child_on(const std::string& id) {
  auto c = child_on(id);
  c.mutable_start_child_workflow_execution_command_attributes()->set_parent_close_policy(
    enums::PARENT_CLOSE_POLICY_ABANDON);
  return c;
}

template <class Body>
api::protocol::v1::Message
message(const std::string& kind, const std::string& update_id, const Body& body) {
  api::protocol::v1::Message out;
  out.set_id(update_id + "/" + kind);
  out.set_protocol_instance_id(update_id);
  out.mutable_body()->PackFrom(body);
  return out;
}

} // namespace

void life::answer(const std::string& id, const std::vector<command>& commands) {
  s_.complete_task(task_of(id).task_token(), commands);
}

void life::terminate(const std::string& id) {
  ws::TerminateWorkflowExecutionRequest end;
  end.set_namespace_("default");
  end.mutable_workflow_execution()->set_workflow_id(id);
  end.set_reason("enough");
  s_.ok<ws::TerminateWorkflowExecutionResponse>(end);
}

void life::have_children() {
  // The last one is there already.
  start_with("parent",
             {child_on("child-completes"), child_on("child-fails"), child_on("child-cancelled"),
              child_on("child-terminated"), short_child_on("child-times-out"),
              child_on("child-open"), child_on("full")});
  s_.run();
  answer("child-completes", {server_fixture::complete_command()});
  command fails = bare(enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION);
  fails.mutable_fail_workflow_execution_command_attributes()->mutable_failure()->set_message("no");
  answer("child-fails", {fails});
  cancel("child-cancelled");
  command cancelled = bare(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION);
  cancelled.mutable_cancel_workflow_execution_command_attributes();
  answer("child-cancelled", {cancelled});
  terminate("child-terminated");
  s_.advance(2s);
  answer("parent", {});
  // A child that ends when its parent has.
  start_with("leaves", {abandoned_child_on("abandoned")});
  answer("leaves", {server_fixture::complete_command()});
  answer("abandoned", {server_fixture::complete_command()});
}

void life::act_on_others() {
  start("asked");
  start_with("asks", {signal_external("asked"), signal_external("nobody"), cancel_external("asked"),
                      cancel_external("nobody")});
  s_.run();
  // What it has sent has no answer when it is ended.
  start("sends-and-ends");
  auto done = server_fixture::completion(task_of("sends-and-ends").task_token(),
                                         {signal_external("asked"), child_on("unwanted")});
  auto answered = s_.send_request(done);
  terminate("sends-and-ends");
  REQUIRE(answered.answered());
}

void life::update(const std::string& id, const std::string& update_id, bool completes) {
  ws::UpdateWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id(id);
  r.mutable_request()->mutable_meta()->set_update_id(update_id);
  r.mutable_request()->mutable_input()->set_name("update");
  auto made = s_.send_request(r);
  s_.run();
  auto task = task_of(id);
  REQUIRE(task.messages_size() == 1);
  const auto& asked = task.messages(0);
  auto done = server_fixture::completion(task.task_token(), {});
  api::update::v1::Acceptance accepted;
  accepted.set_accepted_request_message_id(asked.id());
  accepted.set_accepted_request_sequencing_event_id(asked.event_id());
  *done.add_messages() = message("accept", update_id, accepted);
  api::update::v1::Response over;
  over.mutable_meta()->set_update_id(update_id);
  over.mutable_outcome()->mutable_success()->add_payloads()->set_data("done");
  if (completes)
    *done.add_messages() = message("complete", update_id, over);
  s_.ok<ws::RespondWorkflowTaskCompletedResponse>(done);
  made.handle->cancel();
  s_.run();
}

void life::reset(const std::string& id, std::int64_t finish_event_id) {
  ws::ResetWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id(id);
  r.set_workflow_task_finish_event_id(finish_event_id);
  r.set_reason("once more");
  r.set_request_id("reset-" + id);
  s_.ok<ws::ResetWorkflowExecutionResponse>(r);
}

void life::update_and_reset() {
  constexpr std::int64_t first_task_ends = 4;
  start_with("updated", {});
  update("updated", "u1", true);
  update("updated", "u2", false);
  start_with("updated-and-reset", {});
  update("updated-and-reset", "u1", true);
  reset("updated-and-reset", first_task_ends);
  // Behind the start of its child.
  constexpr std::int64_t second_task_ends = 9;
  start_with("reset", {abandoned_child_on("child-of-reset")});
  s_.run();
  answer("reset", {});
  reset("reset", second_task_ends);
}

} // namespace reprise::journals
