#include "temporal/api/update/v1/message.pb.h"
#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;
namespace update = temporal::api::update::v1;

namespace {

constexpr auto accepted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED;

ws::UpdateWorkflowExecutionRequest update_request() {
  ws::UpdateWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id("w");
  r.mutable_wait_policy()->set_lifecycle_stage(accepted);
  r.mutable_request()->mutable_meta()->set_update_id("u1");
  r.mutable_request()->mutable_input()->set_name("upd");
  return r;
}

ws::ExecuteMultiOperationRequest with_start() {
  ws::ExecuteMultiOperationRequest r;
  r.set_namespace_("default");
  *r.add_operations()->mutable_start_workflow() = probe::start_request("w");
  *r.add_operations()->mutable_update_workflow() = update_request();
  return r;
}

/// A worker accepts whatever it is asked, and shows it.
void accept_all(probe& p) {
  auto task = p.try_task();
  if (!task)
    return;
  auto done = probe::completion(task->task_token(), {});
  for (const auto& asked : task->messages()) {
    p.see(asked);
    update::Acceptance a;
    a.set_accepted_request_message_id(asked.id());
    a.set_accepted_request_sequencing_event_id(asked.event_id());
    auto& answer = *done.add_messages();
    answer.set_id("accept");
    answer.set_protocol_instance_id(asked.protocol_instance_id());
    answer.mutable_body()->PackFrom(a);
  }
  p.ok<ws::RespondWorkflowTaskCompletedResponse>(done);
}

scenario an_update() {
  return {.name = "an update", .live = [](probe& p) {
            p.start_workflow("w");
            p.ask(update_request());
            accept_all(p);
            p.look_on();
          }};
}

scenario a_start_with_an_update() {
  return {.name = "a start with an update", .live = [](probe& p) {
            p.ask(with_start());
            accept_all(p);
            p.look_on();
          }};
}

scenario a_poll() {
  return {.name = "a poll of an update", .live = [](probe& p) {
            p.start_workflow("w");
            auto sent = p.send_request(update_request(), probe::poll_options());
            p.run();
            ws::PollWorkflowExecutionUpdateRequest r;
            r.set_namespace_("default");
            r.mutable_update_ref()->mutable_workflow_execution()->set_workflow_id("w");
            r.mutable_update_ref()->set_update_id("u1");
            r.mutable_wait_policy()->set_lifecycle_stage(accepted);
            p.ask(r);
            accept_all(p);
            p.look_on();
          }};
}

} // namespace

TEST_CASE("every field of updates shows, is refused, or is listed") {
  check_fields(update_methods, {an_update(), a_start_with_an_update(), a_poll()});
}
