// What single calls refuse, and in which order, as seen by clients of a whole server.

#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

TEST_CASE_FIXTURE(server_fixture, "a start with a schedule that is none is refused") {
  auto r = start_request("w");
  r.set_cron_schedule("61 * * * *");
  refused(errc::invalid_argument, "invalid CronSchedule.", r);
  r.set_cron_schedule("0 0 30 2 *");
  refused(errc::invalid_argument,
          "invalid CronSchedule, no time can be found to satisfy the schedule", r);
  ws::SignalWithStartWorkflowExecutionRequest with_signal;
  with_signal.set_namespace_("default");
  with_signal.set_workflow_id("w");
  with_signal.set_signal_name("s");
  with_signal.mutable_workflow_type()->set_name("type");
  with_signal.mutable_task_queue()->set_name("queue");
  with_signal.set_cron_schedule("soon");
  refused(errc::invalid_argument, "invalid CronSchedule.", with_signal);
  r.set_cron_schedule("@daily");
  ok<ws::StartWorkflowExecutionResponse>(r);
}

TEST_CASE_FIXTURE(server_fixture, "names of a callback's headers are kept in lower case") {
  auto r = start_request("w");
  auto& header = *r.add_completion_callbacks()->mutable_nexus()->mutable_header();
  r.mutable_completion_callbacks(0)->mutable_nexus()->set_url("temporal://system");
  header["Upper-Case"] = "Value";
  ok<ws::StartWorkflowExecutionResponse>(r);
  auto events = ok<ws::GetWorkflowExecutionHistoryResponse>(history_request("w")).history();
  const auto& kept = events.events(0)
                       .workflow_execution_started_event_attributes()
                       .completion_callbacks(0)
                       .nexus()
                       .header();
  CHECK(kept.size() == 1);
  CHECK(kept.at("upper-case") == "Value");
}

TEST_CASE_FIXTURE(server_fixture, "a retry delay that is no duration is refused") {
  start_workflow("w");
  complete_task(take_workflow_task().task_token(), {activity_command("a")});
  auto task = take_activity_task();
  ws::RespondActivityTaskFailedRequest r;
  r.set_namespace_("default");
  r.set_task_token(task.task_token());
  auto& delay
    = *r.mutable_failure()->mutable_application_failure_info()->mutable_next_retry_delay();
  delay.set_seconds(1);
  delay.set_nanos(-5);
  CHECK(refusal(r).code == errc::invalid_argument);
  delay.set_nanos(5);
  ok<ws::RespondActivityTaskFailedResponse>(r);
}

TEST_CASE_FIXTURE(server_fixture,
                  "a failure of any kind ends an activity by its id, not by its token") {
  start_workflow("w");
  complete_task(take_workflow_task().task_token(), {activity_command("a")});
  auto task = take_activity_task();
  ws::RespondActivityTaskFailedRequest by_token;
  by_token.set_namespace_("default");
  by_token.set_task_token(task.task_token());
  by_token.mutable_failure()->mutable_server_failure_info();
  refused(errc::invalid_argument, "Failure must have ApplicationFailureInfo.", by_token);
  ws::RespondActivityTaskFailedByIdRequest by_id;
  by_id.set_namespace_("default");
  by_id.set_workflow_id("w");
  by_id.set_activity_id("a");
  *by_id.mutable_failure() = by_token.failure();
  ok<ws::RespondActivityTaskFailedByIdResponse>(by_id);
}

TEST_CASE_FIXTURE(server_fixture, "only a heartbeat by id may have an identity of any length") {
  start_workflow("w");
  complete_task(take_workflow_task().task_token(), {activity_command("a")});
  take_activity_task();
  ws::RecordActivityTaskHeartbeatByIdRequest beat;
  beat.set_namespace_("default");
  beat.set_workflow_id("w");
  beat.set_activity_id("a");
  beat.set_identity(std::string(1001, 'i'));
  ok<ws::RecordActivityTaskHeartbeatByIdResponse>(beat);
  ws::RespondActivityTaskCompletedByIdRequest done;
  done.set_namespace_("default");
  done.set_workflow_id("w");
  done.set_activity_id("a");
  done.set_identity(std::string(1001, 'i'));
  refused(errc::invalid_argument, "Identity length exceeds limit.", done);
}

TEST_CASE_FIXTURE(server_fixture, "a page token of another run or direction is refused") {
  auto run_id = start_workflow("a");
  start_workflow("b");
  // A second batch, for a second page.
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("b"));
  auto page = history_request("b");
  page.set_maximum_page_size(1);
  auto token = ok<ws::GetWorkflowExecutionHistoryResponse>(page).next_page_token();
  REQUIRE_FALSE(token.empty());
  ws::GetWorkflowExecutionHistoryReverseRequest reverse;
  reverse.set_namespace_("default");
  reverse.mutable_execution()->set_workflow_id("a");
  reverse.mutable_execution()->set_run_id(run_id);
  reverse.set_next_page_token(token);
  refused(errc::invalid_argument, "RunId in the request does not match the NextPageToken.",
          reverse);
  reverse.mutable_execution()->set_workflow_id("b");
  reverse.mutable_execution()->clear_run_id();
  refused(errc::invalid_argument, "Invalid NextPageToken.", reverse);
}

TEST_CASE_FIXTURE(server_fixture, "a namespace that is not there is told before all else") {
  const std::string text = "Namespace nowhere is not found.";
  ws::RespondWorkflowTaskCompletedRequest completed;
  completed.set_namespace_("nowhere");
  refused(errc::not_found, text, completed);
  ws::RespondActivityTaskFailedRequest failed;
  failed.set_namespace_("nowhere");
  refused(errc::not_found, text, failed);
  ws::RespondQueryTaskCompletedRequest answered;
  answered.set_namespace_("nowhere");
  refused(errc::not_found, text, answered);
  op::AddSearchAttributesRequest add;
  add.set_namespace_("nowhere");
  auto path = "/temporal.api.operatorservice.v1.OperatorService/AddSearchAttributes";
  auto made = call(path, add.SerializeAsString());
  REQUIRE(made.answered());
  REQUIRE_FALSE(made.answer());
  CHECK(made.answer().error().message == text);
  completed.clear_namespace_();
  refused(errc::invalid_argument, "Task token not set on request.", completed);
}

TEST_CASE_FIXTURE(server_fixture,
                  "a command into a namespace that nobody knows refuses its answer") {
  start_workflow("w");
  auto token = take_workflow_task().task_token();
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_signal_external_workflow_execution_command_attributes();
  a.mutable_execution()->set_workflow_id("other");
  a.set_signal_name("s");
  a.set_namespace_("nowhere");
  refused(errc::not_found, "Namespace nowhere is not found.", completion(token, {c}));
  complete_task(token, {complete_command()});
}

TEST_CASE_FIXTURE(server_fixture, "queues that the server keeps for itself are nobody's to poll") {
  const std::string text = "task queue name cannot start with reserved prefix /_sys/";
  CHECK(refusal(poll_request("/_sys/queue"), poll_options()).message == text);
  CHECK(refusal(activity_poll("/_sys/queue"), poll_options()).message == text);
  ws::DescribeTaskQueueRequest describe;
  describe.set_namespace_("default");
  describe.mutable_task_queue()->set_name("/_sys/queue");
  refused(errc::invalid_argument, "invalid task queue partition name /_sys/queue", describe);
}

TEST_CASE_FIXTURE(server_fixture, "nothing waits in a later part of a queue, which has but one") {
  ws::DescribeTaskQueueRequest describe;
  describe.set_namespace_("default");
  auto named = [&](const char* name) -> ws::DescribeTaskQueueRequest& {
    describe.mutable_task_queue()->set_name(name);
    return describe;
  };
  CHECK(ok<ws::DescribeTaskQueueResponse>(named("/_sys/queue/1")).pollers().empty());
  for (const char* bad : {"/_sys/queue/0", "/_sys/queue/-1", "/_sys/queue/+1", "/_sys/queue/1x",
                          "/_sys/queue/", "/_sys//1", "/_sys/queue/99999999999"})
    refused(errc::invalid_argument, std::string{"invalid task queue partition name "} + bad,
            named(bad));
  refused(errc::invalid_argument, "task queue family name cannot have prefix /_sys/ /_sys/queue",
          named("/_sys//_sys/queue/1"));
  describe.set_report_stats(true);
  refused(errc::invalid_argument,
          "DescribeTaskQueue stats are only supported for the root partition",
          named("/_sys/queue/1"));
  describe.set_api_mode(enums::DESCRIBE_TASK_QUEUE_MODE_ENHANCED);
  refused(errc::invalid_argument,
          "DescribeTaskQueue must be called on the root partition of workflow task queue if api "
          "mode is DESCRIBE_TASK_QUEUE_MODE_ENHANCED",
          named("/_sys/queue/1"));
}

TEST_CASE_FIXTURE(server_fixture, "a versioned worker names its deployment and its build") {
  auto poll = poll_request();
  auto& options = *poll.mutable_deployment_options();
  options.set_worker_versioning_mode(enums::WORKER_VERSIONING_MODE_VERSIONED);
  auto told = [&](const std::string& name, const std::string& build) {
    options.set_deployment_name(name);
    options.set_build_id(build);
    auto why = refusal(poll, poll_options());
    CHECK(why.code == errc::invalid_argument);
    return why.message;
  };
  CHECK(told("d", "") == "Deployment name and build id must be set together.");
  CHECK(told("", "1") == "Deployment name and build id must be set together.");
  CHECK(told("a.b", "1") == "worker deployment name cannot contain '.'");
  CHECK(told("a:b", "1") == "worker deployment name cannot contain ':'");
  CHECK(told("__a", "1") == "WorkerDeploymentName cannot start with '__'");
  CHECK(told(std::string(1001, 'd'), "1")
        == "size of WorkerDeploymentName larger than the maximum allowed");
  CHECK(told("d", std::string(481, '1')) == "size of BuildID larger than the maximum allowed");
  start_workflow("w");
  options.set_build_id("1");
  CHECK_FALSE(ok<ws::PollWorkflowTaskQueueResponse>(poll, poll_options()).task_token().empty());
}

TEST_CASE_FIXTURE(server_fixture,
                  "how a workflow moves between versions is for versioned workers to say") {
  const std::string unversioned = "versioning behavior cannot be specified without deployment "
                                  "options being set with versioned mode";
  start_workflow("w");
  auto r = completion(take_workflow_task().task_token(), {complete_command()});
  // The task's start is written with the first answer after it.
  ok<ws::GetWorkflowExecutionHistoryResponse>(history_request("w"));
  r.set_versioning_behavior(enums::VERSIONING_BEHAVIOR_PINNED);
  refused(errc::invalid_argument, unversioned, r);
  auto& options = *r.mutable_deployment_options();
  options.set_deployment_name("d");
  options.set_build_id("1");
  refused(errc::invalid_argument, unversioned, r);
  options.set_worker_versioning_mode(enums::WORKER_VERSIONING_MODE_UNVERSIONED);
  refused(errc::invalid_argument, unversioned, r);
  options.set_worker_versioning_mode(enums::WORKER_VERSIONING_MODE_VERSIONED);
  options.clear_deployment_name();
  refused(errc::invalid_argument, "Deployment name and build id must be set together.", r);
  // Whatever it was refused for, the task is still this worker's.
  options.set_deployment_name("d");
  ok<ws::RespondWorkflowTaskCompletedResponse>(r);
}

TEST_CASE_FIXTURE(server_fixture, "rows of a list tell counts of closed workflows only") {
  auto r = start_request("w");
  auto& value = (*r.mutable_search_attributes()->mutable_indexed_fields())["BuildIds"];
  (*value.mutable_metadata())["encoding"] = "json/plain";
  value.set_data("[ \"a\", \"b\" ]");
  ok<ws::StartWorkflowExecutionResponse>(r);
  auto row = [this] {
    return ok<ws::ListWorkflowExecutionsResponse>(list_request()).executions(0);
  };
  CHECK(row().history_length() == 0);
  CHECK(row().state_transition_count() == 0);
  CHECK_FALSE(row().has_auto_reset_points());
  CHECK(row().first_run_id().empty());
  CHECK(row().search_attributes().indexed_fields().at("BuildIds").data() == "[\"a\",\"b\"]");
  complete_task(take_workflow_task().task_token(), {complete_command()});
  CHECK(row().history_length() == 5);
  CHECK(row().state_transition_count() > 0);
}

TEST_CASE_FIXTURE(server_fixture,
                  "a signal that is repeated behind the close is one that was taken") {
  start_workflow("w");
  auto r = signal_request("w");
  r.set_request_id("once");
  ok<ws::SignalWorkflowExecutionResponse>(r);
  complete_task(take_workflow_task().task_token(), {complete_command()});
  auto before = writes;
  ok<ws::SignalWorkflowExecutionResponse>(r);
  CHECK(writes == before);
  r.set_request_id("another");
  refused(errc::not_found, "workflow execution already completed", r);
}

TEST_CASE_FIXTURE(server_fixture, "a start that asks for skipped time is told that there is none") {
  constexpr const char* text = "The Time-Skipping feature is not enabled for namespace.";
  auto r = start_request("w");
  r.mutable_time_skipping_config();
  refused(errc::unimplemented, text, r);
  ws::SignalWithStartWorkflowExecutionRequest both;
  both.set_namespace_("default");
  both.set_workflow_id("w");
  both.set_signal_name("s");
  both.mutable_workflow_type()->set_name("type");
  both.mutable_task_queue()->set_name("queue");
  both.mutable_time_skipping_config();
  refused(errc::unimplemented, text, both);
}
