#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

ws::QueryWorkflowRequest query_request() {
  ws::QueryWorkflowRequest r;
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id("w");
  r.mutable_query()->set_query_type("state");
  return r;
}

ws::RespondWorkflowTaskFailedRequest failed_request(probe& p) {
  ws::RespondWorkflowTaskFailedRequest r;
  r.set_namespace_("default");
  r.set_task_token(p.workflow_task().task_token());
  r.set_cause(enums::WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE);
  *r.mutable_failure() = application_failure("a mistake");
  return r;
}

/// A query that a worker has; its caller's answer is seen.
ws::RespondQueryTaskCompletedRequest query_answer(probe& p, made_call& asking) {
  p.close("w", {probe::complete_command()});
  asking = p.send_request(query_request(), probe::poll_options());
  p.run();
  ws::RespondQueryTaskCompletedRequest r;
  r.set_namespace_("default");
  r.set_task_token(p.take_workflow_task().task_token());
  r.set_completed_type(enums::QUERY_RESULT_TYPE_ANSWERED);
  *r.mutable_query_result() = payloads("\"answer\"");
  return r;
}

scenario answered_query(const std::string& name, enums::QueryResultType type) {
  return {.name = name, .live = [type](probe& p) {
            made_call asking;
            auto r = query_answer(p, asking);
            r.set_completed_type(type);
            if (type == enums::QUERY_RESULT_TYPE_FAILED) {
              r.clear_query_result();
              r.set_error_message("no such query");
            }
            p.ask(r);
            if (asking.answered() && asking.answer())
              p.see(probe::read<ws::QueryWorkflowResponse>(asking.answer()));
            else if (asking.answered())
              p.see_error(asking.answer().error());
          }};
}

} // namespace

TEST_CASE("every field of polls, failed tasks and queries shows, is refused, or is listed") {
  check_fields(workflow_task_methods,
               {{.name = "a poll",
                 .live =
                   [](probe& p) {
                     p.start_workflow("w");
                     p.ask(probe::poll_request());
                     p.look_on();
                   }},
                {.name = "a poll on a sticky queue",
                 .live =
                   [](probe& p) {
                     auto done = probe::completion(p.workflow_task().task_token(), {});
                     auto& sticky = *done.mutable_sticky_attributes();
                     sticky.mutable_worker_task_queue()->set_name("own");
                     sticky.mutable_worker_task_queue()->set_normal_name("queue");
                     sticky.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
                     sticky.mutable_schedule_to_start_timeout()->set_seconds(5);
                     p.ok<ws::RespondWorkflowTaskCompletedResponse>(done);
                     auto poll = probe::poll_request("own");
                     poll.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
                     poll.mutable_task_queue()->set_normal_name("queue");
                     p.ask(poll);
                     p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
                     p.look_on();
                   },
                 .only = {"task_queue"}},
                {.name = "a failed task",
                 .live =
                   [](probe& p) {
                     p.ask(failed_request(p));
                     p.look_on();
                   }},
                {.name = "a query",
                 .live =
                   [](probe& p) {
                     p.close("w", {probe::complete_command()});
                     p.ask(query_request());
                     p.look_on();
                   }},
                answered_query("a query's answer", enums::QUERY_RESULT_TYPE_ANSWERED),
                answered_query("a query's failure", enums::QUERY_RESULT_TYPE_FAILED)});
}
