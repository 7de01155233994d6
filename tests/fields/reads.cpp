#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

/// Workflows of two types, open and closed, of which one is short.
void make_workflows(probe& p) {
  p.close("closed", {probe::complete_command()});
  p.advance(std::chrono::seconds{100});
  p.with_activity("w");
  auto other = probe::start_request("other");
  other.mutable_workflow_type()->set_name("some-text");
  p.ok<ws::StartWorkflowExecutionResponse>(other);
}

template <class Request>
scenario asked(const std::string& name, Request r) {
  return {.name = name, .live = [r](probe& p) {
            make_workflows(p);
            p.ask(r);
          }};
}

template <class Request>
Request on_w(Request r = {}) {
  r.set_namespace_("default");
  r.mutable_execution()->set_workflow_id("w");
  return r;
}

template <class Request>
Request in_default(Request r = {}) {
  r.set_namespace_("default");
  return r;
}

ws::DescribeTaskQueueRequest describe_queue(enums::DescribeTaskQueueMode mode) {
  ws::DescribeTaskQueueRequest r;
  r.set_namespace_("default");
  r.mutable_task_queue()->set_name("queue");
  r.set_api_mode(mode);
  return r;
}

/// A workflow whose next task is for the worker of the queue "own".
void stay_with_worker(probe& p) {
  auto done = probe::completion(p.workflow_task().task_token(), {});
  auto& s = *done.mutable_sticky_attributes();
  s.mutable_worker_task_queue()->set_name("own");
  s.mutable_worker_task_queue()->set_normal_name("queue");
  s.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
  s.mutable_schedule_to_start_timeout()->set_seconds(60);
  p.ok<ws::RespondWorkflowTaskCompletedResponse>(done);
}

/// Of a worker whose polls wait, and that keeps a workflow.
scenario shut_down() {
  return {.name = "the end of a worker", .live = [](probe& p) {
            stay_with_worker(p);
            auto own = probe::poll_request("own");
            own.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
            own.mutable_task_queue()->set_normal_name("queue");
            own.set_worker_instance_key("some-text");
            auto waiting = p.send_request(own, probe::poll_options());
            auto poll = probe::poll_request();
            poll.set_worker_instance_key("some-text");
            auto other = p.send_request(poll, probe::poll_options());
            p.run();
            ws::ShutdownWorkerRequest r;
            r.set_namespace_("default");
            r.set_sticky_task_queue("own");
            r.set_task_queue("queue");
            p.ask(r);
            for (auto* made : {&waiting, &other})
              if (made->answered())
                p.see(probe::read<ws::PollWorkflowTaskQueueResponse>(made->answer()));
            p.look_on();
          }};
}

/// Of a history that has more events than were seen, and grows while one looks.
scenario waiting_history() {
  return {.name = "a history that grows",
          .live =
            [](probe& p) {
              make_workflows(p);
              p.ask(on_w<ws::GetWorkflowExecutionHistoryRequest>());
              p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
              p.look_on();
            },
          .only = {"wait_new_event", "history_event_filter_type", "maximum_page_size"}};
}

scenario reset_sticky() {
  return {.name = "a workflow that forgets its worker", .live = [](probe& p) {
            stay_with_worker(p);
            p.ask(on_w<ws::ResetStickyTaskQueueRequest>());
            p.ok<ws::SignalWorkflowExecutionResponse>(probe::signal_request("w"));
            p.look_on();
          }};
}

} // namespace

TEST_CASE("every field of a call that reads shows, is refused, or is listed") {
  ws::ListOpenWorkflowExecutionsRequest open;
  ws::ListClosedWorkflowExecutionsRequest closed;
  check_fields(
    read_methods,
    {asked("describe", on_w<ws::DescribeWorkflowExecutionRequest>()),
     asked("history", on_w<ws::GetWorkflowExecutionHistoryRequest>()), waiting_history(),
     asked("reverse history", on_w<ws::GetWorkflowExecutionHistoryReverseRequest>()),
     asked("list", in_default<ws::ListWorkflowExecutionsRequest>()),
     asked("open", in_default(open)), asked("closed", in_default(closed)),
     asked("scan", in_default<ws::ScanWorkflowExecutionsRequest>()),
     asked("count", in_default<ws::CountWorkflowExecutionsRequest>()),
     asked("describe a queue", describe_queue(enums::DESCRIBE_TASK_QUEUE_MODE_UNSPECIFIED)),
     asked("describe a queue, enhanced", describe_queue(enums::DESCRIBE_TASK_QUEUE_MODE_ENHANCED)),
     reset_sticky(), shut_down()});
}
