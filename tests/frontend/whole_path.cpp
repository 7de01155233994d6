// The front door over a whole server: what holds for all calls.
#include "temporal/api/errordetails/v1/message.pb.h"
#include "tests/support/server_fixture.hpp"

#include <set>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
namespace details = temporal::api::errordetails::v1;

TEST_CASE_FIXTURE(server_fixture, "a workflow runs from its start to its history by calls alone") {
  REQUIRE(prepared);
  auto run_id = start_workflow("w");
  auto task = take_workflow_task();
  CHECK(task.workflow_execution().run_id() == run_id);
  complete_task(task.task_token(), {activity_command("a")});
  auto activity = take_activity_task();
  ws::RespondActivityTaskCompletedRequest done;
  done.set_namespace_("default");
  done.set_task_token(activity.task_token());
  ok<ws::RespondActivityTaskCompletedResponse>(done);
  complete_task(take_workflow_task().task_token(), {complete_command()});
  CHECK(history("w") == std::vector<int>{1, 5, 6, 7, 10, 11, 12, 5, 6, 7, 2});
  CHECK(count("ExecutionStatus = 'Completed'") == 1);
}

TEST_CASE_FIXTURE(server_fixture, "methods that are not offered answer UNIMPLEMENTED by name") {
  std::set<std::string> offered;
  for (const auto& m : front().methods()) {
    if (m->serve) {
      offered.insert(m->name);
      continue;
    }
    auto before = writes;
    auto made = call(m->path, "not even a message");
    REQUIRE(made.answered());
    REQUIRE(!made.answer());
    CHECK(made.answer().error().code == errc::unimplemented);
    CHECK(made.answer().error().message == "method " + m->name + " not implemented");
    CHECK(writes == before);
  }
  for (const char* name : {"GetSystemInfo",
                           "GetClusterInfo",
                           "RegisterNamespace",
                           "DescribeNamespace",
                           "ListNamespaces",
                           "UpdateNamespace",
                           "StartWorkflowExecution",
                           "SignalWithStartWorkflowExecution",
                           "SignalWorkflowExecution",
                           "RequestCancelWorkflowExecution",
                           "TerminateWorkflowExecution",
                           "DescribeWorkflowExecution",
                           "GetWorkflowExecutionHistory",
                           "GetWorkflowExecutionHistoryReverse",
                           "ListWorkflowExecutions",
                           "CountWorkflowExecutions",
                           "AddSearchAttributes",
                           "RemoveSearchAttributes",
                           "ListSearchAttributes",
                           "PollWorkflowTaskQueue",
                           "RespondWorkflowTaskCompleted",
                           "RespondWorkflowTaskFailed",
                           "PollActivityTaskQueue",
                           "RecordActivityTaskHeartbeat",
                           "RecordActivityTaskHeartbeatById",
                           "RespondActivityTaskCompleted",
                           "RespondActivityTaskCompletedById",
                           "RespondActivityTaskFailed",
                           "RespondActivityTaskFailedById",
                           "RespondActivityTaskCanceled",
                           "RespondActivityTaskCanceledById",
                           "QueryWorkflow",
                           "RespondQueryTaskCompleted",
                           "ResetStickyTaskQueue",
                           "ShutdownWorker",
                           "DescribeTaskQueue"}) {
    INFO(name);
    CHECK(offered.contains(name));
  }
  CHECK(front().methods().size() >= 130);
}

TEST_CASE_FIXTURE(server_fixture, "a method that no service has is refused") {
  auto made = call("/temporal.api.workflowservice.v1.WorkflowService/Nothing", "");
  REQUIRE(made.answered());
  REQUIRE(!made.answer());
  CHECK(made.answer().error().code == errc::unimplemented);
}

TEST_CASE_FIXTURE(server_fixture, "capabilities are claimed for what is there and nothing else") {
  auto can = ok<ws::GetSystemInfoResponse>(ws::GetSystemInfoRequest{}).capabilities();
  auto offers = [this](const char* name) { return front().find(path_of(name))->serve != nullptr; };
  CHECK(can.supports_schedules() == offers("CreateSchedule"));
  CHECK(can.nexus() == offers("CreateNexusEndpoint"));
  CHECK(can.upsert_memo());
  CHECK(can.eager_workflow_start());
  CHECK(can.sdk_metadata());
  CHECK(can.count_group_by_execution_status());
  CHECK(can.internal_error_differentiation());
  ws::DescribeNamespaceRequest r;
  r.set_namespace_("default");
  auto ns = ok<ws::DescribeNamespaceResponse>(r).namespace_info().capabilities();
  CHECK(ns.sync_update() == offers("UpdateWorkflowExecution"));
  CHECK(ns.async_update() == offers("PollWorkflowExecutionUpdate"));
  CHECK(ns.workflow_pause() == false);
  CHECK(ns.standalone_activities() == offers("StartActivityExecution"));
  CHECK(ns.worker_heartbeats() == offers("ListWorkers"));
  CHECK(ns.eager_workflow_start());
}

TEST_CASE_FIXTURE(server_fixture, "an eager start hands out its first task, as is claimed") {
  auto r = start_request("w");
  r.set_request_eager_execution(true);
  auto response = ok<ws::StartWorkflowExecutionResponse>(r);
  REQUIRE(response.has_eager_workflow_task());
  complete_task(response.eager_workflow_task().task_token(), {complete_command()});
  CHECK(history("w").back() == 2);
}

TEST_CASE_FIXTURE(server_fixture, "the cluster says who it is") {
  auto info = ok<ws::GetClusterInfoResponse>(ws::GetClusterInfoRequest{});
  CHECK(info.cluster_id() == "33333333-3333-4333-8333-333333333333");
  CHECK(info.persistence_store() == "memory");
  CHECK(info.history_shard_count() == 4096);
  CHECK(info.supported_clients().at("temporal-go") == "<2.0.0");
  auto clusters = ok<op::ListClustersResponse>(op::ListClustersRequest{});
  REQUIRE(clusters.clusters_size() == 1);
  CHECK(clusters.clusters(0).cluster_name() == info.cluster_name());
}

TEST_CASE_FIXTURE(server_fixture, "calls are counted by method, with bounded labels") {
  start_workflow("w");
  auto again = start_request("w");
  again.set_request_id("another");
  refusal(again);
  CHECK(registry
          .counter("service_requests", "",
                   {{"service_name", "frontend"}, {"operation", "StartWorkflowExecution"}})
          .value()
        == 2);
  CHECK(registry
          .counter("service_error_with_type", "",
                   {{"service_name", "frontend"},
                    {"operation", "StartWorkflowExecution"},
                    {"error_type", "ALREADY_EXISTS"}})
          .value()
        == 1);
  // A caller's invention is no label.
  call("CreateSchedule", "");
  call("/made/Up", "");
  CHECK(
    registry
      .counter(
        "service_error_with_type", "",
        {{"service_name", "frontend"}, {"operation", "unknown"}, {"error_type", "UNIMPLEMENTED"}})
      .value()
    >= 1);
}

TEST_CASE_FIXTURE(server_fixture, "a caller that goes away costs nobody a task") {
  auto gone = send_request(poll_request(), poll_options());
  run();
  CHECK_FALSE(gone.answered());
  gone.handle->cancel();
  run();
  REQUIRE(gone.answered());
  CHECK(gone.answer().error().code == errc::cancelled);
  start_workflow("w");
  CHECK(*gone.answers == 1);
  CHECK(take_workflow_task().workflow_execution().workflow_id() == "w");
}

TEST_CASE_FIXTURE(server_fixture, "a cancelled call is answered once, whatever comes later") {
  auto made = send_request(start_request("w"));
  made.handle->cancel();
  run();
  CHECK(*made.answers == 1);
  CHECK(made.answer().error().code == errc::cancelled);
}

TEST_CASE_FIXTURE(server_fixture, "clients of a version that is not supported are told which are") {
  call_options old{.headers = {{"client-name", "temporal-go"}, {"client-version", "2.0.0"}}};
  auto why = refused(errc::failed_precondition,
                     "Client version 2.0.0 is not supported. Server supports temporal-go versions: "
                     "<2.0.0",
                     start_request("w"), old);
  auto detail = detail_of<details::ClientVersionNotSupportedFailure>(why);
  CHECK(detail.client_name() == "temporal-go");
  CHECK(detail.client_version() == "2.0.0");
  CHECK(detail.supported_versions() == "<2.0.0");
  CHECK(count() == 0);
  old.headers["client-version"] = "1.99.3-rc.1+build";
  ok<ws::StartWorkflowExecutionResponse>(start_request("w"), old);
}

// Queue actors used to count down when they were destroyed, which a delayed message may put off
// until the server is gone: the gauges stayed, and a late destructor wrote to freed memory.
TEST_CASE_FIXTURE(server_fixture,
                  "a server that ends leaves nothing counted, whatever is delayed") {
  auto poll = send_request(poll_request("another"), poll_options());
  start_workflow("w");
  run();
  CHECK(registry.gauge("reprise_polls_waiting", "").value() == 1);
  CHECK(registry.gauge("reprise_tasks_pending", "").value() == 1);
  server().stop();
  CHECK(registry.gauge("reprise_polls_waiting", "").value() == 0);
  CHECK(registry.gauge("reprise_tasks_pending", "").value() == 0);
  REQUIRE(poll.answered());
  CHECK(poll.answer().error().code == errc::unavailable);
}
