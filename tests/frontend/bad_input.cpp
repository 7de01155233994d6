// What the front door does with bad input: the API's own code and text, and no trace.
#include "protocol/cluster.pb.h"
#include "temporal/api/errordetails/v1/message.pb.h"
#include "tests/support/server_fixture.hpp"

#include <random>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
namespace details = temporal::api::errordetails::v1;
using enum reprise::errc;

namespace {

const std::string long_id(10'000, 'x');
constexpr const char* some_run = "0198c2f0-0000-7000-8000-000000000001";

google::protobuf::Duration seconds(std::int64_t s, std::int32_t nanos = 0) {
  google::protobuf::Duration d;
  d.set_seconds(s);
  d.set_nanos(nanos);
  return d;
}

/// The bytes of a request in which a text that is there is replaced by one of the same length.
template <class Request>
std::string with_text(const Request& request, const std::string& from, const std::string& to) {
  auto bytes = request.SerializeAsString();
  auto at = bytes.find(from);
  REQUIRE(at != std::string::npos);
  return bytes.replace(at, from.size(), to);
}

template <class Request>
Request naming(const std::string& id, const std::string& run = {}) {
  Request r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id(id);
  r.mutable_workflow_execution()->set_run_id(run);
  return r;
}

} // namespace

// -- bytes ----------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(server_fixture, "bytes that are no message are refused by every method") {
  std::mt19937_64 random{7};
  for (const auto& m : front().methods()) {
    if (!m->serve || m->name.starts_with("Get") || m->name.starts_with("List"))
      continue;
    INFO(m->name);
    auto before = writes;
    auto made = call(m->path, "\xff\xff\xff\xff");
    REQUIRE(made.answered());
    REQUIRE(!made.answer());
    CHECK(made.answer().error().code == internal);
    CHECK(made.answer().error().message.starts_with("grpc: error unmarshalling request"));
    for (int i = 0; i < 200; ++i) {
      std::string noise(random() % 64, '\0');
      for (char& c : noise)
        c = static_cast<char>(random());
      auto other = send(m->path, noise, poll_options());
      run();
      other.handle->cancel();
      run();
      CHECK(*other.answers == 1);
    }
    CHECK(writes == before);
  }
}

TEST_CASE_FIXTURE(server_fixture, "texts that are not UTF-8 are refused wherever they stand") {
  auto start = start_request("abcd");
  start.set_identity("efgh");
  (*start.mutable_memo()->mutable_fields())["ijkl"].set_data("x");
  (*start.mutable_search_attributes()->mutable_indexed_fields())["mnop"].set_data("x");
  start.mutable_retry_policy()->add_non_retryable_error_types("qrst");
  (*(*start.mutable_header()->mutable_fields())["h"].mutable_metadata())["uvwx"] = "binary";
  for (const char* text : {"abcd", "efgh", "ijkl", "mnop", "qrst", "uvwx"}) {
    INFO(text);
    auto before = writes;
    auto made = call("StartWorkflowExecution", with_text(start, text, "\xc3\x28zz"));
    REQUIRE(made.answered());
    REQUIRE(!made.answer());
    CHECK(made.answer().error().code == internal);
    CHECK(made.answer().error().message.ends_with("invalid UTF-8"));
    CHECK(writes == before);
  }
  CHECK(count() == 0);
}

TEST_CASE_FIXTURE(server_fixture, "bytes of payloads need not be UTF-8 and come back as they are") {
  auto start = start_request("w");
  auto& payload = *start.mutable_input()->add_payloads();
  payload.set_data(std::string{"\xff\0\xfe", 3});
  (*payload.mutable_metadata())["encoding"] = "\x80";
  ok<ws::StartWorkflowExecutionResponse>(start);
  auto response = ok<ws::GetWorkflowExecutionHistoryResponse>(history_request("w"));
  const auto& kept
    = response.history().events(0).workflow_execution_started_event_attributes().input();
  CHECK(kept.SerializeAsString() == start.input().SerializeAsString());
}

// -- absent fields --------------------------------------------------------------------------------

TEST_CASE_FIXTURE(server_fixture, "an empty request of any method is refused or harmless") {
  for (const auto& m : front().methods()) {
    if (!m->serve)
      continue;
    INFO(m->name);
    auto before = writes;
    auto made = call(m->path, "");
    REQUIRE(made.answered());
    CHECK(writes == before);
    if (made.answer())
      continue;
    auto code = made.answer().error().code;
    // Of a store in memory there is no copy to take.
    bool own = code == invalid_argument || code == not_found || code == unimplemented
               || (m->name.ends_with("Backup") && code == errc::failed_precondition);
    CHECK_MESSAGE(own, to_string(code) << ": " << made.answer().error().message);
  }
}

TEST_CASE_FIXTURE(server_fixture, "a start without what it needs says what is absent") {
  auto without = [this](const char* text, auto remove) {
    auto r = start_request("w");
    remove(r);
    refused(invalid_argument, text, r);
  };
  using request = ws::StartWorkflowExecutionRequest;
  without("Namespace is empty.", [](request& r) { r.clear_namespace_(); });
  without("WorkflowId is not set on request.", [](request& r) { r.clear_workflow_id(); });
  without("WorkflowType is not set on request.", [](request& r) { r.clear_workflow_type(); });
  without("WorkflowType is not set on request.",
          [](request& r) { r.mutable_workflow_type()->Clear(); });
  without("taskQueue is not set", [](request& r) { r.clear_task_queue(); });
  without("missing task queue name", [](request& r) { r.mutable_task_queue()->clear_name(); });
  CHECK(count() == 0);
}

TEST_CASE_FIXTURE(server_fixture, "a start without request id gets one of its own") {
  auto r = start_request("w");
  r.clear_request_id();
  auto first = ok<ws::StartWorkflowExecutionResponse>(r).run_id();
  auto why = refusal(r);
  CHECK(why.code == already_exists);
  auto detail = detail_of<details::WorkflowExecutionAlreadyStartedFailure>(why);
  CHECK(detail.run_id() == first);
  CHECK(detail.start_request_id().size() == 36);
}

TEST_CASE_FIXTURE(server_fixture, "calls on a run without what they need say what is absent") {
  auto signal = signal_request("w");
  signal.clear_workflow_execution();
  refused(invalid_argument, "Execution is not set on request.", signal);
  signal.mutable_workflow_execution();
  refused(invalid_argument, "WorkflowId is not set on request.", signal);
  signal.mutable_workflow_execution()->set_workflow_id("w");
  signal.clear_signal_name();
  refused(invalid_argument, "SignalName is not set on request.", signal);
  ws::QueryWorkflowRequest query;
  query.set_namespace_("default");
  query.mutable_execution()->set_workflow_id("w");
  refused(invalid_argument, "WorkflowQuery is not set on request.", query);
  query.mutable_query();
  refused(invalid_argument, "QueryType is not set on request.", query);
  ws::RespondActivityTaskCompletedByIdRequest by_id;
  by_id.set_namespace_("default");
  by_id.set_workflow_id("w");
  refused(invalid_argument, "ActivityId is not set on request.", by_id);
}

TEST_CASE_FIXTURE(server_fixture, "a worker's checksum is no longer than an id may be") {
  start_workflow("w");
  auto task = take_workflow_task();
  auto done = completion(task.task_token(), {complete_command()});
  done.set_binary_checksum(long_id);
  refused(invalid_argument, "Binary checksum length exceeds limit.", done);
  ws::RespondWorkflowTaskFailedRequest failed;
  failed.set_namespace_("default");
  failed.set_task_token(task.task_token());
  failed.set_binary_checksum(long_id);
  refused(invalid_argument, "Binary checksum length exceeds limit.", failed);
  done.set_binary_checksum(std::string(1000, 'x'));
  ok<ws::RespondWorkflowTaskCompletedResponse>(done);
}

TEST_CASE_FIXTURE(server_fixture,
                  "a reset without what it needs, or to nowhere, says what is wrong") {
  ws::ResetWorkflowExecutionRequest reset;
  reset.set_namespace_("default");
  refused(invalid_argument, "RequestId is not set on request.", reset);
  reset.set_request_id(long_id);
  refused(invalid_argument, "RequestId length exceeds limit.", reset);
  reset.set_request_id("reset");
  refused(invalid_argument, "Execution is not set on request.", reset);
  reset.mutable_workflow_execution()->set_workflow_id("w");
  reset.set_workflow_task_finish_event_id(4);
  refused(not_found, "workflow not found for ID: w", reset);
  reset.mutable_workflow_execution()->set_run_id("nonsense");
  refused(invalid_argument, "Invalid RunId.", reset);
  reset.mutable_workflow_execution()->clear_run_id();
  start_workflow("w");
  refused(invalid_argument, "Workflow task finish ID must be > 1 && <= workflow last event ID.",
          reset);
  reset.set_workflow_task_finish_event_id(2);
  // The history was copied to look at it; nobody sees that, and it is swept.
  CHECK(refusal(reset).message
        == "StateRebuilder unable to Rebuild mutable state to event ID: 1, version: 0, this event "
           "must be at the boundary");
  auto& after = *reset.add_post_reset_operations();
  after.mutable_signal_workflow()->set_signal_name("s");
  CHECK(refusal(reset).message.starts_with("unsupported post reset operation"));
  reset.mutable_workflow_execution()->set_workflow_id("absent");
  refused(not_found, "workflow not found for ID: absent", reset);
  reset.mutable_workflow_execution()->set_workflow_id("w");
  after.mutable_update_workflow_options();
  refused(invalid_argument, "UpdateMask is required", reset);
  reset.set_reset_reapply_type(static_cast<enums::ResetReapplyType>(99));
  refused(invalid_argument, "unknown reset reapply type: 99", reset);
}

TEST_CASE_FIXTURE(server_fixture,
                  "run ids that are none are refused before anything is looked up") {
  for (const auto& bad : {std::string{"nonsense"}, std::string(36, 'g'), long_id,
                          std::string{"0198c2f0-0000-7000-8000-00000000000"}}) {
    refused(invalid_argument, "Invalid RunId.",
            naming<ws::RequestCancelWorkflowExecutionRequest>("w", bad));
    refused(invalid_argument, "Invalid RunId.",
            naming<ws::TerminateWorkflowExecutionRequest>("w", bad));
    refused(invalid_argument, "Invalid RunId.",
            naming<ws::DeleteWorkflowExecutionRequest>("w", bad));
  }
}

TEST_CASE_FIXTURE(server_fixture, "what does not exist is not found, with the API's detail") {
  auto why = refused(not_found, "workflow not found for ID: w",
                     naming<ws::TerminateWorkflowExecutionRequest>("w"));
  detail_of<details::NotFoundFailure>(why);
  why = refusal(naming<ws::TerminateWorkflowExecutionRequest>("w", some_run));
  CHECK(why.code == not_found);
  detail_of<details::NotFoundFailure>(why);
  auto start = start_request("w");
  start.set_namespace_("nowhere");
  why = refused(not_found, "Namespace nowhere is not found.", start);
  CHECK(detail_of<details::NamespaceNotFoundFailure>(why).namespace_() == "nowhere");
}

// -- lengths --------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(server_fixture, "an id of 10 kB is refused by a start, whichever it is") {
  auto with = [this](const std::string& text, auto lengthen) {
    auto r = start_request("w");
    lengthen(r);
    refused(invalid_argument, text, r);
  };
  using request = ws::StartWorkflowExecutionRequest;
  with("WorkflowId exceeds maximum allowed length (10000/1000)",
       [](request& r) { r.set_workflow_id(long_id); });
  with("WorkflowType length exceeds limit.",
       [](request& r) { r.mutable_workflow_type()->set_name(long_id); });
  with("taskQueue length exceeds limit",
       [](request& r) { r.mutable_task_queue()->set_name(long_id); });
  with("RequestId length exceeds limit.", [](request& r) { r.set_request_id(long_id); });
  with("fairness key length exceeds limit",
       [](request& r) { r.mutable_priority()->set_fairness_key(long_id); });
  auto r = start_request("w");
  r.set_namespace_(long_id);
  CHECK(refusal(r).code == invalid_argument);
  CHECK(count() == 0);
  // The longest that holds. Whoever starts it may call himself what he wants.
  r = start_request(std::string(1000, 'y'));
  r.set_identity(long_id);
  r.set_request_id("short");
  ok<ws::StartWorkflowExecutionResponse>(r);
  CHECK(count() == 1);
}

TEST_CASE_FIXTURE(server_fixture, "an id of 10 kB is refused by the other calls") {
  ws::SignalWithStartWorkflowExecutionRequest both;
  both.set_namespace_("default");
  both.set_workflow_id(long_id);
  refused(invalid_argument, "WorkflowId exceeds maximum allowed length (10000/1000)", both);
  both.set_workflow_id("w");
  both.set_signal_name(long_id);
  refused(invalid_argument, "signal name exceeds maximum allowed length (10000/1000)", both);
  auto signal = signal_request("w");
  signal.set_signal_name(long_id);
  refused(invalid_argument, "SignalName length exceeds limit.", signal);
  signal.set_signal_name("s");
  signal.set_request_id(long_id);
  refused(invalid_argument, "RequestId length exceeds limit.", signal);
  refused(invalid_argument, "taskQueue length exceeds limit", poll_request(long_id),
          poll_options());
  auto poll = poll_request();
  poll.set_identity(long_id);
  refused(invalid_argument, "Identity length exceeds limit.", poll, poll_options());
  ws::RegisterNamespaceRequest register_;
  register_.set_namespace_(long_id);
  *register_.mutable_workflow_execution_retention_period() = seconds(86'400);
  refused(invalid_argument, "Namespace length exceeds limit.", register_);
  op::AddSearchAttributesRequest attributes;
  attributes.set_namespace_("default");
  (*attributes.mutable_search_attributes())[long_id] = enums::INDEXED_VALUE_TYPE_KEYWORD;
  refused(invalid_argument, "Search attribute name length exceeds limit.", attributes);
  CHECK(refusal(naming<ws::TerminateWorkflowExecutionRequest>(long_id)).code == not_found);
}

TEST_CASE_FIXTURE(server_fixture, "payloads over their limit are refused and leave nothing") {
  std::string large((2U << 20) + 1, 'p');
  auto start = start_request("w");
  start.mutable_input()->add_payloads()->set_data(large);
  refused(invalid_argument, "Blob data size exceeds limit.", start);
  start.clear_input();
  (*start.mutable_memo()->mutable_fields())["m"].set_data(large);
  refused(invalid_argument, "Memo size exceeds limit.", start);
  CHECK(count() == 0);
  start_workflow("w");
  auto signal = signal_request("w");
  signal.mutable_input()->add_payloads()->set_data(large);
  refused(invalid_argument, "Blob data size exceeds limit.", signal);
  CHECK(history("w") == std::vector<int>{1, 5});
}

// -- numbers --------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(server_fixture, "timeouts that are negative or none are refused by name") {
  using request = ws::StartWorkflowExecutionRequest;

  struct timeout {
    const char* name;
    google::protobuf::Duration* (request::*field)();
  };

  for (const auto& [name, field] :
       {timeout{"WorkflowExecutionTimeoutSeconds", &request::mutable_workflow_execution_timeout},
        timeout{"WorkflowRunTimeoutSeconds", &request::mutable_workflow_run_timeout},
        timeout{"WorkflowTaskTimeoutSeconds", &request::mutable_workflow_task_timeout},
        timeout{"WorkflowStartDelaySeconds", &request::mutable_workflow_start_delay}}) {
    auto r = start_request("w");
    auto text = std::string{"An invalid "} + name + " is set on request. cause: ";
    *(r.*field)() = seconds(-1);
    refused(invalid_argument, text + "negative duration", r);
    *(r.*field)() = seconds(0, -1);
    refused(invalid_argument, text + "negative duration", r);
    *(r.*field)() = seconds(1, -1);
    refused(invalid_argument, text + "duration has seconds and nanos with different signs", r);
    *(r.*field)() = seconds(std::numeric_limits<std::int64_t>::min());
    refused(invalid_argument, text + "negative duration", r);
  }
  CHECK(count() == 0);
}

TEST_CASE_FIXTURE(server_fixture, "a duration may have more nanoseconds than a second has") {
  auto r = start_request("w");
  *r.mutable_workflow_run_timeout() = seconds(1, 1'500'000'000);
  *r.mutable_retry_policy()->mutable_initial_interval() = seconds(0, 1'500'000'000);
  r.mutable_retry_policy()->set_maximum_attempts(1);
  ok<ws::StartWorkflowExecutionResponse>(r);
  ws::GetWorkflowExecutionHistoryRequest all;
  all.set_namespace_("default");
  all.mutable_execution()->set_workflow_id("w");
  // As a message that every client can read.
  const auto begun = ok<ws::GetWorkflowExecutionHistoryResponse>(all)
                       .history()
                       .events(0)
                       .workflow_execution_started_event_attributes();
  CHECK(begun.workflow_run_timeout().seconds() == 2);
  CHECK(begun.retry_policy().initial_interval().seconds() == 1);
  CHECK(begun.retry_policy().initial_interval().nanos() == 500'000'000);
  ws::DescribeWorkflowExecutionRequest describe;
  describe.set_namespace_("default");
  describe.mutable_execution()->set_workflow_id("w");
  auto status = [&] {
    return ok<ws::DescribeWorkflowExecutionResponse>(describe).workflow_execution_info().status();
  };
  advance(2s);
  CHECK(status() == enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
  advance(1s);
  CHECK(status() == enums::WORKFLOW_EXECUTION_STATUS_TIMED_OUT);
}

TEST_CASE_FIXTURE(server_fixture, "timeouts beyond all measure hold and do not overflow") {
  auto r = start_request("w");
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  *r.mutable_workflow_execution_timeout() = seconds(most, 999'999'999);
  *r.mutable_workflow_run_timeout() = seconds(most);
  *r.mutable_workflow_task_timeout() = seconds(most);
  *r.mutable_retry_policy()->mutable_initial_interval() = seconds(most, 2'000'000'000);
  *r.mutable_retry_policy()->mutable_maximum_interval() = seconds(1);
  refused(invalid_argument, "MaximumInterval cannot be less than InitialInterval on retry policy.",
          r);
  r.mutable_retry_policy()->clear_maximum_interval();
  ok<ws::StartWorkflowExecutionResponse>(r);
  advance(24h);
  CHECK(count("ExecutionStatus = 'Running'") == 1);
}

TEST_CASE_FIXTURE(server_fixture, "retry policies that make no sense are refused") {
  auto with = [this](const char* text, auto spoil) {
    auto r = start_request("w");
    spoil(*r.mutable_retry_policy());
    refused(invalid_argument, text, r);
  };
  using policy = api::common::v1::RetryPolicy;
  with("invalid InitialInterval set on retry policy: negative duration",
       [](policy& p) { *p.mutable_initial_interval() = seconds(-1); });
  with("BackoffCoefficient cannot be less than 1 on retry policy.",
       [](policy& p) { p.set_backoff_coefficient(0.5); });
  with("BackoffCoefficient cannot be less than 1 on retry policy.",
       [](policy& p) { p.set_backoff_coefficient(std::numeric_limits<double>::quiet_NaN()); });
  with("MaximumInterval cannot be less than InitialInterval on retry policy.", [](policy& p) {
    *p.mutable_initial_interval() = seconds(10);
    *p.mutable_maximum_interval() = seconds(9);
  });
  with("MaximumAttempts cannot be negative on retry policy.",
       [](policy& p) { p.set_maximum_attempts(-1); });
  with("Invalid timeout type value: Bedtime.",
       [](policy& p) { p.add_non_retryable_error_types("TemporalTimeout:Bedtime"); });
}

TEST_CASE_FIXTURE(server_fixture, "retentions that are absent, short or negative are refused") {
  ws::RegisterNamespaceRequest r;
  r.set_namespace_("short");
  constexpr const char* text = "A valid retention period is not set on request.";
  refused(invalid_argument, text, r);
  for (std::int64_t s : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{3599}}) {
    *r.mutable_workflow_execution_retention_period() = seconds(s);
    refused(invalid_argument, text, r);
  }
  ws::UpdateNamespaceRequest update;
  update.set_namespace_("default");
  *update.mutable_config()->mutable_workflow_execution_retention_ttl() = seconds(-5);
  refused(invalid_argument, text, update);
}

// -- polls ----------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(server_fixture, "a poll without deadline is refused, one with a short one too") {
  start_workflow("w");
  refused(invalid_argument, "Context timeout is not set.", poll_request());
  refused(invalid_argument, "Context timeout is not set.", activity_poll());
  refused(failed_precondition, "Context timeout is too short.", poll_request(),
          {.timeout = 1999ms});
  refused(failed_precondition, "Context timeout is too short.", poll_request(), {.timeout = -1s});
  // None of them took the task.
  CHECK(take_workflow_task().workflow_execution().workflow_id() == "w");
}

TEST_CASE_FIXTURE(server_fixture,
                  "a poll that finds nothing is answered empty before its deadline") {
  auto made = send_request(poll_request(), {.timeout = 10s});
  run();
  advance(8900ms);
  CHECK_FALSE(made.answered());
  advance(200ms);
  REQUIRE(made.answered());
  CHECK(read<ws::PollWorkflowTaskQueueResponse>(made.answer()).task_token().empty());
  // However long the caller would wait.
  made = send_request(poll_request(), {.timeout = 24h});
  run();
  advance(59s);
  CHECK_FALSE(made.answered());
  advance(2s);
  CHECK(made.answered());
}

TEST_CASE_FIXTURE(server_fixture, "a poll without a queue says so") {
  auto r = poll_request();
  r.clear_task_queue();
  refused(invalid_argument, "taskQueue is not set", r, poll_options());
  r.mutable_task_queue();
  refused(invalid_argument, "missing task queue name", r, poll_options());
}
