// Callers who err twice hear of what the API looks at first: each request here has several faults,
// and the one that is told is mended until none is left.

#include "protocol/parse_stored.hpp"
#include "tests/support/server_fixture.hpp"

#include <functional>

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr std::size_t too_long = 1001;

/// A fault that is told, and how to mend it.
template <class Request>
struct fault {
  const char* text;
  std::function<void(Request&)> mend;
};

struct order_fixture : server_fixture {
  template <class Request>
  void tells_in_order(Request r, const std::vector<fault<Request>>& faults) {
    for (const auto& [text, mend] : faults) {
      refused(errc::invalid_argument, text, r);
      mend(r);
    }
    CHECK(answer_to(r));
  }
};

/// Wrong in everything that both kinds of start have.
template <class Request>
Request all_wrong() {
  Request r;
  r.set_namespace_("default");
  r.set_request_id(std::string(too_long, 'r'));
  r.mutable_retry_policy()->set_backoff_coefficient(0.5);
  r.set_cron_schedule("61 * * * *");
  r.mutable_workflow_start_delay();
  for (auto* timeout : {r.mutable_workflow_execution_timeout(), r.mutable_workflow_run_timeout(),
                        r.mutable_workflow_task_timeout()})
    timeout->set_seconds(-1);
  r.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING);
  r.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_FAIL);
  (*r.mutable_search_attributes()->mutable_indexed_fields())["Nowhere"].set_data("1");
  r.mutable_priority()->set_priority_key(-1);
  r.add_links();
  r.mutable_input()->add_payloads()->set_data(std::string((2U << 20) + 1, 'i'));
  (*r.mutable_memo()->mutable_fields())["m"].set_data(std::string((2U << 20) + 1, 'm'));
  r.mutable_versioning_override();
  return r;
}

constexpr const char* negative_execution_timeout
  = "An invalid WorkflowExecutionTimeoutSeconds is set on request. cause: negative duration";
constexpr const char* negative_run_timeout
  = "An invalid WorkflowRunTimeoutSeconds is set on request. cause: negative duration";
constexpr const char* negative_task_timeout
  = "An invalid WorkflowTaskTimeoutSeconds is set on request. cause: negative duration";
constexpr const char* cron_and_delay
  = "CronSchedule and WorkflowStartDelay may not be used together.";
constexpr const char* flat_backoff = "BackoffCoefficient cannot be less than 1 on retry policy.";
constexpr const char* no_mapping
  = "Namespace default has no mapping defined for search attribute Nowhere";
constexpr const char* two_policies
  = "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used "
    "together with a WorkflowIDConflictPolicy";

} // namespace

TEST_CASE_FIXTURE(order_fixture, "of a start's faults the first in the API's order is told") {
  using request = ws::StartWorkflowExecutionRequest;
  auto r = all_wrong<request>();
  r.mutable_on_conflict_options()->set_attach_completion_callbacks(true);
  r.add_completion_callbacks()->mutable_nexus()->set_url("nowhere://");
  tells_in_order<request>(
    r,
    {{"WorkflowId is not set on request.",
      [](auto& x) { x.set_workflow_id(std::string(too_long, 'w')); }},
     {"WorkflowId exceeds maximum allowed length (1001/1000)",
      [](auto& x) { x.set_workflow_id("w"); }},
     {flat_backoff, [](auto& x) { x.clear_retry_policy(); }},
     {cron_and_delay, [](auto& x) { x.mutable_workflow_start_delay()->set_seconds(-1); }},
     {cron_and_delay, [](auto& x) { x.clear_workflow_start_delay(); }},
     {"invalid CronSchedule.", [](auto& x) { x.clear_cron_schedule(); }},
     {"WorkflowType is not set on request.",
      [](auto& x) { x.mutable_workflow_type()->set_name(std::string(too_long, 't')); }},
     {"WorkflowType length exceeds limit.",
      [](auto& x) { x.mutable_workflow_type()->set_name("t"); }},
     {"taskQueue is not set", [](auto& x) { x.mutable_task_queue(); }},
     {"missing task queue name",
      [](auto& x) { x.mutable_task_queue()->set_name(std::string(too_long, 'q')); }},
     {"taskQueue length exceeds limit",
      [](auto& x) { x.mutable_task_queue()->set_name("/_sys/q"); }},
     {"task queue name cannot start with reserved prefix /_sys/",
      [](auto& x) { x.mutable_task_queue()->set_name("temporal-sys-per-ns-any"); }},
     {"cannot use internal per-namespace task queue:temporal-sys-per-ns-any",
      [](auto& x) {
        x.mutable_task_queue()->set_name("temporal-sys-worker-controller-per-ns-tq");
      }},
     {"cannot use internal per-namespace task queue:temporal-sys-worker-controller-per-ns-tq",
      [](auto& x) { x.mutable_task_queue()->set_name("temporal-sys-other"); }},
     {negative_execution_timeout, [](auto& x) { x.clear_workflow_execution_timeout(); }},
     {negative_run_timeout, [](auto& x) { x.clear_workflow_run_timeout(); }},
     {negative_task_timeout, [](auto& x) { x.clear_workflow_task_timeout(); }},
     {"RequestId length exceeds limit.", [](auto& x) { x.set_request_id("r"); }},
     {two_policies, [](auto& x) { x.clear_workflow_id_reuse_policy(); }},
     {"attaching request ID is required for attaching completion callbacks",
      [](auto& x) { x.clear_on_conflict_options(); }},
     {no_mapping, [](auto& x) { x.clear_search_attributes(); }},
     {"priority key can't be negative", [](auto& x) { x.clear_priority(); }},
     {"invalid url: unknown scheme: nowhere://", [](auto& x) { x.clear_completion_callbacks(); }},
     {"unsupported link variant", [](auto& x) { x.clear_links(); }},
     {"Blob data size exceeds limit.", [](auto& x) { x.clear_input(); }},
     {"Memo size exceeds limit.", [](auto& x) { x.clear_memo(); }},
     {"override behavior is required", [](auto& x) { x.clear_versioning_override(); }}});
}

TEST_CASE_FIXTURE(order_fixture,
                  "of a signal-with-start's faults the first in the API's order is told") {
  using request = ws::SignalWithStartWorkflowExecutionRequest;
  auto r = all_wrong<request>();
  r.mutable_signal_input()->add_payloads()->set_data(std::string((2U << 20) + 1, 's'));
  tells_in_order<request>(
    r, {{"invalid CronSchedule.", [](auto& x) { x.set_cron_schedule("@daily"); }},
        {"WorkflowId is not set on request.",
         [](auto& x) { x.set_workflow_id(std::string(too_long, 'w')); }},
        {"WorkflowId exceeds maximum allowed length (1001/1000)",
         [](auto& x) { x.set_workflow_id("w"); }},
        {"signal not set", [](auto& x) { x.set_signal_name(std::string(too_long, 's')); }},
        {"signal name exceeds maximum allowed length (1001/1000)",
         [](auto& x) { x.set_signal_name("s"); }},
        {"workflow type not set",
         [](auto& x) { x.mutable_workflow_type()->set_name(std::string(too_long, 't')); }},
        {"workflow type name exceeds maximum allowed length (1001/1000)",
         [](auto& x) { x.mutable_workflow_type()->set_name("t"); }},
        {"taskQueue is not set",
         [](auto& x) { x.mutable_task_queue()->set_name("temporal-sys-per-ns-tq"); }},
        {"cannot use internal per-namespace task queue:temporal-sys-per-ns-tq",
         [](auto& x) { x.mutable_task_queue()->set_name("q"); }},
        {"Request ID exceeds maximum allowed length (1001/1000)",
         [](auto& x) { x.set_request_id("r"); }},
        {negative_execution_timeout, [](auto& x) { x.clear_workflow_execution_timeout(); }},
        {negative_run_timeout, [](auto& x) { x.clear_workflow_run_timeout(); }},
        {negative_task_timeout, [](auto& x) { x.clear_workflow_task_timeout(); }},
        {flat_backoff, [](auto& x) { x.clear_retry_policy(); }},
        {cron_and_delay, [](auto& x) { x.clear_cron_schedule(); }},
        {two_policies, [](auto& x) { x.clear_workflow_id_reuse_policy(); }},
        {"Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported for "
         "this operation.",
         [](auto& x) { x.clear_workflow_id_conflict_policy(); }},
        {no_mapping, [](auto& x) { x.clear_search_attributes(); }},
        {"priority key can't be negative", [](auto& x) { x.clear_priority(); }},
        {"unsupported link variant", [](auto& x) { x.clear_links(); }},
        {"Blob data size exceeds limit.", [](auto& x) { x.clear_signal_input(); }},
        {"Blob data size exceeds limit.", [](auto& x) { x.clear_input(); }},
        {"Memo size exceeds limit.", [](auto& x) { x.clear_memo(); }},
        {"override behavior is required", [](auto& x) { x.clear_versioning_override(); }}});
}

TEST_CASE_FIXTURE(server_fixture, "attributes that the server alone says of runs cannot be set") {
  for (const auto* name :
       {"WorkflowId", "CloseTime", "TemporalWorkerDeployment", "TemporalWorkerDeploymentVersion",
        "TemporalWorkflowVersioningBehavior", "TemporalUsedWorkerDeploymentVersions",
        "TemporalExternalPayloadCount", "TemporalExternalPayloadSizeBytes"}) {
    auto r = start_request("w");
    auto& payload = (*r.mutable_search_attributes()->mutable_indexed_fields())[name];
    (*payload.mutable_metadata())["encoding"] = "json/plain";
    auto text = std::string{name} + " attribute can't be set in SearchAttributes";
    payload.set_data("\"x\"");
    refused(errc::invalid_argument, text, r);
    payload.set_data("null");
    refused(errc::invalid_argument, text, r);
  }
  auto r = start_request("w");
  auto& payload = (*r.mutable_search_attributes()->mutable_indexed_fields())["BuildIds"];
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  payload.set_data("[\"x\"]");
  ok<ws::StartWorkflowExecutionResponse>(r);
}

TEST_CASE_FIXTURE(server_fixture, "polls check queue and worker in their own order") {
  auto workflow = poll_request(std::string(too_long, 'q'));
  auto activity = activity_poll(std::string(too_long, 'q'));
  ws::PollNexusTaskQueueRequest nexus;
  nexus.set_namespace_("default");
  nexus.mutable_task_queue()->set_name(std::string(too_long, 'q'));
  auto worker_wrong = [](auto& r) {
    r.set_identity(std::string(too_long, 'i'));
    r.mutable_deployment_options()->set_worker_versioning_mode(
      enums::WORKER_VERSIONING_MODE_VERSIONED);
  };
  worker_wrong(workflow);
  worker_wrong(activity);
  worker_wrong(nexus);
  constexpr const char* long_queue = "taskQueue length exceeds limit";
  constexpr const char* long_identity = "Identity length exceeds limit.";
  constexpr const char* half = "Deployment name and build id must be set together.";
  auto told = [&](const char* text, const auto& r) {
    refused(errc::invalid_argument, text, r, poll_options());
  };
  told(long_identity, workflow);
  workflow.clear_identity();
  told(half, workflow);
  workflow.clear_deployment_options();
  told(long_queue, workflow);
  told(long_queue, activity);
  told(long_queue, nexus);
  activity.mutable_task_queue()->set_name("q");
  nexus.mutable_task_queue()->set_name("q");
  told(long_identity, activity);
  told(long_identity, nexus);
  activity.clear_identity();
  nexus.clear_identity();
  told(half, activity);
  told(half, nexus);
}

TEST_CASE_FIXTURE(server_fixture, "a worker's version is checked wherever it is told") {
  auto r = poll_request();
  auto& deployment = *r.mutable_deployment_options();
  deployment.set_worker_versioning_mode(enums::WORKER_VERSIONING_MODE_VERSIONED);
  auto told = [&](const char* text) { refused(errc::invalid_argument, text, r, poll_options()); };
  deployment.set_build_id(std::string(481, 'b'));
  deployment.set_deployment_name(std::string(481, 'd'));
  told("size of WorkerDeploymentName larger than the maximum allowed");
  deployment.set_deployment_name("a.b");
  told("worker deployment name cannot contain '.'");
  deployment.set_deployment_name("a:b");
  told("worker deployment name cannot contain ':'");
  deployment.set_deployment_name("__a");
  told("WorkerDeploymentName cannot start with '__'");
  deployment.set_deployment_name(std::string(480, 'd'));
  told("size of BuildID larger than the maximum allowed");
  deployment.set_build_id("__b");
  told("BuildID cannot start with '__'");
  deployment.set_build_id("b");
  r.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
  constexpr const char* no_normal_name = "NormalName must be set on sticky queue when "
                                         "UseVersioning is true or DeploymentOptions are set.";
  told(no_normal_name);
  r.clear_deployment_options();
  auto& stamp = *r.mutable_worker_version_capabilities();
  stamp.set_use_versioning(true);
  told(no_normal_name);
  r.mutable_task_queue()->set_normal_name("normal");
  told("WorkerVersionStamp must be present if UseVersioning is true.");
  stamp.set_build_id(std::string(256, 'b'));
  told("Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.");
}

TEST_CASE_FIXTURE(server_fixture, "a namespace's name is measured before anything else") {
  std::string name(too_long, 'n');
  constexpr const char* text = "Namespace length exceeds limit.";
  auto told = [&](auto request) {
    request.set_namespace_(name);
    refused(errc::invalid_argument, text, request);
  };
  told(ws::StartWorkflowExecutionRequest{});
  told(ws::SignalWithStartWorkflowExecutionRequest{});
  told(ws::SignalWorkflowExecutionRequest{});
  told(ws::DescribeWorkflowExecutionRequest{});
  told(ws::GetWorkflowExecutionHistoryRequest{});
  told(ws::QueryWorkflowRequest{});
  told(ws::ListWorkflowExecutionsRequest{});
  told(ws::CountWorkflowExecutionsRequest{});
  told(ws::PollWorkflowTaskQueueRequest{});
  told(ws::PollActivityTaskQueueRequest{});
  told(ws::PollNexusTaskQueueRequest{});
  told(ws::RespondWorkflowTaskCompletedRequest{});
  told(ws::RespondActivityTaskCompletedRequest{});
  told(ws::RespondActivityTaskFailedByIdRequest{});
  told(ws::RespondQueryTaskCompletedRequest{});
  told(ws::RecordWorkerHeartbeatRequest{});
  told(ws::PauseActivityRequest{});
  told(ws::ResetActivityExecutionRequest{});
  told(ws::DescribeTaskQueueRequest{});
  told(ws::DescribeNamespaceRequest{});
  told(ws::UpdateNamespaceRequest{});
  told(ws::RegisterNamespaceRequest{});
  told(op::DeleteNamespaceRequest{});
  told(op::AddSearchAttributesRequest{});
  name.resize(1000);
  refused(errc::not_found, "Namespace " + name + " is not found.", [&] {
    ws::DescribeNamespaceRequest r;
    r.set_namespace_(name);
    return r;
  }());
}

TEST_CASE_FIXTURE(server_fixture, "a namespace is called by its name, not by its id") {
  ws::DescribeNamespaceRequest describe;
  describe.set_namespace_("default");
  auto id = ok<ws::DescribeNamespaceResponse>(describe).namespace_info().id();
  describe.set_namespace_(id);
  refused(errc::not_found, "Namespace " + id + " is not found.", describe);
  auto r = start_request("w");
  r.set_namespace_(id);
  refused(errc::not_found, "Namespace " + id + " is not found.", r);
}

namespace {

/// A failure with this many causes, each in the one before it, as bytes: too deep to be built.
std::string failure_with_causes(int causes) {
  api::failure::v1::Failure root;
  root.set_message("root");
  root.mutable_application_failure_info()->set_type("T");
  auto bytes = root.SerializeAsString();
  auto varint = [](std::size_t n) {
    std::string out;
    for (; n > 127; n >>= 7)
      out.push_back(static_cast<char>((n & 127) | 128));
    out.push_back(static_cast<char>(n));
    return out;
  };
  constexpr char cause_tag = 4 << 3 | 2;
  for (int i = 0; i < causes; ++i)
    bytes = root.SerializeAsString() + cause_tag + varint(bytes.size()) + bytes;
  return bytes;
}

struct deep_fixture : server_fixture {
  std::string failing_request(int causes) {
    start_workflow("w");
    complete_task(take_workflow_task().task_token(), {activity_command("a")});
    ws::RespondActivityTaskFailedRequest r;
    r.set_namespace_("default");
    r.set_task_token(take_activity_task().task_token());
    // Behind it, the failure, field 2.
    auto failure = failure_with_causes(causes);
    std::string size;
    for (auto n = failure.size(); n != 0; n >>= 7)
      size.push_back(static_cast<char>((n & 127) | (n > 127 ? 128 : 0)));
    return r.SerializeAsString() + static_cast<char>(2 << 3 | 2) + size + failure;
  }
};

} // namespace

TEST_CASE_FIXTURE(deep_fixture, "a failure with a thousand causes is taken, and read back") {
  auto made = send("RespondActivityTaskFailed", failing_request(1000), {});
  run();
  REQUIRE(made.answered());
  CHECK_MESSAGE(made.answer(), made.answer().error().message);
  ws::DescribeWorkflowExecutionRequest describe;
  describe.set_namespace_("default");
  describe.mutable_execution()->set_workflow_id("w");
  CHECK(answer_to(describe));
}

TEST_CASE_FIXTURE(deep_fixture, "messages nested deeper than that are the caller's fault") {
  auto request = failing_request(5000);
  auto before = writes;
  auto made = send("RespondActivityTaskFailed", request, {});
  run();
  REQUIRE(made.answered());
  REQUIRE_FALSE(made.answer());
  CHECK(made.answer().error().code == errc::invalid_argument);
  CHECK(made.answer().error().message == "Messages in the request are nested more than 2000 deep.");
  CHECK(writes == before);
}

TEST_CASE_FIXTURE(server_fixture, "a page of a completion is not taken for the whole") {
  start_workflow("w");
  auto token = take_workflow_task().task_token();
  complete_task(token, {timer_command("t", 60)});
  auto late = completion(token, {complete_command()});
  late.set_page_number(1);
  refused(errc::not_found, "Workflow task not found.", late);
  ok<ws::SignalWorkflowExecutionResponse>(signal_request("w"));
  token = take_workflow_task().task_token();
  constexpr const char* text
    = "workflow task completion pagination is disabled for this namespace default";
  auto r = completion(token, {complete_command()});
  r.set_page_number(1);
  CHECK(refusal(r).message == text);
  CHECK(refusal(r).code == errc::failed_precondition);
  r.clear_page_number();
  r.set_intermediate_page(true);
  CHECK(refusal(r).message == text);
  r.clear_intermediate_page();
  ok<ws::RespondWorkflowTaskCompletedResponse>(r);
}

TEST_CASE_FIXTURE(server_fixture, "no command names a queue of the server's own") {
  const std::string queue = "temporal-sys-per-ns-tq";
  const std::string text = "cannot use internal per-namespace task queue:" + queue
                           + " (in parent component task queue: queue)";
  auto told = [this](const std::string& id, const api::command::v1::Command& command) {
    start_workflow(id);
    auto why = refusal(completion(take_workflow_task().task_token(), {command}));
    CHECK(why.code == errc::invalid_argument);
    ws::TerminateWorkflowExecutionRequest end;
    end.set_namespace_("default");
    end.mutable_workflow_execution()->set_workflow_id(id);
    ok<ws::TerminateWorkflowExecutionResponse>(end);
    return why.message;
  };
  auto activity = activity_command("a");
  activity.mutable_schedule_activity_task_command_attributes()->mutable_task_queue()->set_name(
    queue);
  CHECK(told("activity", activity) == "BadScheduleActivityAttributes: " + text);
  api::command::v1::Command next;
  next.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  next.mutable_continue_as_new_workflow_execution_command_attributes()
    ->mutable_task_queue()
    ->set_name(queue);
  CHECK(told("next", next)
        == "BadContinueAsNewAttributes: error validating ContinueAsNewWorkflowExecutionCommand "
           "TaskQueue: "
             + text + ". WorkflowType=type TaskQueue=name:\"" + queue
             + "\" kind:TASK_QUEUE_KIND_NORMAL");
  api::command::v1::Command child;
  child.set_command_type(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION);
  auto& a = *child.mutable_start_child_workflow_execution_command_attributes();
  a.set_workflow_id("child");
  a.mutable_workflow_type()->set_name("type");
  a.mutable_task_queue()->set_name(queue);
  CHECK(told("child", child)
          .starts_with("BadStartChildExecutionAttributes: invalid TaskQueue on "
                       "StartChildWorkflowExecutionCommand: "
                       + text));
}
