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

/// A workflow whose next tasks go to the sticky queue, with a worker waiting there.
made_call start_sticky(server_fixture& server, const std::string& id) {
  server.start_workflow(id);
  auto waiting = server.send_request(sticky_poll(), server_fixture::poll_options());
  auto done = server_fixture::completion(server.take_workflow_task().task_token(), {});
  done.mutable_sticky_attributes()->mutable_worker_task_queue()->set_name("sticky");
  done.mutable_sticky_attributes()->mutable_schedule_to_start_timeout()->set_seconds(60);
  server.ok<ws::RespondWorkflowTaskCompletedResponse>(done);
  return waiting;
}

void shut_down(server_fixture& server) {
  ws::ShutdownWorkerRequest r;
  r.set_namespace_("default");
  r.set_sticky_task_queue("sticky");
  server.ok<ws::ShutdownWorkerResponse>(r);
}

} // namespace

TEST_CASE_FIXTURE(server_fixture, "a worker that shuts down has its polls answered empty") {
  auto waiting = start_sticky(*this, "w");
  shut_down(*this);
  REQUIRE(waiting.answered());
  CHECK(read<ws::PollWorkflowTaskQueueResponse>(waiting.answer()).task_token().empty());
}

TEST_CASE_FIXTURE(server_fixture, "tasks for a worker that has shut down go to the normal queue") {
  start_sticky(*this, "w");
  shut_down(*this);
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
  auto task = take_workflow_task();
  CHECK(task.workflow_execution().workflow_id() == "w");
  CHECK(task.history().events_size() == 7);
}

TEST_CASE_FIXTURE(server_fixture, "what waits for a worker goes to others when it shuts down") {
  auto waiting = start_sticky(*this, "w");
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
  REQUIRE(waiting.answered());
  auto first = read<ws::PollWorkflowTaskQueueResponse>(waiting.answer());
  auto done = completion(first.task_token(), {});
  done.mutable_sticky_attributes()->mutable_worker_task_queue()->set_name("sticky");
  done.mutable_sticky_attributes()->mutable_schedule_to_start_timeout()->set_seconds(60);
  ok<ws::RespondWorkflowTaskCompletedResponse>(done);
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
  shut_down(*this);
  auto task = take_workflow_task();
  CHECK(task.workflow_execution().workflow_id() == "w");
  CHECK(task.history().events(0).event_id() == 1);
}

TEST_CASE_FIXTURE(server_fixture, "shutting down a worker that nobody knows changes nothing") {
  shut_down(*this);
  start_workflow("w");
  take_workflow_task();
}
