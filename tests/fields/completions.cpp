#include "temporal/api/update/v1/message.pb.h"
#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

using command = api::command::v1::Command;

command of_type(enums::CommandType type) {
  command c;
  c.set_command_type(type);
  return c;
}

/// A first task that is answered with these; fields below the attributes of the last are walked.
scenario with_commands(const std::string& attributes, const std::vector<command>& commands) {
  auto only = attributes.empty() ? "commands.user_metadata" : "commands." + attributes;
  return {.name = "a completion with " + only,
          .live =
            [commands](probe& p) {
              p.ask(probe::completion(p.workflow_task().task_token(), commands));
              p.look_on();
            },
          .only = {only}};
}

command activity() {
  auto c = probe::activity_command("a");
  auto& a = *c.mutable_schedule_activity_task_command_attributes();
  a.mutable_schedule_to_close_timeout()->set_seconds(3000);
  a.mutable_start_to_close_timeout()->set_seconds(60);
  return c;
}

command continue_as_new() {
  auto c = of_type(enums::COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_continue_as_new_workflow_execution_command_attributes();
  a.mutable_workflow_type()->set_name("type");
  a.mutable_task_queue()->set_name("queue");
  return c;
}

command fail() {
  auto c = of_type(enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION);
  *c.mutable_fail_workflow_execution_command_attributes()->mutable_failure()
    = application_failure("failed");
  return c;
}

command cancelled() {
  auto c = of_type(enums::COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION);
  c.mutable_cancel_workflow_execution_command_attributes();
  return c;
}

command marker() {
  auto c = of_type(enums::COMMAND_TYPE_RECORD_MARKER);
  c.mutable_record_marker_command_attributes()->set_marker_name("marker");
  return c;
}

command upsert() {
  auto c = of_type(enums::COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
  (*c.mutable_upsert_workflow_search_attributes_command_attributes()
      ->mutable_search_attributes()
      ->mutable_indexed_fields())["Tag"]
    = payload("\"green\"");
  return c;
}

command memo() {
  auto c = of_type(enums::COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES);
  (*c.mutable_modify_workflow_properties_command_attributes()
      ->mutable_upserted_memo()
      ->mutable_fields())["note"]
    = payload("\"note\"");
  return c;
}

command signal_external() {
  auto c = of_type(enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_signal_external_workflow_execution_command_attributes();
  a.mutable_execution()->set_workflow_id("other");
  a.set_signal_name("signal");
  return c;
}

command child() {
  auto c = of_type(enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION);
  auto& a = *c.mutable_start_child_workflow_execution_command_attributes();
  a.set_workflow_id("child");
  a.mutable_workflow_type()->set_name("type");
  a.mutable_task_queue()->set_name("queue");
  return c;
}

command cancel_external() {
  auto c = of_type(enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION);
  c.mutable_request_cancel_external_workflow_execution_command_attributes()->set_workflow_id(
    "other");
  return c;
}

/// The second task of a workflow with a timer and an activity that a worker has.
scenario second(const std::string& attributes, const command& c) {
  return {.name = "a second completion with " + attributes,
          .live =
            [c](probe& p) {
              p.start_workflow("w");
              p.complete_task(p.take_workflow_task().task_token(),
                              {activity(), probe::timer_command("t", 500)});
              p.take_activity_task();
              p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
              p.ask(probe::completion(p.take_workflow_task().task_token(), {c}));
              p.look_on();
            },
          .only = {"commands." + attributes}};
}

scenario sticky() {
  return {.name = "a completion of a worker that keeps the workflow",
          .live =
            [](probe& p) {
              auto done = probe::completion(p.workflow_task().task_token(), {});
              auto& s = *done.mutable_sticky_attributes();
              s.mutable_worker_task_queue()->set_name("own");
              s.mutable_worker_task_queue()->set_normal_name("queue");
              s.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
              s.mutable_schedule_to_start_timeout()->set_seconds(5);
              auto own = probe::poll_request("own");
              own.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
              own.mutable_task_queue()->set_normal_name("queue");
              auto waiting = p.send_request(own, probe::poll_options());
              p.ask(done);
              p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
              if (waiting.answered())
                p.see(probe::read<ws::PollWorkflowTaskQueueResponse>(waiting.answer()));
              p.look_on();
            },
          .only = {"sticky_attributes"}};
}

scenario with_more_to_do() {
  return {.name = "a completion behind which more waits",
          .live =
            [](probe& p) {
              auto task = p.workflow_task();
              p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
              p.ask(probe::completion(task.task_token(), {activity()}));
              p.look_on();
            },
          .only = {"return_new_workflow_task", "force_create_new_workflow_task", "capabilities"}};
}

scenario with_query() {
  return {.name = "a completion with a query's answer",
          .live =
            [](probe& p) {
              p.start_workflow("w");
              ws::QueryWorkflowRequest q;
              q.set_namespace_("default");
              q.mutable_execution()->set_workflow_id("w");
              q.mutable_query()->set_query_type("state");
              p.complete_task(p.take_workflow_task().task_token(), {});
              p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
              auto asking = p.send_request(q, probe::poll_options());
              auto task = p.take_workflow_task();
              auto done = probe::completion(task.task_token(), {});
              for (const auto& [id, query] : task.queries()) {
                auto& answer = (*done.mutable_query_results())[id];
                answer.set_result_type(enums::QUERY_RESULT_TYPE_ANSWERED);
                *answer.mutable_answer() = payloads("\"answer\"");
              }
              p.ask(done);
              if (asking.answered() && asking.answer())
                p.see(probe::read<ws::QueryWorkflowResponse>(asking.answer()));
              else if (asking.answered())
                p.see_error(asking.answer().error());
            },
          .only = {"query_results"}};
}

/// An update of a run at rest, which has events that its worker has not seen, is rejected.
scenario with_rejection(const std::vector<std::string>& only) {
  return {.name = "a completion that rejects an update",
          .live =
            [](probe& p) {
              p.ok<ws::RespondWorkflowTaskCompletedResponse>(probe::completion(
                p.workflow_task().task_token(), {probe::timer_command("t", 100)}));
              ws::UpdateWorkflowExecutionRequest r;
              r.set_namespace_("default");
              r.mutable_workflow_execution()->set_workflow_id("w");
              r.mutable_request()->mutable_meta()->set_update_id("u1");
              r.mutable_request()->mutable_input()->set_name("upd");
              auto asking = p.send_request(r, probe::poll_options());
              p.run();
              auto done = probe::completion(p.take_workflow_task().task_token(), {});
              auto& message = *done.add_messages();
              message.set_id("reject");
              message.set_protocol_instance_id("u1");
              temporal::api::update::v1::Rejection no;
              no.mutable_failure()->set_message("no");
              message.mutable_body()->PackFrom(no);
              p.ask(done);
              if (asking.answered() && asking.answer())
                p.see(probe::read<ws::UpdateWorkflowExecutionResponse>(asking.answer()));
              else if (asking.answered())
                p.see_error(asking.answer().error());
              p.look_on();
            },
          .only = only};
}

} // namespace

TEST_CASE("every field of a workflow task's completion shows, is refused, or is listed") {
  check_fields(
    completion_methods,
    {{.name = "a completion",
      .live =
        [](probe& p) {
          p.ask(probe::completion(p.workflow_task().task_token(), {}));
          p.look_on();
        }},
     sticky(),
     with_more_to_do(),
     with_query(),
     with_rejection({"messages", "capabilities"}),
     with_commands("", {activity()}),
     with_commands("command_type", {activity()}),
     with_commands("event_group_markers", {activity()}),
     with_commands("schedule_activity_task_command_attributes", {activity()}),
     with_commands("start_timer_command_attributes", {probe::timer_command("t", 100)}),
     with_commands("complete_workflow_execution_command_attributes", {probe::complete_command()}),
     with_commands("fail_workflow_execution_command_attributes", {fail()}),
     with_commands("cancel_workflow_execution_command_attributes", {cancelled()}),
     with_commands("record_marker_command_attributes", {marker()}),
     with_commands("continue_as_new_workflow_execution_command_attributes", {continue_as_new()}),
     with_commands("upsert_workflow_search_attributes_command_attributes", {upsert()}),
     with_commands("modify_workflow_properties_command_attributes", {memo()}),
     with_commands("signal_external_workflow_execution_command_attributes", {signal_external()}),
     with_commands("request_cancel_external_workflow_execution_command_attributes",
                   {cancel_external()}),
     with_commands("start_child_workflow_execution_command_attributes", {child()}),
     second("cancel_timer_command_attributes",
            [] {
              auto c = of_type(enums::COMMAND_TYPE_CANCEL_TIMER);
              c.mutable_cancel_timer_command_attributes()->set_timer_id("t");
              return c;
            }()),
     second("request_cancel_activity_task_command_attributes", [] {
       auto c = of_type(enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK);
       c.mutable_request_cancel_activity_task_command_attributes()->set_scheduled_event_id(5);
       return c;
     }())});
}

TEST_CASE("commands of later work are refused whole") {
  for (auto type : {enums::COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
                    enums::COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
                    enums::COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
                    enums::COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
                    enums::COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION}) {
    INFO(enums::CommandType_Name(type));
    probe p{{}};
    p.ask(probe::completion(p.workflow_task().task_token(), {of_type(type)}));
    CHECK(p.refused());
  }
}
