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

namespace {

/// Workers that say their instance key.
struct keyed_fixture : server_fixture {
  static ws::PollWorkflowTaskQueueRequest workflow_poll(const std::string& key) {
    auto r = poll_request();
    r.set_worker_instance_key(key);
    r.set_identity("worker " + key);
    return r;
  }

  static ws::PollActivityTaskQueueRequest keyed_activity_poll(const std::string& key) {
    auto r = activity_poll();
    r.set_worker_instance_key(key);
    r.set_identity("worker " + key);
    return r;
  }

  void shut_down_worker(const std::string& key) {
    ws::ShutdownWorkerRequest r;
    r.set_namespace_("default");
    r.set_worker_instance_key(key);
    r.set_task_queue("queue");
    r.add_task_queue_types(enums::TASK_QUEUE_TYPE_WORKFLOW);
    r.add_task_queue_types(enums::TASK_QUEUE_TYPE_ACTIVITY);
    ok<ws::ShutdownWorkerResponse>(r);
  }

  template <class Request>
  bool waits(const Request& r) {
    auto made = send_request(r, poll_options());
    run();
    auto answered = made.answered();
    made.handle->cancel();
    return !answered;
  }

  std::vector<std::string> pollers(enums::TaskQueueType type) {
    ws::DescribeTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name("queue");
    r.set_task_queue_type(type);
    std::vector<std::string> out;
    for (const auto& p : ok<ws::DescribeTaskQueueResponse>(r).pollers())
      out.push_back(p.identity());
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(keyed_fixture, "all polls of a worker that shuts down come back, no other's") {
  auto workflow = send_request(workflow_poll("a"), poll_options());
  auto activity = send_request(keyed_activity_poll("a"), poll_options());
  auto sticky = sticky_poll();
  sticky.set_worker_instance_key("a");
  auto own = send_request(sticky, poll_options());
  auto other = send_request(workflow_poll("b"), poll_options());
  run();
  shut_down_worker("a");
  CHECK(workflow.answered());
  CHECK(activity.answered());
  CHECK(own.answered());
  CHECK_FALSE(other.answered());
}

TEST_CASE_FIXTURE(keyed_fixture, "polls that come behind a worker's shutdown take no task") {
  shut_down_worker("a");
  start_workflow("w");
  auto late = send_request(workflow_poll("a"), poll_options());
  run();
  REQUIRE(late.answered());
  CHECK(read<ws::PollWorkflowTaskQueueResponse>(late.answer()).task_token().empty());
  CHECK_FALSE(waits(keyed_activity_poll("a")));
  CHECK(waits(keyed_activity_poll("b")));
  complete_task(take_workflow_task().task_token(), {complete_command()});
  advance(std::chrono::seconds{29});
  CHECK_FALSE(waits(workflow_poll("a")));
  advance(std::chrono::seconds{2});
  CHECK(waits(workflow_poll("a")));
}

TEST_CASE_FIXTURE(keyed_fixture, "a worker that shut down is no longer listed") {
  for (const auto* key : {"a", "b"}) {
    waits(workflow_poll(key));
    waits(keyed_activity_poll(key));
  }
  CHECK(pollers(enums::TASK_QUEUE_TYPE_WORKFLOW).size() == 2);
  shut_down_worker("a");
  CHECK(pollers(enums::TASK_QUEUE_TYPE_WORKFLOW) == std::vector<std::string>{"worker b"});
  CHECK(pollers(enums::TASK_QUEUE_TYPE_ACTIVITY) == std::vector<std::string>{"worker b"});
}
