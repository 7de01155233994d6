// UpdateTaskQueueConfig, what DescribeTaskQueue shows of it, and what it does.
#include "tests/support/server_fixture.hpp"

#include <limits>
#include <string>

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
  CHECK_FALSE(describe().has_config());
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
  auto slow_keys = update();
  slow_keys.set_task_queue_type(enums::TASK_QUEUE_TYPE_WORKFLOW);
  slow_keys.mutable_update_fairness_key_rate_limit_default()->mutable_rate_limit();
  refused(errc::invalid_argument,
          "Setting fairness key rate limit on workflow task queues is not allowed.", slow_keys);
  refused(errc::invalid_argument,
          "RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative.",
          queue_rate(std::numeric_limits<float>::quiet_NaN()));
  auto talks = queue_rate(1);
  talks.mutable_update_queue_rate_limit()->set_reason(std::string(1001, 'r'));
  refused(errc::invalid_argument,
          "UpdateQueueRateLimit.Reason field too long (max 1000 characters).", talks);
  auto stranger = update();
  stranger.set_identity(std::string(1001, 'i'));
  refused(errc::invalid_argument, "Identity field too long (max 1000 characters).", stranger);
  CHECK(describe().config().ByteSizeLong() == 0);
}

TEST_CASE_FIXTURE(config_fixture,
                  "weights are configured of queues of either kind, within limits") {
  auto of_workflows = update();
  of_workflows.set_task_queue_type(enums::TASK_QUEUE_TYPE_WORKFLOW);
  (*of_workflows.mutable_set_fairness_weight_overrides())["gold"] = 5;
  auto answer = ok<ws::UpdateTaskQueueConfigResponse>(of_workflows);
  CHECK(answer.config().fairness_weight_overrides().at("gold") == 5);
  auto weight_of = [](const std::string& key, float weight) {
    auto r = update();
    (*r.mutable_set_fairness_weight_overrides())[key] = weight;
    return r;
  };
  refused(errc::invalid_argument, "fairness weight override key must not be empty",
          weight_of("", 1));
  refused(errc::invalid_argument, "fairness key length exceeds limit",
          weight_of(std::string(65, 'k'), 1));
  refused(errc::invalid_argument,
          "invalid fairness weight weight for key \"a\": must be greater than zero",
          weight_of("a", 0));
  auto both = weight_of("a", 1);
  both.add_unset_fairness_weight_overrides("a");
  refused(errc::invalid_argument,
          "fairness weight override key \"a\" present in both set and unset lists", both);
  auto many = update();
  for (int i = 0; i < 1001; ++i)
    many.add_unset_fairness_weight_overrides(std::to_string(i));
  refused(errc::invalid_argument,
          "too many fairness weight overrides in request: got 1001, maximum 1000", many);
}

TEST_CASE_FIXTURE(config_fixture, "a queue is one partition of each kind") {
  ws::ListTaskQueuePartitionsRequest r;
  r.set_namespace_("default");
  refused(errc::invalid_argument, "taskQueue is not set", r);
  r.mutable_task_queue();
  refused(errc::invalid_argument, "missing task queue name", r);
  r.mutable_task_queue()->set_name(std::string(1001, 'q'));
  refused(errc::invalid_argument, "taskQueue length exceeds limit", r);
  r.mutable_task_queue()->set_name("queue");
  auto answer = ok<ws::ListTaskQueuePartitionsResponse>(r);
  REQUIRE(answer.activity_task_queue_partitions_size() == 1);
  CHECK(answer.activity_task_queue_partitions(0).key() == "queue");
  REQUIRE(answer.workflow_task_queue_partitions_size() == 1);
  CHECK(answer.workflow_task_queue_partitions(0).key() == "queue");
}
