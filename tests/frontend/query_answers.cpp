#include "temporal/api/errordetails/v1/message.pb.h"
#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;
namespace details = temporal::api::errordetails::v1;

namespace {

ws::QueryWorkflowRequest query_request(const std::string& id) {
  ws::QueryWorkflowRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id(id);
  r.mutable_query()->set_query_type("state");
  return r;
}

void add_large(api::common::v1::Payloads& to) {
  to.add_payloads()->set_data(std::string((2U << 20) + 1, 'x'));
}

} // namespace

TEST_CASE_FIXTURE(server_fixture, "an answer that is too large fails its query, not the worker") {
  start_workflow("w");
  complete_task(take_workflow_task().task_token(), {timer_command("t", 1000)});
  auto asked = send_request(query_request("w"), poll_options());
  run();
  auto task = take_workflow_task();
  ws::RespondQueryTaskCompletedRequest r;
  r.set_namespace_("default");
  r.set_task_token(task.task_token());
  r.set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
  add_large(*r.mutable_query_result());
  ok<ws::RespondQueryTaskCompletedResponse>(r);
  REQUIRE(asked.answered());
  REQUIRE_FALSE(asked.answer());
  CHECK(asked.answer().error().code == errc::invalid_argument);
  CHECK(asked.answer().error().message == "Blob data size exceeds limit.");
  detail_of<details::QueryFailedFailure>(asked.answer().error());
}

TEST_CASE_FIXTURE(server_fixture, "a large answer within a workflow task fails its query alone") {
  start_workflow("w");
  auto asked = send_request(query_request("w"), poll_options());
  run();
  auto task = take_workflow_task();
  REQUIRE(task.queries_size() == 1);
  auto done = completion(task.task_token(), {timer_command("t", 1000)});
  auto& answer = (*done.mutable_query_results())[task.queries().begin()->first];
  answer.set_result_type(enums::QUERY_RESULT_TYPE_ANSWERED);
  add_large(*answer.mutable_answer());
  ok<ws::RespondWorkflowTaskCompletedResponse>(done);
  REQUIRE(asked.answered());
  REQUIRE_FALSE(asked.answer());
  CHECK(asked.answer().error().message == "Blob data size exceeds limit.");
}
