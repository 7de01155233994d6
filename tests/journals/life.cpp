#include "tests/journals/life.hpp"

namespace reprise::journals {

namespace {

using command = api::command::v1::Command;

/// Snapshots that come soon: a run of a dozen rows has some.
constexpr std::uint64_t rows_per_snapshot = 12;

virtual_server_options options_for(const std::string& path) {
  auto opened = store::open_sqlite({.path = path});
  REQUIRE_MESSAGE(opened, opened.error().message);
  return {.node = {.seed = 7, .capacity = {.run = {.rows_per_snapshot = rows_per_snapshot}}},
          .store = std::move(*opened),
          .first = {.name = "default",
                    .search_attributes = {{"Tag", enums::INDEXED_VALUE_TYPE_KEYWORD}}}};
}

api::common::v1::Payload payload(const std::string& json) {
  api::common::v1::Payload p;
  (*p.mutable_metadata())["encoding"] = "json/plain";
  p.set_data(json);
  return p;
}

api::failure::v1::Failure failure(const std::string& text, bool retryable = true) {
  api::failure::v1::Failure f;
  f.set_message(text);
  f.mutable_application_failure_info()->set_type("mistake");
  f.mutable_application_failure_info()->set_non_retryable(!retryable);
  return f;
}

command fail_command() {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION);
  *c.mutable_fail_workflow_execution_command_attributes()->mutable_failure() = failure("planned");
  return c;
}

command cancelled_command() {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION);
  c.mutable_cancel_workflow_execution_command_attributes();
  return c;
}

command marker_command() {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_RECORD_MARKER);
  auto& a = *c.mutable_record_marker_command_attributes();
  a.set_marker_name("marker");
  *(*a.mutable_details())["data"].add_payloads() = payload("1");
  return c;
}

command upsert_command() {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
  (*c.mutable_upsert_workflow_search_attributes_command_attributes()
      ->mutable_search_attributes()
      ->mutable_indexed_fields())["Tag"]
    = payload("\"green\"");
  return c;
}

command memo_command() {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES);
  (*c.mutable_modify_workflow_properties_command_attributes()
      ->mutable_upserted_memo()
      ->mutable_fields())["note"]
    = payload("\"changed\"");
  return c;
}

command cancel_timer_command(const std::string& id) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_CANCEL_TIMER);
  c.mutable_cancel_timer_command_attributes()->set_timer_id(id);
  return c;
}

command cancel_activity_command(std::int64_t scheduled_event_id) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK);
  c.mutable_request_cancel_activity_task_command_attributes()->set_scheduled_event_id(
    scheduled_event_id);
  return c;
}

command continue_command(const std::string& queue) {
  command c;
  c.set_command_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_continue_as_new_workflow_execution_command_attributes();
  a.mutable_workflow_type()->set_name("type");
  a.mutable_task_queue()->set_name(queue);
  *a.mutable_input()->add_payloads() = payload("2");
  return c;
}

} // namespace

server_on_file::server_on_file(const std::string& path) : server_fixture(options_for(path)) {
  REQUIRE_MESSAGE(prepared, prepared.error().message);
}

void server_on_file::go_on_at(time_point when) {
  if (when > time.now())
    advance(when - time.now());
}

// Each workflow has a queue of its own name, so that polls take the task that is meant.

ws::PollWorkflowTaskQueueResponse life::task_of(const std::string& id) {
  return s_.take_workflow_task(id);
}

ws::PollActivityTaskQueueResponse life::activity_of(const std::string& id) {
  return s_.take_activity_task(id);
}

void life::start(const std::string& id) {
  auto r = server_fixture::start_request(id);
  r.mutable_task_queue()->set_name(id);
  s_.ok<ws::StartWorkflowExecutionResponse>(r);
}

void life::start_with(const std::string& id, const std::vector<command>& commands) {
  start(id);
  s_.complete_task(task_of(id).task_token(), commands);
}

namespace {

command activity_on(const std::string& queue, const std::string& id = "a") {
  auto c = server_fixture::activity_command(id);
  auto& a = *c.mutable_schedule_activity_task_command_attributes();
  a.mutable_task_queue()->set_name(queue);
  a.mutable_schedule_to_close_timeout()->set_seconds(400'000);
  a.mutable_heartbeat_timeout()->set_seconds(200'000);
  a.mutable_retry_policy()->mutable_initial_interval()->set_seconds(3600);
  *a.mutable_input()->add_payloads() = payload("\"input\"");
  return c;
}

command short_activity_on(const std::string& queue) {
  auto c = activity_on(queue);
  auto& a = *c.mutable_schedule_activity_task_command_attributes();
  a.mutable_start_to_close_timeout()->set_seconds(2);
  a.mutable_retry_policy()->set_maximum_attempts(1);
  return c;
}

} // namespace

void life::signal(const std::string& id, const std::string& name, const std::string& request_id) {
  auto r = server_fixture::signal_request(id);
  r.set_signal_name(name);
  r.set_request_id(request_id);
  s_.ok<ws::SignalWorkflowExecutionResponse>(r);
}

void life::cancel(const std::string& id) {
  ws::RequestCancelWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id(id);
  r.set_request_id("cancel-" + id);
  s_.ok<ws::RequestCancelWorkflowExecutionResponse>(r);
}

void life::close_in_every_way() {
  start_with("completed", {marker_command(), upsert_command(), memo_command(),
                           server_fixture::complete_command()});
  start_with("failed", {fail_command()});
  start("cancelled");
  cancel("cancelled");
  s_.complete_task(task_of("cancelled").task_token(), {cancelled_command()});
  start("terminated");
  terminate("terminated");
  start_with("continued", {continue_command("continued")});
  auto brief = server_fixture::start_request("timed-out");
  brief.mutable_task_queue()->set_name("timed-out");
  brief.mutable_workflow_run_timeout()->set_seconds(1);
  s_.ok<ws::StartWorkflowExecutionResponse>(brief);
  s_.advance(2s);
  start_with("timers", {server_fixture::timer_command("fires", 1),
                        server_fixture::timer_command("is-cancelled", 500)});
  s_.advance(2s);
  s_.complete_task(task_of("timers").task_token(),
                   {cancel_timer_command("is-cancelled"), server_fixture::complete_command()});
}

void life::run_through_activities() {
  start_with("activity-completes", {activity_on("activity-completes")});
  ws::RespondActivityTaskCompletedRequest done;
  done.set_namespace_("default");
  done.set_task_token(activity_of("activity-completes").task_token());
  *done.mutable_result()->add_payloads() = payload("\"done\"");
  s_.ok<ws::RespondActivityTaskCompletedResponse>(done);
  start_with("activity-fails", {activity_on("activity-fails")});
  ws::RespondActivityTaskFailedRequest failed;
  failed.set_namespace_("default");
  failed.set_task_token(activity_of("activity-fails").task_token());
  *failed.mutable_failure() = failure("for good", false);
  s_.ok<ws::RespondActivityTaskFailedResponse>(failed);
  start_with("activity-times-out", {short_activity_on("activity-times-out")});
  activity_of("activity-times-out");
  s_.advance(3s);
  start_with("activity-cancelled", {activity_on("activity-cancelled")});
  auto task = activity_of("activity-cancelled");
  signal("activity-cancelled", "stop");
  s_.complete_task(task_of("activity-cancelled").task_token(), {cancel_activity_command(5)});
  ws::RespondActivityTaskCanceledRequest over;
  over.set_namespace_("default");
  over.set_task_token(task.task_token());
  s_.ok<ws::RespondActivityTaskCanceledResponse>(over);
}

void life::have_trouble_with_tasks() {
  start("task-fails");
  ws::RespondWorkflowTaskFailedRequest failed;
  failed.set_namespace_("default");
  failed.set_task_token(task_of("task-fails").task_token());
  failed.set_cause(enums::WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE);
  *failed.mutable_failure() = failure("a worker's mistake");
  s_.ok<ws::RespondWorkflowTaskFailedResponse>(failed);
  start("task-times-out");
  task_of("task-times-out");
  start("close-refused");
  auto task = task_of("close-refused");
  signal("close-refused", "in-between");
  s_.refusal(server_fixture::completion(task.task_token(), {server_fixture::complete_command()}));
  s_.advance(11s);
}

ws::StartWorkflowExecutionRequest life::full_start(const std::string& id) {
  auto r = server_fixture::start_request(id);
  r.mutable_task_queue()->set_name(id);
  *r.mutable_input()->add_payloads() = payload("{\"a\": 1}");
  (*r.mutable_memo()->mutable_fields())["note"] = payload("\"first\"");
  (*r.mutable_search_attributes()->mutable_indexed_fields())["Tag"] = payload("\"red\"");
  *r.mutable_header() = [] {
    api::common::v1::Header h;
    (*h.mutable_fields())["trace"] = payload("\"t\"");
    return h;
  }();
  *r.mutable_user_metadata()->mutable_summary() = payload("\"a summary\"");
  r.mutable_priority()->set_priority_key(2);
  r.mutable_priority()->set_fairness_key("tenant");
  r.mutable_workflow_execution_timeout()->set_seconds(2'000'000);
  r.mutable_workflow_run_timeout()->set_seconds(1'000'000);
  r.mutable_workflow_task_timeout()->set_seconds(20);
  r.mutable_retry_policy()->mutable_initial_interval()->set_seconds(3600);
  return r;
}

void life::change_everything() {
  s_.ok<ws::StartWorkflowExecutionResponse>(full_start("full"));
  auto again = full_start("full");
  again.set_request_id("another");
  again.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  again.mutable_on_conflict_options()->set_attach_request_id(true);
  s_.ok<ws::StartWorkflowExecutionResponse>(again);
  ws::UpdateWorkflowExecutionOptionsRequest options;
  options.set_namespace_("default");
  options.mutable_workflow_execution()->set_workflow_id("full");
  options.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(4);
  options.mutable_update_mask()->add_paths("priority");
  s_.ok<ws::UpdateWorkflowExecutionOptionsResponse>(options);
  signal("full", "first", "signal-1");
  s_.complete_task(task_of("full").task_token(),
                   {marker_command(), upsert_command(), memo_command(), activity_on("full"),
                    server_fixture::timer_command("t", 400'000)});
  // Enough rows for snapshots, and for facts that are forgotten behind them.
  start("long");
  for (int i = 0; i < 20; ++i) {
    signal("long", "signal-" + std::to_string(i), "long-" + std::to_string(i));
    if (i % 5 == 0)
      s_.complete_task(task_of("long").task_token(), {});
  }
}

void life::leave_activities_open() {
  start_with("activity-waits", {activity_on("activity-waits")});
  start_with("activity-started", {activity_on("activity-started")});
  auto started = activity_of("activity-started");
  ws::RecordActivityTaskHeartbeatRequest beat;
  beat.set_namespace_("default");
  beat.set_task_token(started.task_token());
  *beat.mutable_details()->add_payloads() = payload("\"half\"");
  s_.ok<ws::RecordActivityTaskHeartbeatResponse>(beat);
  tokens_.activity_tasks.push_back(started.task_token());
  start_with("activity-backs-off", {activity_on("activity-backs-off")});
  ws::RespondActivityTaskFailedRequest failed;
  failed.set_namespace_("default");
  failed.set_task_token(activity_of("activity-backs-off").task_token());
  *failed.mutable_failure() = failure("try again");
  s_.ok<ws::RespondActivityTaskFailedResponse>(failed);
  start_with("activity-paused", {activity_on("activity-paused")});
  ws::PauseActivityRequest pause;
  pause.set_namespace_("default");
  pause.mutable_execution()->set_workflow_id("activity-paused");
  pause.set_id("a");
  pause.set_identity("operator");
  pause.set_reason("a look at it");
  s_.ok<ws::PauseActivityResponse>(pause);
  start_with("activity-reset", {activity_on("activity-reset")});
  activity_of("activity-reset");
  ws::ResetActivityRequest reset;
  reset.set_namespace_("default");
  reset.mutable_execution()->set_workflow_id("activity-reset");
  reset.set_id("a");
  reset.set_reset_heartbeat(true);
  s_.ok<ws::ResetActivityResponse>(reset);
  start_with("activity-options", {activity_on("activity-options")});
  ws::UpdateActivityOptionsRequest options;
  options.set_namespace_("default");
  options.mutable_execution()->set_workflow_id("activity-options");
  options.set_id("a");
  options.mutable_activity_options()->mutable_start_to_close_timeout()->set_seconds(77);
  options.mutable_update_mask()->add_paths("start_to_close_timeout");
  s_.ok<ws::UpdateActivityOptionsResponse>(options);
  start_with("activity-cancel-requested", {activity_on("activity-cancel-requested")});
  activity_of("activity-cancel-requested");
  signal("activity-cancel-requested", "stop");
  s_.complete_task(task_of("activity-cancel-requested").task_token(), {cancel_activity_command(5)});
}

void life::leave_tasks_open() {
  start("task-waits");
  start("task-started");
  auto task = task_of("task-started");
  signal("task-started", "buffered", "buffered-1");
  signal("task-started", "buffered-too");
  cancel("task-started");
  tokens_.workflow_tasks.push_back(task.task_token());
  start("task-sticky");
  auto sticky = server_fixture::completion(task_of("task-sticky").task_token(), {});
  sticky.mutable_sticky_attributes()->mutable_worker_task_queue()->set_name("own");
  sticky.mutable_sticky_attributes()->mutable_worker_task_queue()->set_normal_name("task-sticky");
  sticky.mutable_sticky_attributes()->mutable_worker_task_queue()->set_kind(
    enums::TASK_QUEUE_KIND_STICKY);
  sticky.mutable_sticky_attributes()->mutable_schedule_to_start_timeout()->set_seconds(5);
  s_.ok<ws::RespondWorkflowTaskCompletedResponse>(sticky);
  signal("task-sticky", "more");
}

void life::leave_waits_open() {
  start_with("timer-waits", {server_fixture::timer_command("t", 300'000)});
  start_with("signal-waits", {});
  auto delayed = server_fixture::start_request("delayed");
  delayed.mutable_task_queue()->set_name("delayed");
  delayed.mutable_workflow_start_delay()->set_seconds(300'000);
  s_.ok<ws::StartWorkflowExecutionResponse>(delayed);
  auto cron = server_fixture::start_request("cron");
  cron.mutable_task_queue()->set_name("cron");
  cron.set_cron_schedule("0 0 * * *");
  s_.ok<ws::StartWorkflowExecutionResponse>(cron);
  s_.ok<ws::StartWorkflowExecutionResponse>(full_start("retried"));
  s_.complete_task(task_of("retried").task_token(), {fail_command()});
}

open_tokens life::live() {
  close_in_every_way();
  run_through_activities();
  have_trouble_with_tasks();
  change_everything();
  have_children();
  act_on_others();
  update_and_reset();
  leave_activities_open();
  leave_waits_open();
  leave_tasks_open();
  // What left early is written now.
  s_.advance(2s);
  return tokens_;
}

} // namespace reprise::journals
