#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

api::command::v1::Command fail_command() {
  api::command::v1::Command c;
  c.set_command_type(enums::COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION);
  *c.mutable_fail_workflow_execution_command_attributes()->mutable_failure()
    = application_failure("failed");
  return c;
}

} // namespace

TEST_CASE("every field of a start shows, is refused, or is listed") {
  check_fields(
    start_methods,
    {
      {.name = "a new workflow",
       .live =
         [](probe& p) {
           p.ask(probe::start_request("w"));
           p.look_on();
         }},
      {.name = "the workflow is open",
       .live =
         [](probe& p) {
           p.start_workflow("w");
           auto again = probe::start_request("w");
           again.set_request_id("another");
           again.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
           p.ask(again);
           p.look_on();
         },
       .only = {"workflow_id_conflict_policy", "workflow_id_reuse_policy", "on_conflict_options",
                "request_id", "links", "completion_callbacks"}},
      {.name = "the workflow is open, and what came with the start is attached",
       .live =
         [](probe& p) {
           p.start_workflow("w");
           auto again = probe::start_request("w");
           again.set_request_id("another");
           again.set_workflow_id_conflict_policy(enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
           again.mutable_on_conflict_options()->set_attach_request_id(true);
           again.add_links()->mutable_workflow_event()->set_namespace_("default");
           again.mutable_links(0)->mutable_workflow_event()->set_workflow_id("other");
           again.mutable_links(0)->mutable_workflow_event()->set_run_id(
             "11111111-2222-4333-8444-555555555555");
           p.ask(again);
           p.look_on();
         },
       .only = {"on_conflict_options"}},
      {.name = "the workflow is closed",
       .live =
         [](probe& p) {
           p.close("w", {probe::complete_command()});
           auto again = probe::start_request("w");
           again.set_request_id("another");
           p.ask(again);
           p.look_on();
         },
       .only = {"workflow_id_reuse_policy", "request_id"}},
      {.name = "a first run that fails",
       .live =
         [](probe& p) {
           auto r = probe::start_request("w");
           r.mutable_retry_policy()->mutable_initial_interval()->set_seconds(5);
           r.mutable_retry_policy()->set_backoff_coefficient(2);
           r.mutable_retry_policy()->mutable_maximum_interval()->set_seconds(50);
           r.mutable_retry_policy()->set_maximum_attempts(5);
           p.ask(r);
           for (int i = 0; i < 3; ++i) {
             auto task = p.try_task();
             if (task)
               (void)p.answer_to(probe::completion(task->task_token(), {fail_command()}));
             p.advance(std::chrono::seconds{12});
           }
           p.look_on();
         },
       .only = {"retry_policy", "cron_schedule", "links"}},
    });
}
