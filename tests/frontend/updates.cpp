// Updates through a whole server: checks of the requests, waits, and what becomes of both halves of
// an update with start.
#include "temporal/api/errordetails/v1/message.pb.h"
#include "temporal/api/update/v1/message.pb.h"
#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;
namespace details = temporal::api::errordetails::v1;
namespace update = temporal::api::update::v1;
using api::protocol::v1::Message;

namespace {

constexpr auto admitted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED;
constexpr auto accepted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED;
constexpr auto completed = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;

struct update_server : server_fixture {
  static ws::UpdateWorkflowExecutionRequest update_request(const std::string& id = "w",
                                                           const std::string& update_id = "u1") {
    ws::UpdateWorkflowExecutionRequest r;
    r.set_namespace_("default");
    r.mutable_workflow_execution()->set_workflow_id(id);
    r.mutable_request()->mutable_meta()->set_update_id(update_id);
    r.mutable_request()->mutable_input()->set_name("upd");
    return r;
  }

  static ws::PollWorkflowExecutionUpdateRequest update_poll(const std::string& update_id = "u1") {
    ws::PollWorkflowExecutionUpdateRequest r;
    r.set_namespace_("default");
    r.mutable_update_ref()->mutable_workflow_execution()->set_workflow_id("w");
    r.mutable_update_ref()->set_update_id(update_id);
    return r;
  }

  static ws::ExecuteMultiOperationRequest with_start(const std::string& id = "w") {
    ws::ExecuteMultiOperationRequest r;
    r.set_namespace_("default");
    *r.add_operations()->mutable_start_workflow() = start_request(id);
    r.mutable_operations(0)->mutable_start_workflow()->set_workflow_id_conflict_policy(
      enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    *r.add_operations()->mutable_update_workflow() = update_request(id);
    return r;
  }

  template <class Body>
  static Message message(const std::string& kind, const std::string& id, const Body& body) {
    Message out;
    out.set_id(id + "/" + kind);
    out.set_protocol_instance_id(id);
    out.mutable_body()->PackFrom(body);
    return out;
  }

  /// Accepts and completes what the task asks for.
  void answer_updates(const ws::PollWorkflowTaskQueueResponse& task) {
    auto done = completion(task.task_token(), {});
    for (const auto& asked : task.messages()) {
      const auto& id = asked.protocol_instance_id();
      update::Acceptance a;
      a.set_accepted_request_message_id(asked.id());
      a.set_accepted_request_sequencing_event_id(asked.event_id());
      *done.add_messages() = message("accept", id, a);
      update::Response r;
      r.mutable_meta()->set_update_id(id);
      r.mutable_outcome()->mutable_success()->add_payloads()->set_data("done " + id);
      *done.add_messages() = message("complete", id, r);
    }
    ok<ws::RespondWorkflowTaskCompletedResponse>(done);
  }

  void idle() {
    start_workflow("w");
    complete_task(take_workflow_task().task_token(), {});
  }

  template <class Response>
  Response heard(const made_call& made) {
    REQUIRE(made.answered());
    return read<Response>(made.answer());
  }
};

} // namespace

TEST_CASE_FIXTURE(update_server, "an update of an idle workflow costs one commit") {
  idle();
  auto before = writes;
  auto sent = send_request(update_request(), poll_options());
  run();
  CHECK_FALSE(sent.answered());
  auto task = take_workflow_task();
  REQUIRE(task.messages_size() == 1);
  CHECK(task.messages(0).event_id() == 5);
  CHECK(writes == before);
  answer_updates(task);
  CHECK(writes == before + 1);
  auto out = heard<ws::UpdateWorkflowExecutionResponse>(sent);
  CHECK(out.stage() == completed);
  CHECK(out.outcome().success().payloads(0).data() == "done u1");
  auto later = ok<ws::PollWorkflowExecutionUpdateResponse>(update_poll());
  CHECK(later.outcome().success().payloads(0).data() == "done u1");
  CHECK(later.update_ref().workflow_execution().run_id() == task.workflow_execution().run_id());
}

TEST_CASE_FIXTURE(update_server, "an outcome is read from the store when it is in no memory") {
  idle();
  auto sent = send_request(update_request(), poll_options());
  run();
  auto task = take_workflow_task();
  answer_updates(task);
  CHECK(sent.answered());
  // More events than are kept in memory.
  for (int i = 0; i < 40; ++i) {
    auto signal = signal_request("w");
    signal.mutable_input()->add_payloads()->set_data(std::string(2000, 'x'));
    ok<ws::SignalWorkflowExecutionResponse>(signal);
  }
  auto poll = send_request(update_poll(), poll_options());
  run();
  CHECK(heard<ws::PollWorkflowExecutionUpdateResponse>(poll).outcome().success().payloads(0).data()
        == "done u1");
}

TEST_CASE_FIXTURE(update_server, "an update that was rejected wrote nothing") {
  idle();
  auto before = writes;
  auto sent = send_request(update_request(), poll_options());
  run();
  auto task = take_workflow_task();
  auto done = completion(task.task_token(), {});
  update::Rejection no;
  no.mutable_failure()->set_message("no");
  *done.add_messages() = message("reject", "u1", no);
  auto answered = ok<ws::RespondWorkflowTaskCompletedResponse>(done);
  CHECK(answered.reset_history_event_id() == 3);
  CHECK(heard<ws::UpdateWorkflowExecutionResponse>(sent).outcome().failure().message() == "no");
  CHECK(writes == before);
}

TEST_CASE_FIXTURE(update_server, "whoever waits for an update is answered after twenty seconds") {
  start_workflow("w");
  auto sent = send_request(update_request(), poll_options());
  auto poll = update_poll();
  poll.mutable_wait_policy()->set_lifecycle_stage(accepted);
  run();
  auto polls = send_request(poll, poll_options());
  run();
  advance(std::chrono::seconds{19});
  CHECK_FALSE(sent.answered());
  advance(std::chrono::seconds{2});
  CHECK(heard<ws::UpdateWorkflowExecutionResponse>(sent).stage() == admitted);
  CHECK(heard<ws::PollWorkflowExecutionUpdateResponse>(polls).stage() == admitted);
}

TEST_CASE_FIXTURE(update_server, "of an update's faults the first in the API's order is told") {
  start_workflow("w");
  ws::UpdateWorkflowExecutionRequest r;
  r.set_namespace_("default");
  auto says = [&](const char* text) { refused(errc::invalid_argument, text, r); };
  says("Execution is not set on request.");
  r.mutable_workflow_execution();
  says("WorkflowId is not set on request.");
  r.mutable_workflow_execution()->set_workflow_id("w");
  r.mutable_workflow_execution()->set_run_id("x");
  says("Invalid RunId.");
  r.mutable_workflow_execution()->clear_run_id();
  says("Update meta is not set on request.");
  r.mutable_request()->mutable_meta()->set_update_id(std::string(1001, 'i'));
  says("UpdateId length exceeds limit.");
  r.mutable_request()->mutable_meta()->clear_update_id();
  says("Update input is not set on request.");
  r.mutable_request()->mutable_input();
  says("Update name is not set on request.");
  r.mutable_request()->mutable_input()->set_name("upd");
  r.mutable_request()->mutable_input()->mutable_args()->add_payloads()->set_data(
    std::string((2U << 20) + 1, 'x'));
  says("Blob data size exceeds limit.");
  r.mutable_request()->mutable_input()->clear_args();
  r.mutable_request()->add_completion_callbacks()->mutable_nexus()->set_url("temporal://system");
  says("callbacks of updates are not supported");
  r.mutable_request()->clear_completion_callbacks();
  r.mutable_wait_policy()->set_lifecycle_stage(admitted);
  auto why = refused(errc::permission_denied,
                     "UpdateWorkflowExecution issued asynchronously and waiting on update admitted "
                     "is not supported.",
                     r);
  detail_of<details::PermissionDeniedFailure>(why);
  ws::PollWorkflowExecutionUpdateRequest poll;
  poll.set_namespace_("default");
  refused(errc::invalid_argument, "UpdateRef is not set on request.", poll);
  poll.mutable_update_ref();
  refused(errc::invalid_argument, "Can't load workflow execution.  WorkflowId not set.", poll);
  poll.mutable_update_ref()->mutable_workflow_execution()->set_workflow_id("w");
  poll.mutable_update_ref()->mutable_workflow_execution()->set_run_id("x");
  refused(errc::invalid_argument, "RunId is not valid UUID.", poll);
}

TEST_CASE_FIXTURE(update_server, "an update without an id is given one") {
  idle();
  auto sent = send_request(update_request("w", ""), poll_options());
  run();
  auto task = take_workflow_task();
  REQUIRE(task.messages_size() == 1);
  auto id = task.messages(0).protocol_instance_id();
  CHECK(id.size() == 36);
  answer_updates(task);
  CHECK(heard<ws::UpdateWorkflowExecutionResponse>(sent).update_ref().update_id() == id);
}

TEST_CASE_FIXTURE(update_server, "a start and an update are one call") {
  auto sent = send_request(with_start(), poll_options());
  run();
  auto task = take_workflow_task();
  REQUIRE(task.messages_size() == 1);
  answer_updates(task);
  auto out = heard<ws::ExecuteMultiOperationResponse>(sent);
  REQUIRE(out.responses_size() == 2);
  CHECK(out.responses(0).start_workflow().started());
  CHECK(out.responses(1).update_workflow().stage() == completed);
  auto again = ok<ws::ExecuteMultiOperationResponse>(with_start());
  CHECK_FALSE(again.responses(0).start_workflow().started());
  CHECK(again.responses(1).update_workflow().outcome().has_success());
}

TEST_CASE_FIXTURE(update_server, "each half of a start with an update says what is wrong with it") {
  auto statuses = [&](const ws::ExecuteMultiOperationRequest& r, errc code) {
    auto why = refused(code, "Update-with-Start could not be executed.", r);
    auto all = detail_of<details::MultiOperationExecutionFailure>(why);
    REQUIRE(all.statuses_size() == 2);
    return std::pair{all.statuses(0).message(), all.statuses(1).message()};
  };
  const std::string aborted = "Operation was aborted.";
  using both = std::pair<std::string, std::string>;
  auto r = with_start();
  auto& start = *r.mutable_operations(0)->mutable_start_workflow();
  auto& update = *r.mutable_operations(1)->mutable_update_workflow();
  SUBCASE("a cron schedule") {
    start.set_cron_schedule("@every 1h");
    CHECK(statuses(r, errc::invalid_argument) == both{"CronSchedule is not allowed.", aborted});
  }
  SUBCASE("an eager start") {
    start.set_request_eager_execution(true);
    CHECK(statuses(r, errc::invalid_argument)
          == both{"RequestEagerExecution is not supported.", aborted});
  }
  SUBCASE("a delayed start") {
    start.mutable_workflow_start_delay()->set_seconds(1);
    CHECK(statuses(r, errc::invalid_argument)
          == both{"WorkflowStartDelay is not supported.", aborted});
  }
  SUBCASE("two workflows") {
    update.mutable_workflow_execution()->set_workflow_id("other");
    CHECK(statuses(r, errc::invalid_argument)
          == both{aborted, "WorkflowId is not consistent with previous operation(s)."});
  }
  SUBCASE("another namespace") {
    update.set_namespace_("other");
    CHECK(statuses(r, errc::invalid_argument)
          == both{aborted, "Operation namespace did not match request's namespace."});
  }
  SUBCASE("two workflows, of which one cannot be started") {
    start.set_cron_schedule("@every 1h");
    update.mutable_workflow_execution()->set_workflow_id("other");
    CHECK(statuses(r, errc::invalid_argument) == both{"CronSchedule is not allowed.", aborted});
  }
  SUBCASE("no delay is none") {
    start.mutable_workflow_start_delay();
    update.mutable_workflow_execution()->set_run_id("11111111-1111-4111-8111-111111111111");
    CHECK(statuses(r, errc::invalid_argument) == both{aborted, "RunId is not allowed."});
  }
  SUBCASE("a run") {
    update.mutable_workflow_execution()->set_run_id("11111111-1111-4111-8111-111111111111");
    CHECK(statuses(r, errc::invalid_argument) == both{aborted, "RunId is not allowed."});
  }
  SUBCASE("a chain of runs") {
    update.set_first_execution_run_id("11111111-1111-4111-8111-111111111111");
    CHECK(statuses(r, errc::invalid_argument)
          == both{aborted, "FirstExecutionRunId is not allowed."});
  }
  SUBCASE("a stage that nobody may wait for") {
    update.mutable_wait_policy()->set_lifecycle_stage(admitted);
    CHECK(statuses(r, errc::permission_denied).first == aborted);
  }
  SUBCASE("other operations") {
    r.mutable_operations()->SwapElements(0, 1);
    refused(errc::invalid_argument, "Operations have to be exactly [Start, Update].", r);
  }
}
