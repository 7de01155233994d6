#include "tests/fields/groups.hpp"
#include "tests/fields/probe.hpp"

using namespace reprise;
using namespace reprise::fields;

namespace {

/// What is seen of a batch, and of those it acts on once it is over.
void watch(probe& p) {
  p.advance(std::chrono::seconds{5});
  ws::ListBatchOperationsRequest list;
  list.set_namespace_("default");
  for (const auto& info : p.look<ws::ListBatchOperationsResponse>(list).operation_info()) {
    ws::DescribeBatchOperationRequest describe;
    describe.set_namespace_("default");
    describe.set_job_id(info.job_id());
    p.look<ws::DescribeBatchOperationResponse>(describe);
  }
  p.look_on();
}

ws::StartBatchOperationRequest batch() {
  ws::StartBatchOperationRequest r;
  r.set_namespace_("default");
  r.set_job_id("job");
  r.set_reason("why");
  r.set_visibility_query("WorkflowId = 'w'");
  return r;
}

scenario on_workflow(const std::string& name, const ws::StartBatchOperationRequest& r,
                     std::vector<std::string> only = {}) {
  return {.name = name,
          .live =
            [r](probe& p) {
              p.with_activity();
              p.ask(r);
              watch(p);
            },
          .only = std::move(only)};
}

ws::StartBatchOperationRequest termination() {
  auto r = batch();
  r.mutable_termination_operation()->set_identity("me");
  *r.mutable_termination_operation()->mutable_details() = payloads("\"d\"");
  return r;
}

ws::StartBatchOperationRequest named() {
  auto r = batch();
  r.clear_visibility_query();
  r.mutable_termination_operation();
  r.add_executions()->set_workflow_id("w");
  return r;
}

ws::StartBatchOperationRequest targets() {
  auto r = batch();
  r.clear_visibility_query();
  r.mutable_termination_operation();
  r.add_target_executions()->set_type(enums::EXECUTION_TYPE_WORKFLOW);
  r.mutable_target_executions(0)->set_business_id("w");
  return r;
}

ws::StartBatchOperationRequest signals() {
  auto r = batch();
  auto& o = *r.mutable_signal_operation();
  o.set_signal("s");
  o.set_identity("me");
  *o.mutable_input() = payloads("1");
  (*o.mutable_header()->mutable_fields())["h"] = payload("1");
  return r;
}

ws::StartBatchOperationRequest cancellation() {
  auto r = batch();
  r.mutable_cancellation_operation()->set_identity("me");
  return r;
}

ws::StartBatchOperationRequest deletion() {
  auto r = batch();
  r.mutable_deletion_operation()->set_identity("me");
  return r;
}

ws::StartBatchOperationRequest reset() {
  auto r = batch();
  auto& o = *r.mutable_reset_operation();
  o.set_identity("me");
  o.mutable_options()->mutable_first_workflow_task();
  return r;
}

ws::StartBatchOperationRequest options() {
  auto r = batch();
  auto& o = *r.mutable_update_workflow_options_operation();
  o.set_identity("me");
  o.mutable_workflow_execution_options()->mutable_priority()->set_priority_key(2);
  o.mutable_update_mask()->add_paths("priority");
  return r;
}

ws::StartBatchOperationRequest unpause() {
  auto r = batch();
  auto& o = *r.mutable_unpause_activities_operation();
  o.set_identity("me");
  o.set_match_all(true);
  return r;
}

ws::StartBatchOperationRequest activity_reset() {
  auto r = batch();
  auto& o = *r.mutable_reset_activities_operation();
  o.set_identity("me");
  o.set_match_all(true);
  return r;
}

ws::StartBatchOperationRequest activity_options() {
  auto r = batch();
  auto& o = *r.mutable_update_activity_options_operation();
  o.set_identity("me");
  o.set_match_all(true);
  o.mutable_activity_options()->mutable_start_to_close_timeout()->set_seconds(30);
  o.mutable_update_mask()->add_paths("start_to_close_timeout");
  return r;
}

/// A batch that runs when the call comes.
template <class Request>
scenario on_batch(const std::string& name, const Request& r) {
  return {.name = name, .live = [r](probe& p) {
            p.with_activity("w");
            p.start_workflow("w2");
            auto slow = signals();
            slow.set_visibility_query("WorkflowId STARTS_WITH 'w'");
            slow.set_max_operations_per_second(0.01F);
            p.ok<ws::StartBatchOperationResponse>(slow);
            p.ask(r);
            watch(p);
          }};
}

ws::StopBatchOperationRequest stop() {
  ws::StopBatchOperationRequest r;
  r.set_namespace_("default");
  r.set_job_id("job");
  r.set_reason("enough");
  r.set_identity("stopper");
  return r;
}

ws::DescribeBatchOperationRequest describe() {
  ws::DescribeBatchOperationRequest r;
  r.set_namespace_("default");
  r.set_job_id("job");
  return r;
}

ws::ListBatchOperationsRequest list() {
  ws::ListBatchOperationsRequest r;
  r.set_namespace_("default");
  return r;
}

} // namespace

TEST_CASE("every field of a call on batches shows, is refused, or is listed") {
  check_fields(
    batch_methods,
    {on_workflow("terminate", termination()), on_workflow("named", named(), {"executions"}),
     on_workflow("targets", targets(), {"target_executions"}),
     on_workflow("signal", signals(), {"signal_operation"}),
     on_workflow("cancel", cancellation(), {"cancellation_operation"}),
     on_workflow("delete", deletion(), {"deletion_operation"}),
     on_workflow("reset", reset(), {"reset_operation"}),
     on_workflow("options", options(), {"update_workflow_options_operation"}),
     on_workflow("unpause", unpause(), {"unpause_activities_operation"}),
     on_workflow("activity reset", activity_reset(), {"reset_activities_operation"}),
     on_workflow("activity options", activity_options(), {"update_activity_options_operation"}),
     on_batch("stop", stop()), on_batch("describe", describe()), on_batch("list", list())});
}
