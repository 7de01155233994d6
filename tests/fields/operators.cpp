#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

template <class Request>
Request of_activity() {
  Request r;
  r.set_namespace_("default");
  if constexpr (requires { r.mutable_execution(); }) {
    r.mutable_execution()->set_workflow_id("w");
    r.set_id("a");
  } else {
    r.set_workflow_id("w");
    r.set_activity_id("a");
  }
  return r;
}

/// On an activity whose second attempt a worker has, with details of its first.
void live_a_while(probe& p) {
  auto task = p.activity_task();
  ws::RecordActivityTaskHeartbeatRequest beat;
  beat.set_namespace_("default");
  beat.set_task_token(task.task_token());
  *beat.mutable_details() = payloads("\"half\"");
  p.ok<ws::RecordActivityTaskHeartbeatResponse>(beat);
  ws::RespondActivityTaskFailedRequest failed;
  failed.set_namespace_("default");
  failed.set_task_token(task.task_token());
  *failed.mutable_failure() = application_failure("a mistake");
  p.ok<ws::RespondActivityTaskFailedResponse>(failed);
}

template <class Request>
scenario on_activity(const std::string& name, Request r, bool paused = false) {
  return {.name = name, .live = [r, paused](probe& p) {
            live_a_while(p);
            if (paused)
              p.ok<ws::PauseActivityResponse>(of_activity<ws::PauseActivityRequest>());
            p.ask(r);
            p.look_on();
          }};
}

template <class Request>
Request with_options() {
  auto r = of_activity<Request>();
  r.mutable_activity_options()->mutable_start_to_close_timeout()->set_seconds(33);
  for (const char* path :
       {"task_queue.name", "schedule_to_close_timeout", "schedule_to_start_timeout",
        "start_to_close_timeout", "heartbeat_timeout", "retry_policy.initial_interval",
        "retry_policy.backoff_coefficient", "retry_policy.maximum_interval",
        "retry_policy.maximum_attempts", "priority"})
    r.mutable_update_mask()->add_paths(path);
  auto& options = *r.mutable_activity_options();
  options.mutable_task_queue()->set_name("queue");
  options.mutable_schedule_to_close_timeout()->set_seconds(9000);
  options.mutable_schedule_to_start_timeout()->set_seconds(8000);
  options.mutable_heartbeat_timeout()->set_seconds(30);
  options.mutable_retry_policy()->mutable_initial_interval()->set_seconds(3);
  options.mutable_retry_policy()->set_backoff_coefficient(2);
  options.mutable_retry_policy()->mutable_maximum_interval()->set_seconds(100);
  options.mutable_retry_policy()->set_maximum_attempts(50);
  return r;
}

template <class Request>
scenario restored(const std::string& name) {
  return {.name = name,
          .live =
            [](probe& p) {
              live_a_while(p);
              p.ok<ws::UpdateActivityOptionsResponse>(
                with_options<ws::UpdateActivityOptionsRequest>());
              p.ask(of_activity<Request>());
              p.look_on();
            },
          .only = {"restore_original", "restore_original_options"}};
}

ws::UpdateWorkflowExecutionOptionsRequest workflow_options() {
  ws::UpdateWorkflowExecutionOptionsRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id("w");
  r.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(2);
  r.mutable_update_mask()->add_paths("priority");
  return r;
}

template <class Request>
scenario on_workflow(const std::string& name, Request r) {
  return {.name = name, .live = [r](probe& p) {
            p.start_workflow("w");
            p.ask(r);
            p.look_on();
          }};
}

ws::UpdateWorkflowExecutionOptionsRequest override_options() {
  auto r = workflow_options();
  r.mutable_update_mask()->set_paths(0, "versioning_override");
  r.mutable_workflow_execution_options()->clear_priority();
  r.mutable_workflow_execution_options()->mutable_versioning_override()->set_auto_upgrade(true);
  return r;
}

} // namespace

TEST_CASE("every field of an operator's calls on activities shows, is refused, or is listed") {
  std::vector<std::string> methods{operator_methods.begin(), operator_methods.begin() + 8};
  check_fields(
    methods,
    {on_activity("pause", of_activity<ws::PauseActivityRequest>()),
     on_activity("pause again", of_activity<ws::PauseActivityRequest>(), true),
     on_activity("unpause", of_activity<ws::UnpauseActivityRequest>(), true),
     on_activity("reset", of_activity<ws::ResetActivityRequest>()),
     on_activity("reset of a paused one", of_activity<ws::ResetActivityRequest>(), true),
     on_activity("options", with_options<ws::UpdateActivityOptionsRequest>()),
     restored<ws::ResetActivityRequest>("reset to the first options"),
     restored<ws::ResetActivityExecutionRequest>("reset of an execution to the first options"),
     on_activity("pause of an execution", of_activity<ws::PauseActivityExecutionRequest>()),
     on_activity("unpause of an execution", of_activity<ws::UnpauseActivityExecutionRequest>(),
                 true),
     on_activity("reset of an execution", of_activity<ws::ResetActivityExecutionRequest>()),
     on_activity("reset of a paused execution", of_activity<ws::ResetActivityExecutionRequest>(),
                 true),
     on_activity("options of an execution",
                 with_options<ws::UpdateActivityExecutionOptionsRequest>())});
}

TEST_CASE("every field of an operator's calls on workflows shows, is refused, or is listed") {
  ws::PauseWorkflowExecutionRequest pause;
  pause.set_namespace_("default");
  pause.set_workflow_id("w");
  ws::UnpauseWorkflowExecutionRequest unpause;
  unpause.set_namespace_("default");
  unpause.set_workflow_id("w");
  auto whole = [](scenario s, const std::vector<std::string>& fields) {
    s.only = fields;
    return s;
  };
  std::vector<std::string> pause_fields{"namespace", "workflow_id", "run_id",
                                        "identity",  "reason",      "request_id"};
  auto with_override = on_workflow("a versioning override", override_options());
  with_override.only = {"workflow_execution_options.versioning_override"};
  check_fields(
    {"PauseWorkflowExecution", "UnpauseWorkflowExecution", "UpdateWorkflowExecutionOptions"},
    {whole(on_workflow("pause of a workflow", pause), pause_fields),
     whole(on_workflow("unpause of a workflow", unpause), pause_fields),
     on_workflow("options of a workflow", workflow_options()), with_override});
}
