#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

ws::PollWorkflowTaskQueueRequest sticky_poll() {
  auto r = server_fixture::poll_request("sticky");
  r.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
  r.mutable_task_queue()->set_normal_name("queue");
  return r;
}

/// Starts a workflow whose next tasks go to the sticky queue.
void start_sticky(server_fixture& server, const std::string& id) {
  server.start_workflow(id);
  auto done = server_fixture::completion(server.take_workflow_task().task_token(), {});
  done.mutable_sticky_attributes()->mutable_worker_task_queue()->set_name("sticky");
  done.mutable_sticky_attributes()->mutable_schedule_to_start_timeout()->set_seconds(5);
  server.ok<ws::RespondWorkflowTaskCompletedResponse>(done);
}

} // namespace

TEST_CASE_FIXTURE(server_fixture, "a task of a normal queue tells how many wait behind it") {
  start_workflow("a");
  start_workflow("b");
  start_workflow("c");
  CHECK(take_workflow_task().backlog_count_hint() == 2);
  CHECK(take_workflow_task().backlog_count_hint() == 1);
  CHECK(take_workflow_task().backlog_count_hint() == 0);
}

TEST_CASE_FIXTURE(server_fixture, "a sticky task never sends the other pollers to its queue") {
  start_sticky(*this, "a");
  start_sticky(*this, "b");
  // The worker is seen on its queue, or it would count as gone.
  auto waiting = send_request(sticky_poll(), poll_options());
  run();
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("a"));
  CHECK(waiting.answered());
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("b"));
  start_sticky(*this, "c");
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("c"));
  auto second = ok<ws::PollWorkflowTaskQueueResponse>(sticky_poll(), poll_options());
  CHECK(second.workflow_execution().workflow_id() == "b");
  CHECK(second.backlog_count_hint() == 0);
  auto third = ok<ws::PollWorkflowTaskQueueResponse>(sticky_poll(), poll_options());
  CHECK(third.workflow_execution().workflow_id() == "c");
}
