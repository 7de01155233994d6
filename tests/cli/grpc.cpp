// What the transport itself does: limits, unknown methods, health, reflection, the end.
#include "store/open.hpp"
#include "tests/cli/live_server.hpp"

#include <google/protobuf/any.pb.h>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;

namespace {

struct memory_server {
  memory_server() {
    REQUIRE(eventually([this] { return server.serves(); }));
  }

  std::unique_ptr<store::store> db = store::open_memory();
  live_server server{*db};
};

std::string path(const char* method) {
  return std::string{"/"} + workflow_service + "/" + method;
}

} // namespace

TEST_CASE_FIXTURE(memory_server, "a request over 4 MiB is refused in the words clients know") {
  constexpr std::size_t limit = 4U << 20;
  ws::StartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id("w");
  auto answer = server.client().call(path("StartWorkflowExecution"),
                                     r.SerializeAsString() + std::string(limit, '\0'));
  CHECK(answer.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(answer.status.error_message().starts_with("grpc: received message larger than max ("));
  CHECK(answer.status.error_message().ends_with(" vs. 4194304)"));
  // Beyond what the transport takes at all, too.
  answer = server.client().call(path("StartWorkflowExecution"), std::string(80U << 20, '\0'));
  CHECK(answer.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(server.count() == 0);
  CHECK(server.serves());
}

TEST_CASE_FIXTURE(memory_server, "a request of 4 MiB to the byte is read") {
  // A field that nobody knows, as long as the rest of the message allows.
  ws::CountWorkflowExecutionsRequest r;
  r.set_namespace_("default");
  auto bytes = r.SerializeAsString();
  constexpr std::size_t limit = 4U << 20;
  auto rest = limit - bytes.size() - 6;
  std::string head{"\xfa\x3f"};
  for (auto n = rest; head.size() < 6; n >>= 7)
    head.push_back(static_cast<char>((n & 0x7f) | (head.size() < 5 ? 0x80 : 0)));
  bytes += head + std::string(rest, 'x');
  REQUIRE(bytes.size() == limit);
  auto answer = server.client().call(path("CountWorkflowExecutions"), bytes);
  CHECK_MESSAGE(answer.status.ok(), answer.status.error_message());
}

TEST_CASE_FIXTURE(memory_server, "methods and services that are not there are named") {
  auto answer = server.client().call(path("CreateSchedule"), "");
  CHECK(answer.status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(answer.status.error_message() == "method CreateSchedule not implemented");
  answer = server.client().call(path("MadeUp"), "");
  CHECK(answer.status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(answer.status.error_message()
        == std::string{"unknown method MadeUp for service "} + workflow_service);
  answer = server.client().call("/made.Up/Call", "");
  CHECK(answer.status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(answer.status.error_message() == "unknown service made.Up");
}

TEST_CASE_FIXTURE(memory_server, "errors carry their detail as clients unpack it") {
  ws::StartWorkflowExecutionRequest r;
  r.set_namespace_("nowhere");
  auto answer = server.client().workflow_call("StartWorkflowExecution", r);
  CHECK(answer.status.error_code() == grpc::StatusCode::NOT_FOUND);
  // google.rpc.Status: code in field 1, text in field 2, the detail as Any in field 3.
  auto details = answer.status.error_details();
  CHECK(details.starts_with("\x08\x05"));
  CHECK(details.find("type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure")
        != std::string::npos);
  // Texts of errors are cut to what clients take in headers, and end with a whole character.
  ws::ListWorkflowExecutionsRequest list;
  list.set_namespace_("default");
  for (int i = 0; i < 30'000; ++i)
    list.mutable_query()->append("\xc3\xa4");
  list.mutable_query()->append(" = 1");
  answer = server.client().workflow_call("ListWorkflowExecutions", list);
  CHECK(answer.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(answer.status.error_message().size() > 1000);
  CHECK(answer.status.error_message().size() < 30'000);
  CHECK(answer.status.error_message().ends_with("\xc3\xa4"));
}

TEST_CASE_FIXTURE(memory_server, "health is said for the server and for its service") {
  CHECK(server.client().health("") == "SERVING");
  CHECK(server.client().health(workflow_service) == "SERVING");
  CHECK(server.client().health("made.Up") != "SERVING");
  server.grpc().set_serving(false);
  CHECK(server.client().health("") == "NOT_SERVING");
  CHECK(server.client().health(workflow_service) == "NOT_SERVING");
}

TEST_CASE_FIXTURE(memory_server, "reflection lists the services and describes them") {
  constexpr const char* reflection
    = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  auto listed = server.client().ask_stream(reflection, "\x3a\x01*");
  CHECK(listed.find(workflow_service) != std::string::npos);
  CHECK(listed.find("temporal.api.operatorservice.v1.OperatorService") != std::string::npos);
  CHECK(listed.find("grpc.health.v1.Health") != std::string::npos);
  std::string symbol = workflow_service;
  auto described = server.client().ask_stream(
    reflection, std::string{"\x22"} + static_cast<char>(symbol.size()) + symbol);
  CHECK(described.find("PollWorkflowTaskQueue") != std::string::npos);
}

TEST_CASE_FIXTURE(memory_server, "a poll that its caller gives up leaves the task to the next") {
  ws::PollWorkflowTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  auto given_up = server.client().start(path("PollWorkflowTaskQueue"), r.SerializeAsString(), 60s);
  given_up->context.TryCancel();
  CHECK(given_up->status.get().error_code() == grpc::StatusCode::CANCELLED);
  REQUIRE(server.start_workflow("w").status.ok());
  ws::PollWorkflowTaskQueueResponse task;
  CHECK(eventually([&] {
    auto answer = server.client().workflow_call("PollWorkflowTaskQueue", r, 3s);
    return answer.status.ok() && task.ParseFromString(answer.bytes) && !task.task_token().empty();
  }));
}

TEST_CASE("a server that ends answers polls empty and history's long polls UNAVAILABLE") {
  auto db = store::open_memory();
  std::unique_ptr<raw_call> poll;
  std::unique_ptr<raw_call> history;
  raw_client* other = nullptr;
  std::unique_ptr<raw_client> client;
  {
    live_server server{*db};
    REQUIRE(eventually([&] { return server.serves(); }));
    REQUIRE(server.start_workflow("w").status.ok());
    client = std::make_unique<raw_client>(server.port());
    other = client.get();
    ws::PollWorkflowTaskQueueRequest p;
    p.set_namespace_("default");
    p.mutable_task_queue()->set_name("empty");
    poll = other->start(path("PollWorkflowTaskQueue"), p.SerializeAsString(), 60s);
    ws::GetWorkflowExecutionHistoryRequest h;
    h.set_namespace_("default");
    h.mutable_execution()->set_workflow_id("w");
    h.set_history_event_filter_type(
      temporal::api::enums::v1::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
    h.set_wait_new_event(true);
    history = other->start(path("GetWorkflowExecutionHistory"), h.SerializeAsString(), 60s);
    // Both have arrived when a later call on their connection is answered.
    REQUIRE(other->health("") == "SERVING");
  }
  auto status = poll->status.get();
  CHECK_MESSAGE(status.ok(), status.error_message());
  CHECK(poll->received.Length() == 0);
  CHECK(history->status.get().error_code() == grpc::StatusCode::UNAVAILABLE);
}
