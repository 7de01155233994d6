#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

ws::SignalWithStartWorkflowExecutionRequest both_request() {
  ws::SignalWithStartWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.set_workflow_id("w");
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("queue");
  r.set_request_id("both");
  r.set_signal_name("signal");
  return r;
}

/// On an open workflow whose id a former, closed run had.
template <class Request>
scenario on_open(const std::string& name, Request r) {
  return {.name = name, .live = [r](probe& p) {
            p.start_workflow("w");
            p.ask(r);
            p.look_on();
          }};
}

template <class Request>
Request for_workflow() {
  Request r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id("w");
  return r;
}

} // namespace

TEST_CASE(
  "every field of signals, cancels, terminations and deletions shows, is refused, or is listed") {
  auto signal = probe::signal_request("w");
  auto closed = [](auto r) {
    return scenario{.name = "a closed workflow",
                    .live =
                      [r](probe& p) {
                        p.close("w", {probe::complete_command()});
                        p.ask(r);
                        p.look_on();
                      },
                    .only = {"workflow_id_reuse_policy", "request_id"}};
  };
  auto open = on_open("signal-with-start of an open workflow", both_request());
  open.only = {"workflow_id_conflict_policy", "request_id", "signal_name", "signal_input"};
  check_fields(signal_methods,
               {{.name = "signal-with-start",
                 .live =
                   [](probe& p) {
                     p.ask(both_request());
                     p.look_on();
                   }},
                open,
                closed(both_request()),
                on_open("signal", signal),
                {.name = "a signal that is sent twice",
                 .live =
                   [signal](probe& p) {
                     p.start_workflow("w");
                     auto first = signal;
                     first.set_request_id("some-text");
                     (void)p.answer_to(first);
                     p.ask(signal);
                     p.look_on();
                   },
                 .only = {"request_id"}},
                on_open("cancel", for_workflow<ws::RequestCancelWorkflowExecutionRequest>()),
                {.name = "a cancel that is sent twice",
                 .live =
                   [](probe& p) {
                     p.start_workflow("w");
                     auto r = for_workflow<ws::RequestCancelWorkflowExecutionRequest>();
                     r.set_request_id("some-text");
                     (void)p.answer_to(r);
                     r.set_request_id("first");
                     p.ask(r);
                     p.look_on();
                   },
                 .only = {"request_id"}},
                on_open("terminate", for_workflow<ws::TerminateWorkflowExecutionRequest>()),
                on_open("delete", for_workflow<ws::DeleteWorkflowExecutionRequest>())});
}
