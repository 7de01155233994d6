// A workflow id's bound on calls is for its clients: what the server does for the workflow itself
// (hand-outs, offers, wakes) is not refused for it, so a storm of signals delays a workflow only.
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/cli/raw_client.hpp"
#include "tests/cli/reprise_process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <array>
#include <atomic>
#include <map>
#include <thread>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
namespace ws = temporal::api::workflowservice::v1;

namespace {

/// An activity for so many signals.
constexpr int signals_an_activity = 30;
constexpr const char* last_signal = "last";

ws::SignalWorkflowExecutionRequest signal_request(const std::string& name) {
  ws::SignalWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id("w");
  r.set_signal_name(name);
  return r;
}

/// What has become of the workflow, told by its events.
struct seen {
  void take(const api::history::v1::History& page) {
    for (const auto& e : page.events()) {
      ++events[e.event_type()];
      has_last = has_last
                 || e.workflow_execution_signaled_event_attributes().signal_name() == last_signal;
    }
  }

  int count(enums::EventType type) const {
    auto found = events.find(type);
    return found == events.end() ? 0 : found->second;
  }

  int signals() const {
    return count(enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED);
  }

  int activities() const {
    return count(enums::EVENT_TYPE_ACTIVITY_TASK_SCHEDULED);
  }

  bool is_done() const {
    return has_last && activities() == signals() / signals_an_activity
           && count(enums::EVENT_TYPE_ACTIVITY_TASK_COMPLETED) == activities();
  }

  std::map<int, int> events{};
  bool has_last = false;
};

/// Polls for workflow tasks and for activities, until it is told to end.
class worker {
public:
  explicit worker(int port) : client_(port) {
  }

  void end() {
    ends_ = true;
  }

  void serve_workflows() {
    ws::PollWorkflowTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name("queue");
    ws::PollWorkflowTaskQueueResponse task;
    while (!ends_)
      if (poll("PollWorkflowTaskQueue", r, task))
        complete(task);
  }

  void serve_activities() {
    ws::PollActivityTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name("queue");
    ws::PollActivityTaskQueueResponse task;
    while (!ends_) {
      if (!poll("PollActivityTaskQueue", r, task))
        continue;
      ws::RespondActivityTaskCompletedRequest done;
      done.set_namespace_("default");
      done.set_task_token(task.task_token());
      insist("RespondActivityTaskCompleted", done);
    }
  }

  /// The whole history, or that of the current run up to a page that is known.
  seen history(const api::history::v1::History& first, std::string page) {
    seen out;
    out.take(first);
    while (!page.empty()) {
      ws::GetWorkflowExecutionHistoryRequest r;
      r.set_namespace_("default");
      r.mutable_execution()->set_workflow_id("w");
      r.set_next_page_token(page);
      ws::GetWorkflowExecutionHistoryResponse more;
      if (!more.ParseFromString(insist("GetWorkflowExecutionHistory", r).bytes))
        return out;
      out.take(more.history());
      page = more.next_page_token();
    }
    return out;
  }

  /// Again and again while the workflow's clients are too many.
  raw_answer insist(const std::string& method, const google::protobuf::MessageLite& request) {
    while (true) {
      auto answer = client_.workflow_call(method, request);
      if (answer.status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED)
        return answer;
    }
  }

private:
  template <class Task>
  bool poll(const char* method, const google::protobuf::MessageLite& request, Task& task) {
    auto answer = client_.workflow_call(method, request, 70s);
    return answer.status.ok() && task.ParseFromString(answer.bytes) && !task.task_token().empty();
  }

  void complete(const ws::PollWorkflowTaskQueueResponse& task) {
    auto now = history(task.history(), task.next_page_token());
    ws::RespondWorkflowTaskCompletedRequest done;
    done.set_namespace_("default");
    done.set_task_token(task.task_token());
    for (int i = now.activities(); i < now.signals() / signals_an_activity; ++i) {
      auto& c = *done.add_commands();
      c.set_command_type(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
      auto& a = *c.mutable_schedule_activity_task_command_attributes();
      a.set_activity_id(std::to_string(i));
      a.mutable_activity_type()->set_name("activity");
      a.mutable_task_queue()->set_name("queue");
      a.mutable_schedule_to_close_timeout()->set_seconds(600);
    }
    if (now.is_done()) {
      auto& c = *done.add_commands();
      c.set_command_type(enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION);
      c.mutable_complete_workflow_execution_command_attributes();
    }
    // Refused when a signal came meanwhile that it does not know of: then there is another task.
    insist("RespondWorkflowTaskCompleted", done);
  }

  raw_client client_;
  std::atomic<bool> ends_{false};
};

/// What became of signals that were sent at once.
struct storm {
  int taken = 0;
  int refused = 0;
};

storm send_at_once(std::array<std::unique_ptr<raw_client>, 4>& clients, int count) {
  constexpr const char* path
    = "/temporal.api.workflowservice.v1.WorkflowService/SignalWorkflowExecution";
  auto request = signal_request("signal").SerializeAsString();
  std::vector<std::unique_ptr<raw_call>> calls;
  for (int i = 0; i < count; ++i)
    calls.push_back(
      clients[static_cast<std::size_t>(i) % clients.size()]->start(path, request, 30s));
  storm out;
  for (auto& c : calls) {
    auto status = c->status.get();
    if (status.ok())
      ++out.taken;
    else if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED)
      ++out.refused;
    else
      FAIL_CHECK(status.error_message());
  }
  return out;
}

} // namespace

TEST_CASE("signals beyond a workflow's bound are refused, and the workflow goes on to its end") {
  temporary_folder folder;
  reprise_process server{
    folder.path(),
    "server",
    {"server", "start-dev", "--port", "0", "--dynamic-config-value", "reprise.workflow.calls=16"}};
  auto port = server.port();
  ws::StartWorkflowExecutionRequest start;
  start.set_namespace_("default");
  start.set_workflow_id("w");
  start.mutable_workflow_type()->set_name("type");
  start.mutable_task_queue()->set_name("queue");
  std::array<std::unique_ptr<raw_client>, 4> clients;
  for (auto& c : clients)
    c = std::make_unique<raw_client>(port);
  REQUIRE(clients[0]->workflow_call("StartWorkflowExecution", start).status.ok());
  worker w{port};
  std::jthread workflows{[&] { w.serve_workflows(); }};
  std::jthread activities{[&] { w.serve_activities(); }};
  storm all;
  constexpr int at_once = 200;
  constexpr int taken_min = 300;
  constexpr int rounds_max = 40;
  for (int i = 0; i < rounds_max && (all.refused == 0 || all.taken < taken_min); ++i) {
    auto round = send_at_once(clients, at_once);
    all.taken += round.taken;
    all.refused += round.refused;
  }
  CHECK(all.refused > 0);
  CHECK(w.insist("SignalWorkflowExecution", signal_request(last_signal)).status.ok());
  auto has_ended = [&] {
    ws::DescribeWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.mutable_execution()->set_workflow_id("w");
    ws::DescribeWorkflowExecutionResponse described;
    auto answer = clients[0]->workflow_call("DescribeWorkflowExecution", r);
    return answer.status.ok() && described.ParseFromString(answer.bytes)
           && described.workflow_execution_info().status()
                == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED;
  };
  CHECK(eventually(has_ended));
  w.end();
  ws::GetWorkflowExecutionHistoryRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id("w");
  ws::GetWorkflowExecutionHistoryResponse first;
  REQUIRE(first.ParseFromString(w.insist("GetWorkflowExecutionHistory", r).bytes));
  auto now = w.history(first.history(), first.next_page_token());
  CHECK(now.signals() == all.taken + 1);
  CHECK(now.is_done());
  server.signal(SIGTERM);
  CHECK(server.exit_code() == 0);
}
