#pragma once

// Calls of the public API on a whole server in this thread, typed and checked.

#include "temporal/api/operatorservice/v1/request_response.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"
#include "tests/support/virtual_server.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

/// So that a failed check shows the types of events.
template <>
struct doctest::StringMaker<std::vector<int>> {
  static doctest::String convert(const std::vector<int>& numbers) {
    std::string out;
    for (int n : numbers)
      out += (out.empty() ? "" : " ") + std::to_string(n);
    return out.c_str();
  }
};

namespace reprise::testing {

namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
namespace ws = temporal::api::workflowservice::v1;
namespace op = temporal::api::operatorservice::v1;

/// "StartWorkflowExecution" for StartWorkflowExecutionRequest.
template <class Request>
std::string method_of(const Request& request) {
  auto name = request.GetDescriptor()->name();
  constexpr std::size_t suffix = sizeof "Request" - 1;
  return name.substr(0, name.size() - suffix);
}

class server_fixture : public virtual_server {
public:
  using virtual_server::virtual_server;

  template <class Request>
  made_call send_request(const Request& request, const call_options& o = {}) {
    return send(method_of(request), request.SerializeAsString(), o);
  }

  /// Makes a call that has to be answered at once, with or without success.
  template <class Request>
  result<std::string> answer_to(const Request& request, const call_options& o = {}) {
    auto made = send_request(request, o);
    run();
    REQUIRE_MESSAGE(made.answered(), method_of(request));
    CHECK(*made.answers == 1);
    return made.answer();
  }

  template <class Response, class Request>
  Response ok(const Request& request, const call_options& o = {}) {
    return read<Response>(answer_to(request, o));
  }

  template <class Response>
  static Response read(const result<std::string>& answer) {
    if (!answer)
      FAIL(to_string(answer.error().code) << ": " << answer.error().message);
    Response out;
    REQUIRE(out.ParseFromString(*answer));
    return out;
  }

  template <class Request>
  error refusal(const Request& request, const call_options& o = {}) {
    auto answer = answer_to(request, o);
    REQUIRE_MESSAGE(!answer, method_of(request) << " was not refused");
    return answer.error();
  }

  /// Refused with this code and text, nothing written.
  template <class Request>
  error
  refused(errc code, const std::string& text, const Request& request, const call_options& o = {}) {
    auto before = writes;
    auto why = refusal(request, o);
    CHECK(to_string(why.code) == to_string(code));
    CHECK(why.message == text);
    CHECK(writes == before);
    return why;
  }

  // -- requests that hold ------------------------------------------------------------------------

  static ws::StartWorkflowExecutionRequest start_request(const std::string& id) {
    ws::StartWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.set_workflow_id(id);
    r.mutable_workflow_type()->set_name("type");
    r.mutable_task_queue()->set_name("queue");
    r.set_identity("tester");
    r.set_request_id("start-" + id);
    return r;
  }

  static ws::SignalWorkflowExecutionRequest signal_request(const std::string& id) {
    ws::SignalWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.mutable_workflow_execution()->set_workflow_id(id);
    r.set_signal_name("signal");
    return r;
  }

  static ws::PollWorkflowTaskQueueRequest poll_request(const std::string& queue = "queue") {
    ws::PollWorkflowTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name(queue);
    r.set_identity("worker");
    return r;
  }

  static ws::PollActivityTaskQueueRequest activity_poll(const std::string& queue = "queue") {
    ws::PollActivityTaskQueueRequest r;
    r.set_namespace_("default");
    r.mutable_task_queue()->set_name(queue);
    r.set_identity("worker");
    return r;
  }

  static ws::GetWorkflowExecutionHistoryRequest history_request(const std::string& id) {
    ws::GetWorkflowExecutionHistoryRequest r;
    r.set_namespace_("default");
    r.mutable_execution()->set_workflow_id(id);
    return r;
  }

  static ws::ListWorkflowExecutionsRequest list_request(const std::string& query = {}) {
    ws::ListWorkflowExecutionsRequest r;
    r.set_namespace_("default");
    r.set_query(query);
    return r;
  }

  static api::command::v1::Command complete_command() {
    api::command::v1::Command c;
    c.set_command_type(enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION);
    c.mutable_complete_workflow_execution_command_attributes();
    return c;
  }

  static api::command::v1::Command activity_command(const std::string& id) {
    api::command::v1::Command c;
    c.set_command_type(enums::COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK);
    auto& a = *c.mutable_schedule_activity_task_command_attributes();
    a.set_activity_id(id);
    a.mutable_activity_type()->set_name("activity");
    a.mutable_task_queue()->set_name("queue");
    a.mutable_schedule_to_close_timeout()->set_seconds(60);
    return c;
  }

  static api::command::v1::Command timer_command(const std::string& id, std::int64_t seconds) {
    api::command::v1::Command c;
    c.set_command_type(enums::COMMAND_TYPE_START_TIMER);
    auto& t = *c.mutable_start_timer_command_attributes();
    t.set_timer_id(id);
    t.mutable_start_to_fire_timeout()->set_seconds(seconds);
    return c;
  }

  // -- calls that hold ---------------------------------------------------------------------------

  std::string start_workflow(const std::string& id) {
    return ok<ws::StartWorkflowExecutionResponse>(start_request(id)).run_id();
  }

  static call_options poll_options() {
    return {.timeout = std::chrono::seconds{70}};
  }

  /// Takes a workflow task that is there.
  ws::PollWorkflowTaskQueueResponse take_workflow_task(const std::string& queue = "queue") {
    auto task = ok<ws::PollWorkflowTaskQueueResponse>(poll_request(queue), poll_options());
    REQUIRE_FALSE(task.task_token().empty());
    return task;
  }

  ws::PollActivityTaskQueueResponse take_activity_task(const std::string& queue = "queue") {
    auto task = ok<ws::PollActivityTaskQueueResponse>(activity_poll(queue), poll_options());
    REQUIRE_FALSE(task.task_token().empty());
    return task;
  }

  static ws::RespondWorkflowTaskCompletedRequest
  completion(const std::string& token, const std::vector<api::command::v1::Command>& commands) {
    ws::RespondWorkflowTaskCompletedRequest r;
    r.set_namespace_("default");
    r.set_task_token(token);
    r.set_identity("worker");
    for (const auto& c : commands)
      *r.add_commands() = c;
    return r;
  }

  void complete_task(const std::string& token,
                     const std::vector<api::command::v1::Command>& commands) {
    ok<ws::RespondWorkflowTaskCompletedResponse>(completion(token, commands));
  }

  std::vector<int> history(const std::string& id) {
    std::vector<int> types;
    auto response = ok<ws::GetWorkflowExecutionHistoryResponse>(history_request(id));
    for (const auto& e : response.history().events()) {
      types.push_back(e.event_type());
      CHECK(e.event_id() == static_cast<std::int64_t>(types.size()));
    }
    return types;
  }

  std::int64_t count(const std::string& query = {}) {
    ws::CountWorkflowExecutionsRequest r;
    r.set_namespace_("default");
    r.set_query(query);
    return ok<ws::CountWorkflowExecutionsResponse>(r).count();
  }
};

/// The detail of a refusal, which has to be of this type.
template <class Detail>
Detail detail_of(const error& why) {
  Detail out;
  CHECK(why.detail_type == out.GetTypeName());
  REQUIRE(out.ParseFromString(why.detail));
  return out;
}

} // namespace reprise::testing
