#include "protocol/headers.hpp"
#include "protocol/multi_operation.hpp"
#include "tests/support/update_fixture.hpp"

namespace reprise::testing {

namespace {

using both = service::ExecuteMultiOperationResponse;

struct with_start_fixture : update_fixture {
  service::StartWorkflowExecutionRequest begins = start_request();
  /// A run that the call began in an attempt that was lost.
  std::string tried_before{};

  caller ask_both(const std::string& update_id = "u1", stage_wanted wanted = completed) {
    cluster::ExecutionRequest request;
    if (!tried_before.empty())
      (*request.mutable_headers())[std::string{protocol::began_run_header}] = tried_before;
    auto& r = *request.mutable_update_with_start();
    *r.add_operations()->mutable_start_workflow() = begins;
    *r.add_operations()->mutable_update_workflow() = update_of(update_id, wanted);
    ask(std::move(request));
    return last_caller();
  }

  caller last_caller() const {
    caller out = 0;
    if (!told.empty())
      out = told.rbegin()->first;
    if (!waiting.empty())
      out = std::max(out, *waiting.rbegin());
    return out;
  }

  details::MultiOperationExecutionFailure statuses(caller c) {
    details::MultiOperationExecutionFailure out;
    auto failure = refusal(c);
    CHECK(failure.message == "Update-with-Start could not be executed.");
    REQUIRE(out.ParseFromString(failure.detail));
    REQUIRE(out.statuses_size() == 2);
    return out;
  }
};

constexpr int aborted = static_cast<int>(errc::aborted);

cluster::Status status_of(const error& e) {
  cluster::Status out;
  out.set_code(static_cast<int>(e.code));
  out.set_message(e.message);
  out.set_detail_type(e.detail_type);
  out.set_detail(e.detail);
  return out;
}

} // namespace

TEST_CASE_FIXTURE(with_start_fixture,
                  "a start and an update begin a run, and are answered as one") {
  auto c = ask_both("u1", accepted);
  CHECK(waits(c));
  CHECK(types() == names{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"});
  auto task = poll();
  REQUIRE(task.poll.messages_size() == 1);
  CHECK(task.poll.messages(0).event_id() == 2);
  respond(task, {acceptance(task.poll.messages(0))});
  auto heard = response<both>(c);
  const auto& start = heard.responses(0).start_workflow();
  CHECK(start.started());
  CHECK(start.run_id() == state().created().run_id());
  CHECK(start.first_execution_run_id() == start.run_id());
  CHECK(start.status() == enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
  CHECK(start.link().workflow_event().event_ref().event_id() == 1);
  CHECK(heard.responses(1).update_workflow().stage() == accepted);

  SUBCASE("sent again they are answered by what there is") {
    auto again = response<both>(ask_both("u1", accepted));
    CHECK_FALSE(again.responses(0).start_workflow().started());
    CHECK(again.responses(1).update_workflow().stage() == accepted);
    CHECK(runs.size() == 1);
  }
  SUBCASE("also behind the end of it all") {
    signal("s");
    respond(poll(), {result()});
    terminate();
    begins.set_request_id("another");
    auto late = response<both>(ask_both());
    CHECK(late.responses(0).start_workflow().status()
          == enums::WORKFLOW_EXECUTION_STATUS_TERMINATED);
    CHECK_FALSE(late.responses(0).start_workflow().has_link());
    CHECK(late.responses(1).update_workflow().outcome().has_success());
    CHECK_FALSE(late.responses(1).update_workflow().has_link());
    CHECK(runs.size() == 1);
  }
}

TEST_CASE_FIXTURE(with_start_fixture, "a run that is there takes the update when it may") {
  idle();
  begins.set_request_id("another");
  SUBCASE("existing runs are to be used") {
    begins.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    auto c = ask_both();
    auto task = poll();
    respond(task, {acceptance(task.poll.messages(0)), result()});
    CHECK_FALSE(response<both>(c).responses(0).start_workflow().started());
    CHECK(response<both>(c).responses(1).update_workflow().outcome().has_success());
    CHECK(runs.size() == 1);
  }
  SUBCASE("existing runs are in the way") {
    auto all = statuses(ask_both());
    CHECK(refusal(last_caller()).code == errc::already_exists);
    CHECK(all.statuses(0).code() == static_cast<int>(errc::already_exists));
    CHECK(all.statuses(1).code() == aborted);
    CHECK(all.statuses(1).details(0).type_url()
          == "type.googleapis.com/temporal.api.failure.v1.MultiOperationExecutionAborted");
    CHECK(offers.empty());
  }
  SUBCASE("existing runs are in the way, but know the update") {
    send("u1");
    CHECK(waits(ask_both("u1")));
  }
  SUBCASE("existing runs are ended") {
    begins.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING);
    auto old = send("old");
    auto c = ask_both();
    CHECK(runs.size() == 2);
    CHECK(types(0).back() == "WORKFLOW_EXECUTION_TERMINATED");
    CHECK(refusal(old).message == protocol::aborted_by_close);
    auto task = poll();
    respond(task, {acceptance(task.poll.messages(0)), result()});
    CHECK(response<both>(c).responses(0).start_workflow().started());
  }
  SUBCASE("it takes no more") {
    bounds.updates_in_flight_max = 0;
    begins.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    auto all = statuses(ask_both());
    CHECK(refusal(last_caller()).code == errc::resource_exhausted);
    CHECK(all.statuses(0).code() == aborted);
    CHECK(all.statuses(1).code() == static_cast<int>(errc::resource_exhausted));
  }
}

TEST_CASE_FIXTURE(with_start_fixture,
                  "a run that closes before it took the update sends both away") {
  idle();
  begins.set_request_id("another");
  begins.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  SUBCASE("") {
  }
  SUBCASE("also when it began another one in vain") {
    tried_before = "lost";
  }
  auto c = ask_both();
  tried_before.clear();
  terminate();
  CHECK(protocol::was_aborted_by_close(status_of(refusal(c))));
  auto retryable = protocol::as_retryable(status_of(refusal(c)));
  CHECK(retryable.code() == aborted);
  CHECK_FALSE(protocol::was_aborted_by_close(retryable));
  SUBCASE("and once more they begin a run") {
    auto again = ask_both();
    CHECK(runs.size() == 2);
    CHECK(waits(again));
    SUBCASE("whose own end is the update's alone") {
      terminate();
      auto all = statuses(again);
      CHECK(all.statuses(0).code() == 0);
      CHECK(all.statuses(1).code() == static_cast<int>(errc::not_found));
      CHECK_FALSE(protocol::was_aborted_by_close(status_of(refusal(again))));
    }
  }
}

TEST_CASE_FIXTURE(with_start_fixture, "closed runs are judged by the start's policy") {
  idle();
  terminate();
  begins.set_request_id("another");
  SUBCASE("which lets it begin") {
    CHECK(waits(ask_both()));
    CHECK(runs.size() == 2);
  }
  SUBCASE("which does not") {
    begins.set_workflow_id_reuse_policy(enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE);
    CHECK(statuses(ask_both()).statuses(0).code() == static_cast<int>(errc::already_exists));
  }
  SUBCASE("but the start was answered before") {
    begins.set_request_id(runs[0].state.created().start_request_id());
    auto all = statuses(ask_both());
    CHECK(all.statuses(0).code() == static_cast<int>(errc::unavailable));
    CHECK(all.statuses(0).message() == "Workflow was not started: StartDeduped");
    CHECK(all.statuses(1).code() == aborted);
  }
}

} // namespace reprise::testing
