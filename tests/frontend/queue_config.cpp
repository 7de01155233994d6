// UpdateTaskQueueConfig, what DescribeTaskQueue shows of it, and what it does.
#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

struct config_fixture : server_fixture {
  static ws::UpdateTaskQueueConfigRequest update() {
    ws::UpdateTaskQueueConfigRequest r;
    r.set_namespace_("default");
    r.set_identity("me");
    r.set_task_queue("queue");
    r.set_task_queue_type(enums::TASK_QUEUE_TYPE_ACTIVITY);
    return r;
  }

  static ws::UpdateTaskQueueConfigRequest queue_rate(float rate) {
    auto r = update();
    r.mutable_update_queue_rate_limit()->mutable_rate_limit()->set_requests_per_second(rate);
    r.mutable_update_queue_rate_limit()->set_reason("why");
    return r;
  }

  ws::DescribeTaskQueueResponse describe() {
    ws::DescribeTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name("queue");
    r.set_task_queue_type(enums::TASK_QUEUE_TYPE_ACTIVITY);
    r.set_report_config(true);
    return ok<ws::DescribeTaskQueueResponse>(r);
  }

  void configure(const ws::UpdateTaskQueueConfigRequest& r) {
    ok<ws::UpdateTaskQueueConfigResponse>(r);
  }

  /// A workflow whose worker asks for so many activities.
  void schedule(int activities) {
    start_workflow("w");
    auto task = take_workflow_task();
    std::vector<api::command::v1::Command> commands;
    for (int i = 0; i < activities; ++i) {
      commands.push_back(activity_command("a" + std::to_string(i)));
      commands.back()
        .mutable_schedule_activity_task_command_attributes()
        ->mutable_task_queue()
        ->set_name("queue");
    }
    ok<ws::RespondWorkflowTaskCompletedResponse>(completion(task.task_token(), commands));
  }

  /// How many of so many polls get a task at once.
  int taken(int polls) {
    int out = 0;
    for (int i = 0; i < polls; ++i) {
      auto made = send_request(activity_poll(), poll_options());
      run();
      out += made.answered() ? 1 : 0;
    }
    return out;
  }
};

} // namespace

TEST_CASE_FIXTURE(config_fixture, "what was configured is described at once, and after a restart") {
  CHECK(describe().config().ByteSizeLong() == 0);
  configure(queue_rate(12.5F));
  auto shown = describe();
  CHECK(shown.config().queue_rate_limit().rate_limit().requests_per_second() == 12.5F);
  CHECK(shown.effective_rate_limit().requests_per_second() == 12.5F);
  CHECK(shown.effective_rate_limit().rate_limit_source() == enums::RATE_LIMIT_SOURCE_API);
  configure(queue_rate(3));
  CHECK(describe().effective_rate_limit().requests_per_second() == 3);
  restart();
  CHECK(describe().effective_rate_limit().requests_per_second() == 3);
}

TEST_CASE_FIXTURE(config_fixture, "a queue's rate outranks its workers', and can be taken away") {
  schedule(20);
  configure(queue_rate(2));
  CHECK(taken(5) == 2);
  auto eager = activity_poll();
  eager.mutable_task_queue_metadata()->mutable_max_tasks_per_second()->set_value(1000);
  send_request(eager, poll_options());
  run();
  CHECK(describe().effective_rate_limit().requests_per_second() == 2);
  auto none = update();
  none.mutable_update_queue_rate_limit();
  configure(none);
  CHECK(describe().effective_rate_limit().requests_per_second() == 1000);
  CHECK(describe().effective_rate_limit().rate_limit_source() == enums::RATE_LIMIT_SOURCE_WORKER);
}

TEST_CASE_FIXTURE(config_fixture, "at a rate of 0 a queue gives nothing out until that changes") {
  configure(queue_rate(0));
  schedule(3);
  auto waiting = send_request(activity_poll(), poll_options());
  advance(std::chrono::seconds{10});
  CHECK_FALSE(waiting.answered());
  configure(queue_rate(100));
  advance(std::chrono::seconds{1});
  CHECK(waiting.answered());
}

TEST_CASE_FIXTURE(config_fixture, "what cannot be configured is refused, and changes nothing") {
  auto workflow = queue_rate(1);
  workflow.set_task_queue_type(enums::TASK_QUEUE_TYPE_WORKFLOW);
  refused(errc::invalid_argument, "Setting rate limit on workflow task queues is not allowed.",
          workflow);
  refused(errc::invalid_argument,
          "RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative.",
          queue_rate(-1));
  auto by_key = update();
  by_key.mutable_update_fairness_key_rate_limit_default()
    ->mutable_rate_limit()
    ->set_requests_per_second(-0.5F);
  refused(
    errc::invalid_argument,
    "RequestsPerSecond for UpdateFairnessKeyRateLimitDefault rate limit must be non-negative.",
    by_key);
  CHECK(describe().config().ByteSizeLong() == 0);
}

TEST_CASE_FIXTURE(config_fixture, "a queue is one partition of each kind") {
  ws::ListTaskQueuePartitionsRequest r;
  r.set_namespace_("default");
  refused(errc::invalid_argument, "taskQueue is not set", r);
  r.mutable_task_queue();
  refused(errc::invalid_argument, "missing task queue name", r);
  r.mutable_task_queue()->set_name("queue");
  auto answer = ok<ws::ListTaskQueuePartitionsResponse>(r);
  REQUIRE(answer.activity_task_queue_partitions_size() == 1);
  CHECK(answer.activity_task_queue_partitions(0).key() == "queue");
  REQUIRE(answer.workflow_task_queue_partitions_size() == 1);
  CHECK(answer.workflow_task_queue_partitions(0).key() == "queue");
}
