// Task tokens in hostile hands: absent, forged, stale, of another kind or namespace.
#include "actors/slot/slot.hpp"
#include "frontend/token/tokens.hpp"
#include "protocol/cluster.pb.h"
#include "temporal/api/errordetails/v1/message.pb.h"
#include "tests/support/server_fixture.hpp"

#include <google/protobuf/unknown_field_set.h>

using namespace reprise;
using namespace reprise::testing;
using namespace std::chrono_literals;
namespace details = temporal::api::errordetails::v1;
using enum reprise::errc;

namespace {

constexpr const char* unreadable = "Error deserializing task token.";
constexpr const char* not_there = "Workflow task not found.";
constexpr const char* no_activity
  = "invalid activityID or activity already timed out or invoking workflow is completed";

cluster::TaskToken read_token(const std::string& bytes) {
  cluster::TaskToken token;
  REQUIRE(token.ParseFromString(bytes));
  return token;
}

/// The token with one thing changed.
template <class F>
std::string forged(const std::string& bytes, F change) {
  auto token = read_token(bytes);
  change(token);
  return token.SerializeAsString();
}

template <class Request>
Request answer_with(const std::string& token) {
  Request r;
  r.set_namespace_("default");
  r.set_task_token(token);
  return r;
}

struct tokens_fixture : server_fixture {
  tokens_fixture() {
    start_workflow("w");
    workflow_token = take_workflow_task().task_token();
    // Its start is written by then: what a refused call writes would be a trace.
    advance(actors::slot::early_start_max);
  }

  void gives_activity() {
    complete_task(workflow_token, {activity_command("a")});
    activity_token = take_activity_task().task_token();
  }

  /// Refused by every answer to a workflow task alike.
  void workflow_refused(errc code, const std::string& text, const std::string& token) {
    refused(code, text, completion(token, {complete_command()}));
    refused(code, text, answer_with<ws::RespondWorkflowTaskFailedRequest>(token));
  }

  void activity_refused(errc code, const std::string& text, const std::string& token) {
    refused(code, text, answer_with<ws::RespondActivityTaskCompletedRequest>(token));
    refused(code, text, answer_with<ws::RespondActivityTaskFailedRequest>(token));
    refused(code, text, answer_with<ws::RespondActivityTaskCanceledRequest>(token));
    refused(code, text, answer_with<ws::RecordActivityTaskHeartbeatRequest>(token));
  }

  std::string workflow_token;
  std::string activity_token;
};

} // namespace

TEST_CASE_FIXTURE(tokens_fixture, "tokens that are none are refused and leave the task alone") {
  workflow_refused(invalid_argument, "Task token not set on request.", "");
  workflow_refused(invalid_argument, unreadable, "nonsense");
  workflow_refused(invalid_argument, unreadable, std::string(100'000, '\xff'));
  workflow_refused(invalid_argument, unreadable, workflow_token.substr(0, 20));
  workflow_refused(invalid_argument, unreadable, workflow_token + '\x7a' + '\0');
  workflow_refused(invalid_argument, unreadable,
                   forged(workflow_token, [](auto& t) { t.set_run_id("no run"); }));
  workflow_refused(invalid_argument, unreadable,
                   forged(workflow_token, [](auto& t) { t.clear_workflow_id(); }));
  workflow_refused(invalid_argument, unreadable,
                   forged(workflow_token, [](auto& t) { t.clear_namespace_id(); }));
  complete_task(workflow_token, {complete_command()});
}

TEST_CASE_FIXTURE(tokens_fixture,
                  "a token of another kind names no task of the kind that is asked") {
  activity_refused(not_found,
                   "invalid activityID or activity already timed out or invoking workflow is "
                   "completed",
                   workflow_token);
  refused(not_found, "query task not found, or already expired",
          answer_with<ws::RespondQueryTaskCompletedRequest>(workflow_token));
  gives_activity();
  workflow_refused(not_found, not_there, activity_token);
}

TEST_CASE_FIXTURE(tokens_fixture,
                  "a token that names another task than the one under way is late") {
  auto detail = [this](const std::string& token) {
    detail_of<details::NotFoundFailure>(refusal(completion(token, {complete_command()})));
  };
  auto token = forged(workflow_token, [](auto& t) { t.set_scheduled_event_id(7); });
  workflow_refused(not_found, not_there, token);
  detail(token);
  workflow_refused(not_found, not_there,
                   forged(workflow_token, [](auto& t) { t.set_started_event_id(9); }));
  workflow_refused(not_found, not_there,
                   forged(workflow_token, [](auto& t) { t.set_attempt(t.attempt() + 1); }));
  workflow_refused(not_found, not_there,
                   forged(workflow_token, [](auto& t) { t.set_start_id(t.start_id() + 1); }));
  workflow_refused(not_found, not_there, forged(workflow_token, [](auto& t) {
                     t.set_scheduled_event_id(-1);
                     t.set_started_event_id(-1);
                     t.set_attempt(-1);
                   }));
  CHECK(history("w") == std::vector<int>{1, 5, 6});
  complete_task(workflow_token, {complete_command()});
}

TEST_CASE_FIXTURE(tokens_fixture, "a token of a run that is not there is not found") {
  auto other = forged(workflow_token,
                      [](auto& t) { t.set_run_id("0198c2f0-0000-7000-8000-000000000001"); });
  CHECK(refusal(completion(other, {})).code == not_found);
  other = forged(workflow_token, [](auto& t) { t.set_workflow_id("another"); });
  CHECK(refusal(completion(other, {})).code == not_found);
  CHECK(count() == 1);
}

TEST_CASE_FIXTURE(tokens_fixture, "a token that was used is late, and so is one that timed out") {
  complete_task(workflow_token, {timer_command("t", 5)});
  workflow_refused(not_found, not_there, workflow_token);
  advance(6s);
  auto next = take_workflow_task().task_token();
  advance(11s);
  workflow_refused(not_found, not_there, next);
  CHECK(history("w").back() == 5);
}

namespace {

/// A task token as the API's own server writes it.
struct foreign_token {
  std::string namespace_id{};
  std::string workflow_id{};
  std::string run_id{};
  std::string activity_id{};
  bool scheduled = true;

  operator std::string() const {
    google::protobuf::UnknownFieldSet fields;
    auto text = [&](int number, const std::string& value) {
      if (!value.empty())
        fields.AddLengthDelimited(number)->assign(value);
    };
    text(1, namespace_id);
    text(2, workflow_id);
    text(3, run_id);
    if (scheduled)
      fields.AddVarint(4, 5);
    fields.AddVarint(5, 1);
    text(6, activity_id);
    std::string out;
    fields.SerializeToString(&out);
    return out;
  }
};

constexpr const char* no_run = "0198c2f0-0000-7000-8000-000000000001";

} // namespace

TEST_CASE_FIXTURE(tokens_fixture, "a token of another server names nothing that is here") {
  auto ours = read_token(workflow_token);
  auto all_refused = [this](errc code, const std::string& text, const foreign_token& token) {
    workflow_refused(code, text, token);
    activity_refused(code, text, token);
  };
  foreign_token token{ours.namespace_id(), "w", ours.run_id()};
  workflow_refused(not_found, not_there, token);
  activity_refused(not_found, no_activity, token);
  refused(not_found, "query task not found, or already expired",
          answer_with<ws::RespondQueryTaskCompletedRequest>(token));
  token.run_id = no_run;
  all_refused(not_found,
              std::string{"workflow execution not found for workflow ID \"w\" and run ID \""}
                + no_run + "\"",
              token);
  token.run_id = "no run";
  all_refused(invalid_argument, "RunId is not valid UUID.", token);
  token.run_id.clear();
  workflow_refused(not_found, not_there, token);
  refused(invalid_argument, "Invalid TaskToken.",
          answer_with<ws::RespondQueryTaskCompletedRequest>(token));
  token.workflow_id.clear();
  all_refused(invalid_argument, "Business ID is not set on request.", token);
  token.namespace_id.clear();
  all_refused(invalid_argument, "Namespace not set on request.", token);
  token = {no_run, "w", ours.run_id()};
  all_refused(not_found, std::string{"Namespace "} + no_run + " is not found.", token);
  complete_task(workflow_token, {complete_command()});
}

TEST_CASE_FIXTURE(tokens_fixture, "a token of another server may name an activity by its id") {
  auto ours = read_token(workflow_token);
  gives_activity();
  foreign_token token{ours.namespace_id(), "w", ours.run_id(), "b", false};
  activity_refused(not_found,
                   "cannot find pending activity with ActivityID b, check workflow execution "
                   "history for more details",
                   token);
  token.activity_id = "a";
  ok<ws::RecordActivityTaskHeartbeatResponse>(
    answer_with<ws::RecordActivityTaskHeartbeatRequest>(token));
}

TEST_CASE_FIXTURE(tokens_fixture, "bytes that are no token of anybody are told so") {
  foreign_token token{"name\nspace", "w", no_run};
  workflow_refused(invalid_argument, unreadable, token);
  std::string bytes = foreign_token{no_run, "w", no_run};
  workflow_refused(invalid_argument, unreadable, bytes.substr(0, bytes.size() - 1) + '\xff');
  workflow_refused(invalid_argument, unreadable, bytes + "\x0a");
}

TEST_CASE_FIXTURE(tokens_fixture, "a token of another namespace is refused") {
  ws::RegisterNamespaceRequest other;
  other.set_namespace_("other");
  other.mutable_workflow_execution_retention_period()->set_seconds(86'400);
  ok<ws::RegisterNamespaceResponse>(other);
  constexpr const char* text = "Operation requested with a token from a different namespace.";
  auto r = completion(workflow_token, {complete_command()});
  r.set_namespace_("other");
  refused(invalid_argument, text, r);
  r.set_namespace_("temporal-system");
  refused(invalid_argument, text, r);
  r.set_namespace_("nowhere");
  refused(not_found, "Namespace nowhere is not found.", r);
  r.set_namespace_("default");
  r.set_task_token(forged(workflow_token, [](auto& t) { t.set_namespace_id("made-up"); }));
  refused(not_found, "Namespace made-up is not found.", r);
  // Older workers name no namespace: the token does.
  r = completion(workflow_token, {complete_command()});
  r.clear_namespace_();
  ok<ws::RespondWorkflowTaskCompletedResponse>(r);
}

TEST_CASE_FIXTURE(tokens_fixture, "tokens survive a restart of the server") {
  restart();
  complete_task(workflow_token, {activity_command("a")});
  activity_token = take_activity_task().task_token();
  restart();
  ok<ws::RecordActivityTaskHeartbeatResponse>(
    answer_with<ws::RecordActivityTaskHeartbeatRequest>(activity_token));
  ok<ws::RespondActivityTaskCompletedResponse>(
    answer_with<ws::RespondActivityTaskCompletedRequest>(activity_token));
}

TEST_CASE_FIXTURE(tokens_fixture, "forged tokens of activities are refused and change nothing") {
  gives_activity();
  activity_refused(invalid_argument, "Task token not set on request.", "");
  activity_refused(invalid_argument, unreadable, "nonsense");
  activity_refused(not_found, no_activity,
                   forged(activity_token, [](auto& t) { t.set_start_id(t.start_id() ^ 1); }));
  activity_refused(not_found, no_activity,
                   forged(activity_token, [](auto& t) { t.set_attempt(2); }));
  activity_refused(not_found, no_activity,
                   forged(activity_token, [](auto& t) { t.set_scheduled_event_id(99); }));
  activity_refused(not_found, no_activity,
                   forged(activity_token, [](auto& t) { t.set_scheduled_event_id(-5); }));
  ok<ws::RespondActivityTaskCompletedResponse>(
    answer_with<ws::RespondActivityTaskCompletedRequest>(activity_token));
  activity_refused(not_found, no_activity, activity_token);
}

TEST_CASE_FIXTURE(tokens_fixture, "commands that nobody knows are refused and leave no trace") {
  api::command::v1::Command unknown;
  unknown.set_command_type(static_cast<enums::CommandType>(4711));
  refused(invalid_argument, "unknown command type: 4711", completion(workflow_token, {unknown}));
  unknown.set_command_type(enums::COMMAND_TYPE_UNSPECIFIED);
  refused(invalid_argument, "unknown command type: Unspecified",
          completion(workflow_token, {unknown}));
  auto why = refusal(completion(workflow_token, {complete_command(), timer_command("t", 1)}));
  CHECK(why.code == invalid_argument);
  CHECK(why.message
        == "invalid command sequence: [CompleteWorkflowExecution, StartTimer], command "
           "CompleteWorkflowExecution must be the last command.");
  CHECK(history("w") == std::vector<int>{1, 5, 6});
  complete_task(workflow_token, {complete_command()});
}

TEST_CASE_FIXTURE(tokens_fixture, "a known command without its attributes fails the task") {
  for (int type = enums::CommandType_MIN; type <= enums::CommandType_MAX; ++type) {
    if (type == enums::COMMAND_TYPE_UNSPECIFIED || !enums::CommandType_IsValid(type))
      continue;
    INFO(enums::CommandType_Name(type));
    auto id = "bare-" + std::to_string(type);
    auto start = start_request(id);
    start.mutable_task_queue()->set_name(id);
    ok<ws::StartWorkflowExecutionResponse>(start);
    api::command::v1::Command bare;
    bare.set_command_type(static_cast<enums::CommandType>(type));
    auto answer = answer_to(completion(take_workflow_task(id).task_token(), {bare}));
    REQUIRE(!answer);
    CHECK(answer.error().code == invalid_argument);
    // The task failed, the run goes on.
    CHECK(history(id) == std::vector<int>{1, 5, 6, 9, 5});
  }
}

TEST_CASE_FIXTURE(tokens_fixture, "ids of 10 kB and negative times in commands fail the task") {
  auto bad_id = timer_command(std::string(10'000, 't'), 1);
  auto why = refusal(completion(workflow_token, {bad_id}));
  CHECK(why.code == invalid_argument);
  CHECK(why.message.starts_with("BadStartTimerAttributes: "));
  CHECK(history("w") == std::vector<int>{1, 5, 6, 9, 5});
  start_workflow("v");
  auto next = start_request("u");
  next.mutable_task_queue()->set_name("u");
  ok<ws::StartWorkflowExecutionResponse>(next);
  why = refusal(completion(take_workflow_task("u").task_token(), {timer_command("t", -1)}));
  CHECK(why.code == invalid_argument);
  CHECK(history("u") == std::vector<int>{1, 5, 6, 9, 5});
}

TEST_CASE("a task token is read back as it was written, and nothing else is") {
  cluster::TaskToken token;
  token.set_kind(cluster::TaskToken::ACTIVITY);
  token.set_namespace_id("ns");
  token.set_workflow_id("w");
  token.set_run_id("0198c2f0-0000-7000-8000-000000000001");
  token.set_activity_id("a");
  auto bytes = token.SerializeAsString();
  auto read = frontend::parse_task_token(bytes, cluster::TaskToken::WORKFLOW);
  REQUIRE(read);
  CHECK(read->task.SerializeAsString() == bytes);
  CHECK_FALSE(read->is_foreign);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    if (auto part = frontend::parse_task_token(bytes.substr(0, n), cluster::TaskToken::WORKFLOW))
      CHECK(part->task.run_id() == token.run_id());
}

TEST_CASE("a history token belongs to its direction and run") {
  cluster::HistoryToken token;
  token.set_run_id("0198c2f0-0000-7000-8000-000000000001");
  token.set_next_event_id(5);
  CHECK(frontend::parse_history_token(token.SerializeAsString(), "", false));
  CHECK(!frontend::parse_history_token(token.SerializeAsString(), "", true));
  CHECK(frontend::parse_history_token(token.SerializeAsString(), token.run_id(), false));
  auto other = frontend::parse_history_token(token.SerializeAsString(),
                                             "0198c2f0-0000-7000-8000-000000000002", true);
  REQUIRE(!other);
  CHECK(other.error().message == "RunId in the request does not match the NextPageToken.");
  token.set_next_event_id(-5);
  auto refused = frontend::parse_history_token(token.SerializeAsString(), "", false);
  REQUIRE(!refused);
  CHECK(refused.error().message == "Invalid NextPageToken.");
  CHECK(!frontend::parse_history_token("", "", false));
  CHECK(!frontend::parse_history_token("\xff", "", false));
}
