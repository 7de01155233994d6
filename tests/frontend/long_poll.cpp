#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

ws::GetWorkflowExecutionHistoryRequest result_request(const std::string& id) {
  auto r = server_fixture::history_request(id);
  r.set_wait_new_event(true);
  r.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  return r;
}

api::command::v1::Command continue_command() {
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  c.mutable_continue_as_new_workflow_execution_command_attributes();
  return c;
}

/// What ended the run that the poll waited for.
enums::EventType close_of(const made_call& poll) {
  REQUIRE(poll.answered());
  auto got = server_fixture::read<ws::GetWorkflowExecutionHistoryResponse>(poll.answer());
  CHECK(got.next_page_token().empty());
  REQUIRE(got.history().events_size() == 1);
  return got.history().events(0).event_type();
}

} // namespace

TEST_CASE_FIXTURE(server_fixture, "who waits for a result hears when the run goes on in another") {
  start_workflow("w");
  auto waiting = send_request(result_request("w"), poll_options());
  run();
  CHECK_FALSE(waiting.answered());
  complete_task(take_workflow_task().task_token(), {continue_command()});
  CHECK(close_of(waiting) == enums::EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW);
}

TEST_CASE_FIXTURE(server_fixture, "who waits for a result hears when another run takes over") {
  start_workflow("w");
  auto waiting = send_request(result_request("w"), poll_options());
  run();
  auto again = start_request("w");
  again.set_request_id("another");
  again.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING);
  ok<ws::StartWorkflowExecutionResponse>(again);
  CHECK(close_of(waiting) == enums::EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED);
}
