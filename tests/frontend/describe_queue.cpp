#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

ws::DescribeTaskQueueRequest enhanced() {
  ws::DescribeTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  r.set_api_mode(enums::DESCRIBE_TASK_QUEUE_MODE_ENHANCED);
  r.set_report_stats(true);
  r.set_report_pollers(true);
  return r;
}

} // namespace

TEST_CASE_FIXTURE(server_fixture, "the enhanced description tells of several kinds of one queue") {
  auto polling = activity_poll();
  polling.set_identity("activities");
  auto waiting = send_request(polling, poll_options());
  start_workflow("a");
  start_workflow("b");
  auto types_of = [this](const ws::DescribeTaskQueueRequest& r) {
    return ok<ws::DescribeTaskQueueResponse>(r).versions_info().at("").types_info();
  };
  auto r = enhanced();
  auto of_both = types_of(r);
  CHECK(of_both.size() == 2);
  CHECK(of_both.at(1).stats().approximate_backlog_count() == 2);
  CHECK(of_both.at(1).pollers().empty());
  CHECK(of_both.at(2).stats().approximate_backlog_count() == 0);
  REQUIRE(of_both.at(2).pollers_size() == 1);
  CHECK(of_both.at(2).pollers(0).identity() == "activities");
  r.add_task_queue_types(enums::TASK_QUEUE_TYPE_ACTIVITY);
  auto of_one = types_of(r);
  CHECK(of_one.size() == 1);
  CHECK(of_one.at(2).pollers_size() == 1);
  r.add_task_queue_types(enums::TASK_QUEUE_TYPE_ACTIVITY);
  r.add_task_queue_types(enums::TASK_QUEUE_TYPE_NEXUS);
  r.add_task_queue_types(enums::TASK_QUEUE_TYPE_WORKFLOW);
  CHECK(types_of(r).size() == 3);
}

TEST_CASE_FIXTURE(server_fixture, "the description of a queue tells the limit that workers set") {
  ws::DescribeTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  r.set_task_queue_type(enums::TASK_QUEUE_TYPE_ACTIVITY);
  r.set_include_task_queue_status(true);
  auto before = ok<ws::DescribeTaskQueueResponse>(r);
  CHECK_FALSE(before.has_effective_rate_limit());
  CHECK(before.task_queue_status().rate_per_second() == 0);
  auto polling = activity_poll();
  polling.mutable_task_queue_metadata()->mutable_max_tasks_per_second()->set_value(2.5);
  auto waiting = send_request(polling, poll_options());
  auto limited = ok<ws::DescribeTaskQueueResponse>(r);
  CHECK(limited.effective_rate_limit().requests_per_second() == 2.5F);
  CHECK(limited.effective_rate_limit().rate_limit_source() == enums::RATE_LIMIT_SOURCE_WORKER);
  CHECK(limited.task_queue_status().rate_per_second() == 2.5);
}

TEST_CASE_FIXTURE(server_fixture, "a queue says that no deployment routes its tasks") {
  ws::DescribeTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  auto normal = ok<ws::DescribeTaskQueueResponse>(r).versioning_info();
  CHECK(normal.current_version() == "__unversioned__");
  CHECK(normal.has_update_time());
  CHECK(normal.update_time().seconds() == -62135596800); // 1 January of the year 1
  CHECK_FALSE(normal.has_current_deployment_version());
  r.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
  CHECK_FALSE(ok<ws::DescribeTaskQueueResponse>(r).has_versioning_info());
}

TEST_CASE_FIXTURE(server_fixture, "a queue that is not sticky has no other name") {
  const std::string text = "only sticky queues can have normal name. tq: queue, normal name: other";
  auto workflows = poll_request();
  workflows.mutable_task_queue()->set_name("queue");
  workflows.mutable_task_queue()->set_normal_name("other");
  refused(errc::invalid_argument, text, workflows, poll_options());
  auto activities = activity_poll();
  *activities.mutable_task_queue() = workflows.task_queue();
  refused(errc::invalid_argument, text, activities, poll_options());
  ws::DescribeTaskQueueRequest describe;
  describe.set_namespace_("default");
  *describe.mutable_task_queue() = workflows.task_queue();
  refused(errc::invalid_argument, text, describe);
  describe.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
  ok<ws::DescribeTaskQueueResponse>(describe);
  describe.mutable_task_queue()->set_normal_name(std::string(1001, 'n'));
  refused(errc::invalid_argument, "taskQueue length exceeds limit", describe);
}

TEST_CASE_FIXTURE(server_fixture, "a queue of a server's commands to workers has no other tasks") {
  auto text = [](const char* kind) {
    return std::string{"worker-commands partitions must have nexus task type, got: "} + kind
           + ". base name: queue";
  };
  auto workflows = poll_request();
  workflows.mutable_task_queue()->set_name("queue");
  workflows.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_WORKER_COMMANDS);
  refused(errc::invalid_argument, text("Workflow"), workflows, poll_options());
  auto activities = activity_poll();
  *activities.mutable_task_queue() = workflows.task_queue();
  refused(errc::invalid_argument, text("Activity"), activities, poll_options());
  ws::DescribeTaskQueueRequest describe;
  describe.set_namespace_("default");
  *describe.mutable_task_queue() = workflows.task_queue();
  refused(errc::invalid_argument, text("Workflow"), describe);
}
