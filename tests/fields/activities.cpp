#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

template <class Request>
Request by_token(probe& p) {
  Request r;
  r.set_namespace_("default");
  r.set_task_token(p.activity_task().task_token());
  return r;
}

template <class Request>
Request by_id(probe& p) {
  p.activity_task();
  Request r;
  r.set_namespace_("default");
  r.set_workflow_id("w");
  r.set_activity_id("a");
  return r;
}

template <class Make>
scenario answer(const std::string& name, Make make) {
  return {.name = name, .live = [make](probe& p) {
            p.ask(make(p));
            p.look_on();
          }};
}

void ask_to_cancel(probe& p) {
  p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK);
  c.mutable_request_cancel_activity_task_command_attributes()->set_scheduled_event_id(5);
  p.complete_task(p.take_workflow_task().task_token(), {c});
}

template <class Request>
Request with_failure(Request r) {
  *r.mutable_failure() = application_failure("a mistake");
  return r;
}

template <class Request>
Request after_cancel(probe& p, Request r) {
  ask_to_cancel(p);
  return r;
}

} // namespace

TEST_CASE("every field of an activity's calls shows, is refused, or is listed") {
  check_fields(activity_methods,
               {{.name = "a poll",
                 .live =
                   [](probe& p) {
                     p.with_activity();
                     p.ask(probe::activity_poll());
                     p.look_on();
                   }},
                {.name = "a poll of several tasks",
                 .live =
                   [](probe& p) {
                     p.with_activity("w");
                     p.with_activity("x");
                     p.with_activity("y");
                     p.ask(probe::activity_poll());
                     p.look_on();
                   },
                 .only = {"task_queue_metadata"}},
                answer("heartbeat", by_token<ws::RecordActivityTaskHeartbeatRequest>),
                answer("heartbeat by id", by_id<ws::RecordActivityTaskHeartbeatByIdRequest>),
                answer("completed", by_token<ws::RespondActivityTaskCompletedRequest>),
                answer("completed by id", by_id<ws::RespondActivityTaskCompletedByIdRequest>),
                answer("failed",
                       [](probe& p) {
                         return with_failure(by_token<ws::RespondActivityTaskFailedRequest>(p));
                       }),
                answer("failed by id",
                       [](probe& p) {
                         return with_failure(by_id<ws::RespondActivityTaskFailedByIdRequest>(p));
                       }),
                answer("cancelled",
                       [](probe& p) {
                         return after_cancel(p,
                                             by_token<ws::RespondActivityTaskCanceledRequest>(p));
                       }),
                answer("cancelled by id", [](probe& p) {
                  return after_cancel(p, by_id<ws::RespondActivityTaskCanceledByIdRequest>(p));
                })});
}
