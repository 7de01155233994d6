// Polls on real connections whose callers go while a task is on its way to them. As long as no byte
// of the answer was given to the socket, the next poll gets the task at once; what was given to the
// socket counts as delivered.
#include "store/open.hpp"
#include "tests/cli/live_server.hpp"
#include "tests/cli/raw_connection.hpp"

#include <functional>
#include <optional>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

/// Far more than a test takes: nobody gets a task here because its time is over.
constexpr std::int64_t task_seconds = 100;

std::string path(const char* method) {
  return std::string{"/"} + workflow_service + "/" + method;
}

template <class Poll>
Poll poll_request() {
  Poll r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  r.set_identity("worker");
  return r;
}

struct lost_polls {
  lost_polls() {
    REQUIRE(eventually([this] { return server.serves(); }));
  }

  static ws::StartWorkflowExecutionRequest start_request() {
    ws::StartWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.set_workflow_id("w");
    r.mutable_workflow_type()->set_name("type");
    r.mutable_task_queue()->set_name("queue");
    r.mutable_workflow_task_timeout()->set_seconds(task_seconds);
    return r;
  }

  void start_workflow() {
    REQUIRE(server.client().workflow_call("StartWorkflowExecution", start_request()).status.ok());
  }

  /// Of the workflow's first task; `for_more`: its worker takes what follows with the answer.
  ws::RespondWorkflowTaskCompletedRequest activity_completion(bool for_more) {
    ws::RespondWorkflowTaskCompletedRequest r;
    r.set_namespace_("default");
    r.set_task_token(take<ws::PollWorkflowTaskQueueResponse>(workflow_poll, 30s).task_token());
    auto& command = *r.add_commands();
    command.set_command_type(temporal::api::enums::v1::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
    auto& a = *command.mutable_schedule_activity_task_command_attributes();
    a.set_activity_id("a");
    a.mutable_activity_type()->set_name("activity");
    a.mutable_task_queue()->set_name("queue");
    a.mutable_start_to_close_timeout()->set_seconds(task_seconds);
    a.set_request_eager_execution(for_more);
    r.set_force_create_new_workflow_task(for_more);
    r.set_return_new_workflow_task(for_more);
    return r;
  }

  void schedule_activity() {
    start_workflow();
    auto r = activity_completion(false);
    REQUIRE(server.client().workflow_call("RespondWorkflowTaskCompleted", r).status.ok());
  }

  template <class Response, class Poll>
  Response take(const Poll& poll, std::chrono::milliseconds patience) {
    auto method = poll.GetDescriptor()->name();
    method.resize(method.size() - std::string{"Request"}.size());
    auto answer = server.client().call(path(method.c_str()), poll.SerializeAsString(), patience);
    Response out;
    out.ParseFromString(answer.bytes);
    return out;
  }

  ws::DescribeWorkflowExecutionResponse describe() {
    ws::DescribeWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.mutable_execution()->set_workflow_id("w");
    ws::DescribeWorkflowExecutionResponse out;
    out.ParseFromString(server.client().workflow_call("DescribeWorkflowExecution", r).bytes);
    return out;
  }

  bool workflow_task_is_started() {
    return describe().pending_workflow_task().state()
           == temporal::api::enums::v1::PENDING_WORKFLOW_TASK_STATE_STARTED;
  }

  bool activity_is_started() {
    auto said = describe();
    return said.pending_activities_size() == 1
           && said.pending_activities(0).state()
                == temporal::api::enums::v1::PENDING_ACTIVITY_STATE_STARTED;
  }

  const ws::PollWorkflowTaskQueueRequest workflow_poll
    = poll_request<ws::PollWorkflowTaskQueueRequest>();
  const ws::PollActivityTaskQueueRequest activity_poll
    = poll_request<ws::PollActivityTaskQueueRequest>();
  std::unique_ptr<store::store> db = store::open_memory();
  live_server server{*db};
};

/// How a caller goes.
void hang_up(std::optional<raw_connection>& c, bool by_reset_of_the_call) {
  if (by_reset_of_the_call)
    REQUIRE(c->reset_call(1));
  else
    c.reset();
}

} // namespace

TEST_CASE_FIXTURE(lost_polls, "a workflow task that its poll could not be sent is for the next") {
  auto resets = false;
  SUBCASE("the call is reset") {
    resets = true;
  }
  SUBCASE("the connection is cut") {
  }
  start_workflow();
  std::optional<raw_connection> stalled{std::in_place, server.port()};
  REQUIRE(stalled->greet(0));
  REQUIRE(stalled->begin_call(1, path("PollWorkflowTaskQueue"), "60S"));
  REQUIRE(stalled->end_call(1, workflow_poll.SerializeAsString()));
  REQUIRE(eventually([&] { return workflow_task_is_started(); }));
  hang_up(stalled, resets);
  auto task = take<ws::PollWorkflowTaskQueueResponse>(workflow_poll, 30s);
  CHECK_FALSE(task.task_token().empty());
  CHECK(task.attempt() == 1);
}

TEST_CASE_FIXTURE(lost_polls, "an activity that its poll could not be sent is for the next") {
  auto resets = false;
  SUBCASE("the call is reset") {
    resets = true;
  }
  SUBCASE("the connection is cut") {
  }
  schedule_activity();
  std::optional<raw_connection> stalled{std::in_place, server.port()};
  REQUIRE(stalled->greet(0));
  REQUIRE(stalled->begin_call(1, path("PollActivityTaskQueue"), "60S"));
  REQUIRE(stalled->end_call(1, activity_poll.SerializeAsString()));
  REQUIRE(eventually([&] { return activity_is_started(); }));
  hang_up(stalled, resets);
  auto task = take<ws::PollActivityTaskQueueResponse>(activity_poll, 30s);
  CHECK_FALSE(task.task_token().empty());
  CHECK(task.attempt() == 1);
}

TEST_CASE_FIXTURE(lost_polls, "tasks whose answer could not be sent are for others, whose ever") {
  auto resets = false;
  auto eager = false;
  SUBCASE("of a completion, whose call is reset") {
    resets = true;
  }
  SUBCASE("of a completion, whose connection is cut") {
  }
  SUBCASE("of an eager start, whose connection is cut") {
    eager = true;
  }
  std::string method = "StartWorkflowExecution";
  auto r = start_request();
  r.set_request_eager_execution(true);
  auto bytes = r.SerializeAsString();
  if (!eager) {
    start_workflow();
    auto done = activity_completion(true);
    method = "RespondWorkflowTaskCompleted";
    bytes = done.SerializeAsString();
  }
  std::optional<raw_connection> stalled{std::in_place, server.port()};
  REQUIRE(stalled->greet(0));
  REQUIRE(stalled->begin_call(1, path(method.c_str()), "60S"));
  REQUIRE(stalled->end_call(1, bytes));
  REQUIRE(eventually([&] { return eager ? workflow_task_is_started() : activity_is_started(); }));
  hang_up(stalled, resets);
  auto task = take<ws::PollWorkflowTaskQueueResponse>(workflow_poll, 30s);
  CHECK_FALSE(task.task_token().empty());
  CHECK(task.attempt() == 1);
  if (eager)
    return;
  auto activity = take<ws::PollActivityTaskQueueResponse>(activity_poll, 30s);
  CHECK_FALSE(activity.task_token().empty());
  CHECK(activity.attempt() == 1);
}

TEST_CASE_FIXTURE(lost_polls, "a task whose answer was begun counts as delivered") {
  schedule_activity();
  std::optional<raw_connection> slow{std::in_place, server.port()};
  // The answer is longer.
  REQUIRE(slow->greet(20));
  REQUIRE(slow->begin_call(1, path("PollActivityTaskQueue"), "60S"));
  REQUIRE(slow->end_call(1, activity_poll.SerializeAsString()));
  REQUIRE(eventually([&] { return activity_is_started(); }));
  // A message begins with a zero, which no header holds.
  std::string heard;
  REQUIRE(eventually([&] {
    slow->ping("12345678");
    heard += slow->hear(1);
    return heard.find('\0') != std::string::npos;
  }));
  slow.reset();
  CHECK(take<ws::PollActivityTaskQueueResponse>(activity_poll, 3s).task_token().empty());
  CHECK(activity_is_started());
}

TEST_CASE_FIXTURE(lost_polls, "a server that ends takes back what it could not send") {
  schedule_activity();
  raw_connection stalled{server.port()};
  REQUIRE(stalled.greet(0));
  REQUIRE(stalled.begin_call(1, path("PollActivityTaskQueue"), "60S"));
  REQUIRE(stalled.end_call(1, activity_poll.SerializeAsString()));
  REQUIRE(eventually([&] { return activity_is_started(); }));
  server.end(200ms);
  auto rows = db->namespaces();
  REQUIRE(rows);
  auto run = db->current_run(rows->front().id, machine_kind::workflow, "w");
  REQUIRE(run);
  REQUIRE(run->has_value());
  CHECK((**run).offer_at.has_value());
}
