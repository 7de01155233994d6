#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

ws::ResetWorkflowExecutionRequest reset_request() {
  ws::ResetWorkflowExecutionRequest r;
  r.set_namespace_("default");
  r.mutable_workflow_execution()->set_workflow_id("w");
  r.set_workflow_task_finish_event_id(4);
  r.set_request_id("reset");
  return r;
}

ws::ResetWorkflowExecutionRequest with_options() {
  auto r = reset_request();
  auto& options = *r.add_post_reset_operations()->mutable_update_workflow_options();
  options.mutable_workflow_execution_options()->mutable_versioning_override()->set_auto_upgrade(
    true);
  options.mutable_update_mask()->add_paths("versioning_override");
  return r;
}

scenario of(const std::string& name, const ws::ResetWorkflowExecutionRequest& r,
            std::vector<std::string> only = {}) {
  return {.name = name,
          .live =
            [r](probe& p) {
              p.complete_task(p.workflow_task().task_token(), {});
              (void)p.answer_to(probe::signal_request("w"));
              p.ask(r);
              p.look_on();
            },
          .only = std::move(only)};
}

} // namespace

TEST_CASE("every field of a reset shows, is refused, or is listed") {
  check_fields(reset_methods,
               {of("reset", reset_request()),
                of("reset with options", with_options(), {"post_reset_operations"})});
}
