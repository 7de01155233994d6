// What the calls of operators on activities refuse, and in which order. The newer calls check their
// fields themselves; the older ones leave most to the run.

#include "tests/support/server_fixture.hpp"

using namespace reprise;
using namespace reprise::testing;

namespace {

constexpr std::size_t too_long = 1001;

struct operator_fixture : server_fixture {
  operator_fixture() {
    start_workflow("w");
    complete_task(take_workflow_task().task_token(), {activity_command("a")});
  }

  /// Has every fault that all newer calls know.
  template <class Request>
  static Request all_wrong() {
    Request r;
    r.set_namespace_("default");
    r.set_workflow_id("w");
    r.set_request_id(std::string(too_long, 'r'));
    r.set_identity(std::string(too_long, 'i'));
    r.set_run_id("no run");
    return r;
  }

  /// Told one after the other, each mended when it was; the rest of the request is right then.
  template <class Request>
  void tells_what_all_know(Request& r) {
    auto told = [&](const char* text) { refused(errc::invalid_argument, text, r); };
    told("request ID exceeds length limit. Length=1001 Limit=1000");
    r.clear_request_id();
    told("activity ID is required");
    r.set_activity_id(std::string(too_long, 'a'));
    told("activity ID exceeds length limit. Length=1001 Limit=1000");
    r.set_activity_id("a");
    told("identity exceeds length limit. Length=1001 Limit=1000");
    r.clear_identity();
    told("invalid run id: must be a valid UUID");
    r.clear_run_id();
  }

  template <class Request>
  void older_tells(Request r) {
    auto told = [&](const char* text) { refused(errc::invalid_argument, text, r); };
    r.set_namespace_("default");
    r.mutable_execution()->set_run_id("no run");
    told("WorkflowId is not set on request.");
    r.mutable_execution()->set_workflow_id("w");
    told("Either Activity.Id or Activity.Type should be set on request.");
    r.set_id("");
    told("RunId is not valid UUID.");
    r.mutable_execution()->clear_run_id();
    constexpr const char* nothing = "Can't find pending activity with such ID. Invalid activityID "
                                    "or activity already completed";
    refused(errc::not_found, nothing, r);
    r.set_type("");
    refused(errc::not_found, nothing, r);
    // By the older calls names and identities may have any length.
    r.set_id(std::string(too_long, 'z'));
    r.set_identity(std::string(too_long, 'i'));
    refused(errc::not_found, nothing, r);
  }
};

} // namespace

TEST_CASE_FIXTURE(operator_fixture, "a pause checks its fields in the API's order") {
  auto r = all_wrong<ws::PauseActivityExecutionRequest>();
  r.set_reason(std::string((2U << 20) + 1, 'r'));
  tells_what_all_know(r);
  refused(errc::invalid_argument, "reason exceeds length limit", r);
  r.set_reason("why");
  ok<ws::PauseActivityExecutionResponse>(r);
  // Without a request id each call is another pause.
  refused(errc::failed_precondition, "activity is already paused", r);
}

TEST_CASE_FIXTURE(operator_fixture, "unpause and reset check their fields in the API's order") {
  auto unpause = all_wrong<ws::UnpauseActivityExecutionRequest>();
  unpause.mutable_jitter()->set_seconds(-1);
  tells_what_all_know(unpause);
  refused(errc::invalid_argument, "invalid jitter: negative duration", unpause);
  unpause.clear_jitter();
  ok<ws::UnpauseActivityExecutionResponse>(unpause);
  auto reset = all_wrong<ws::ResetActivityExecutionRequest>();
  reset.mutable_jitter()->set_seconds(1);
  reset.mutable_jitter()->set_nanos(-1);
  tells_what_all_know(reset);
  refused(errc::invalid_argument,
          "invalid jitter: duration has seconds and nanos with different signs", reset);
  reset.clear_jitter();
  ok<ws::ResetActivityExecutionResponse>(reset);
}

TEST_CASE_FIXTURE(operator_fixture, "a change of options names what it changes") {
  auto r = all_wrong<ws::UpdateActivityExecutionOptionsRequest>();
  auto told = [&](const char* text) { refused(errc::invalid_argument, text, r); };
  tells_what_all_know(r);
  told("ActivityOptions are not provided");
  auto& options = *r.mutable_activity_options();
  told("UpdateMask is not provided");
  auto& mask = *r.mutable_update_mask();
  told("UpdateMask must specify at least one path");
  mask.add_paths("task_queue");
  told("unsupported update_mask path: \"task_queue\"");
  auto names = [&](const char* path) {
    mask.clear_paths();
    mask.add_paths(path);
  };
  names("task_queue.name");
  told("taskQueue is not set");
  options.mutable_task_queue()->set_name("temporal-sys-per-ns-tq");
  told("cannot use internal per-namespace task queue:temporal-sys-per-ns-tq");
  options.mutable_start_to_close_timeout()->set_seconds(-1);
  names("start_to_close_timeout");
  told("invalid StartToCloseTimeout: negative duration");
  options.mutable_start_to_close_timeout()->set_seconds(5);
  options.mutable_priority()->set_priority_key(-1);
  names("priority.priority_key");
  told("priority key can't be negative");
  options.mutable_retry_policy()->set_backoff_coefficient(0.5);
  for (const auto* path : {"retry_policy.backoff_coefficient", "retry_policy"}) {
    names(path);
    told("BackoffCoefficient cannot be less than 1 on retry policy.");
  }
  options.mutable_retry_policy()->set_maximum_attempts(-1);
  names("retryPolicy.maximumAttempts");
  told("MaximumAttempts cannot be negative on retry policy.");
  r.set_restore_original(true);
  told("Both UpdateMask and RestoreOriginal are provided");
  r.set_restore_original(false);
  // What is not named is not looked at.
  names("startToCloseTimeout");
  auto after = ok<ws::UpdateActivityExecutionOptionsResponse>(r).activity_options();
  CHECK(after.start_to_close_timeout().seconds() == 5);
  mask.clear_paths();
  r.set_restore_original(true);
  ok<ws::UpdateActivityExecutionOptionsResponse>(r);
}

TEST_CASE_FIXTURE(operator_fixture, "older calls check less, and the run id last") {
  older_tells(ws::PauseActivityRequest{});
  older_tells(ws::UnpauseActivityRequest{});
  older_tells(ws::ResetActivityRequest{});
  ws::UpdateActivityOptionsRequest update;
  update.mutable_activity_options();
  update.mutable_update_mask();
  older_tells(update);
  update.set_namespace_("default");
  update.mutable_execution()->set_workflow_id("w");
  update.set_id("a");
  update.mutable_activity_options()->mutable_priority()->set_priority_key(-1);
  refused(errc::invalid_argument, "priority key can't be negative", update);
  update.clear_activity_options();
  update.set_restore_original(true);
  ok<ws::UpdateActivityOptionsResponse>(update);
  update.mutable_update_mask()->add_paths("priority");
  refused(errc::invalid_argument, "Both UpdateMask and RestoreOriginal are provided", update);
}

TEST_CASE_FIXTURE(operator_fixture, "an activity without a workflow is not served") {
  ws::PauseActivityExecutionRequest r;
  r.set_namespace_("default");
  r.set_activity_id("a");
  CHECK(refusal(r).code == errc::unimplemented);
}
