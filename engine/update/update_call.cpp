#include "engine/update/update_call.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "protocol/headers.hpp"
#include "protocol/multi_operation.hpp"

#include <charconv>
#include <utility>

namespace reprise::engine {

namespace {

namespace api = temporal::api;
namespace enums = api::enums::v1;
namespace update = api::update::v1;
namespace service = api::workflowservice::v1;

api::common::v1::WorkflowExecution name_of(const execution& x) {
  api::common::v1::WorkflowExecution out;
  out.set_workflow_id(x.created().workflow_id());
  out.set_run_id(x.created().run_id());
  return out;
}

/// To the acceptance.
api::common::v1::Link accepted_link(const execution& x, const std::string& namespace_name,
                                    const std::string& request_id) {
  api::common::v1::Link out;
  auto& e = *out.mutable_workflow_event();
  e.set_namespace_(namespace_name);
  e.set_workflow_id(x.created().workflow_id());
  e.set_run_id(x.created().run_id());
  e.mutable_request_id_ref()->set_request_id(request_id);
  e.mutable_request_id_ref()->set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED);
  return out;
}

/// Of an update with this outcome.
void settle_link(api::common::v1::Link& link, const update::Outcome& outcome) {
  if (!outcome.has_failure())
    return;
  auto event = link.workflow_event();
  auto& w = *link.mutable_workflow();
  w.set_namespace_(event.namespace_());
  w.set_workflow_id(event.workflow_id());
  w.set_run_id(event.run_id());
  w.set_reason("Update rejected");
}

/// The outcome in the one event of a History.
update::Outcome outcome_in(const std::string& events) {
  api::history::v1::History history;
  ENSURE(history.ParseFromString(events) && history.events_size() == 1
           && history.events(0).has_workflow_execution_update_completed_event_attributes(),
         "an update that was completed has its event");
  return std::move(*history.mutable_events(0)
                      ->mutable_workflow_execution_update_completed_event_attributes()
                      ->mutable_outcome());
}

std::string finish_update(std::string begun, const std::string& events) {
  service::UpdateWorkflowExecutionResponse out;
  ENSURE(out.ParseFromString(begun), "of our own making");
  *out.mutable_outcome() = outcome_in(events);
  settle_link(*out.mutable_link(), out.outcome());
  return out.SerializeAsString();
}

std::string finish_poll(std::string begun, const std::string& events) {
  service::PollWorkflowExecutionUpdateResponse out;
  ENSURE(out.ParseFromString(begun), "of our own making");
  *out.mutable_outcome() = outcome_in(events);
  return out.SerializeAsString();
}

std::string finish_with_start(std::string begun, const std::string& events) {
  service::ExecuteMultiOperationResponse out;
  ENSURE(out.ParseFromString(begun) && out.responses_size() == 2, "of our own making");
  *out.mutable_responses(1)->mutable_update_workflow()->mutable_outcome() = outcome_in(events);
  return out.SerializeAsString();
}

cluster::Status status_of(const error& why) {
  cluster::Status out;
  out.set_code(static_cast<int>(why.code));
  out.set_message(why.message);
  out.set_detail_type(why.detail_type);
  out.set_detail(why.detail);
  return out;
}

error error_of(const cluster::Status& status) {
  return error{.code = static_cast<errc>(status.code()),
               .message = status.message(),
               .detail_type = status.detail_type(),
               .detail = status.detail()};
}

update::Outcome server_outcome(const char* type, const char* text) {
  update::Outcome out;
  auto& f = *out.mutable_failure();
  f.set_message(text);
  f.set_source("Server");
  f.mutable_application_failure_info()->set_type(type);
  f.mutable_application_failure_info()->set_non_retryable(true);
  return out;
}

} // namespace

std::string update_message_id(const std::string& update_id) {
  return update_id + "/request";
}

update_call::update_call(std::shared_ptr<cluster::ExecutionRequest> request)
  : request_(std::move(request)) {
}

bool update_call::is_poll() const {
  return request_->has_poll_update();
}

bool update_call::is_with_start() const {
  return request_->has_update_with_start();
}

const service::UpdateWorkflowExecutionRequest& update_call::request() const {
  return is_with_start() ? request_->update_with_start().operations(1).update_workflow()
                         : request_->update();
}

const std::string& update_call::update_id() const {
  return is_poll() ? request_->poll_update().update_ref().update_id()
                   : request().request().meta().update_id();
}

update_stage update_call::wanted() const {
  const auto& policy = is_poll() ? request_->poll_update().wait_policy() : request().wait_policy();
  auto said = policy.lifecycle_stage();
  if (said == enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED && !is_poll())
    return enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;
  // Nothing ever reaches a stage that there is not.
  auto known = enums::UpdateWorkflowExecutionLifecycleStage_IsValid(said);
  return known ? said : enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED;
}

std::shared_ptr<const update::Request> update_call::update() const {
  return is_poll() ? nullptr
                   : std::shared_ptr<const update::Request>{request_, &request().request()};
}

time_point update_call::wait_until(time_point now) {
  auto& said = (*request_->mutable_headers())[std::string{protocol::wait_until_header}];
  auto ends = now + update_wait_default;
  std::int64_t ns = 0;
  if (std::from_chars(said.data(), said.data() + said.size(), ns).ec == std::errc{} && ns > 0)
    ends = std::min(ends, time_point{duration{ns}});
  said = std::to_string(ends.time_since_epoch().count());
  return ends;
}

void update_call::note_began(const std::string& run_id) {
  (*request_->mutable_headers())[std::string{protocol::began_run_header}] = run_id;
}

bool update_call::began(const std::string& run_id) const {
  auto said = request_->headers().find(std::string{protocol::began_run_header});
  return said != request_->headers().end() && said->second == run_id;
}

service::UpdateWorkflowExecutionResponse
update_call::update_response(const execution& x, update_stage reached,
                             const update::Outcome* outcome) const {
  service::UpdateWorkflowExecutionResponse out;
  *out.mutable_update_ref()->mutable_workflow_execution() = name_of(x);
  out.mutable_update_ref()->set_update_id(update_id());
  out.set_stage(reached);
  if (reached >= enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED)
    *out.mutable_link() = accepted_link(x, request_->namespace_name(),
                                        request().request().request_id());
  if (outcome != nullptr) {
    *out.mutable_outcome() = *outcome;
    settle_link(*out.mutable_link(), *outcome);
  }
  return out;
}

service::StartWorkflowExecutionResponse update_call::start_response(const execution& x) const {
  service::StartWorkflowExecutionResponse out;
  out.set_run_id(x.created().run_id());
  if (began(x.created().run_id())) {
    out.set_started(true);
    out.set_first_execution_run_id(x.started().first_execution_run_id());
  }
  out.set_status(enums::WORKFLOW_EXECUTION_STATUS_RUNNING);
  auto& e = *out.mutable_link()->mutable_workflow_event();
  e.set_namespace_(request_->namespace_name());
  e.set_workflow_id(x.created().workflow_id());
  e.set_run_id(x.created().run_id());
  e.mutable_event_ref()->set_event_id(1);
  e.mutable_event_ref()->set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
  return out;
}

told update_call::answer(const execution& x, update_stage reached,
                         const update::Outcome* outcome) const {
  if (is_poll()) {
    service::PollWorkflowExecutionUpdateResponse out;
    *out.mutable_update_ref()->mutable_workflow_execution() = name_of(x);
    out.mutable_update_ref()->set_update_id(update_id());
    out.set_stage(reached);
    if (outcome != nullptr)
      *out.mutable_outcome() = *outcome;
    return {.response = out.SerializeAsString()};
  }
  auto out = update_response(x, reached, outcome);
  if (!is_with_start())
    return {.response = out.SerializeAsString()};
  service::ExecuteMultiOperationResponse both;
  *both.add_responses()->mutable_start_workflow() = start_response(x);
  *both.add_responses()->mutable_update_workflow() = std::move(out);
  return {.response = both.SerializeAsString()};
}

page_plan update_call::answer_from(const execution& x, std::int64_t completed_event_id) const {
  constexpr auto completed = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;
  page_plan plan{.want = {.first = completed_event_id, .last = completed_event_id}};
  if (!is_with_start()) {
    plan.prefix = answer(x, completed).response;
    plan.finish = is_poll() ? finish_poll : finish_update;
    return plan;
  }
  // Of what is over and done with no links are told.
  auto done = update_response(x, completed, nullptr);
  done.clear_link();
  service::ExecuteMultiOperationResponse both;
  auto& start = *both.add_responses()->mutable_start_workflow();
  start.set_run_id(x.created().run_id());
  start.set_status(x.status());
  *both.add_responses()->mutable_update_workflow() = std::move(done);
  plan.prefix = both.SerializeAsString();
  plan.finish = finish_with_start;
  return plan;
}

error update_call::refusal(error why, const std::string& run_id) const {
  if (!is_with_start())
    return why;
  auto start = began(run_id) ? cluster::Status{} : protocol::operation_aborted();
  return error_of(protocol::update_with_start_failure(start, status_of(why)));
}

error update_call::start_refusal(const error& why) {
  return error_of(
    protocol::update_with_start_failure(status_of(why), protocol::operation_aborted()));
}

update::Outcome unprocessed_outcome() {
  return server_outcome("UnprocessedUpdate",
                        "Workflow Update is rejected because it wasn't processed by worker. "
                        "Probably, Workflow Update is not supported by the worker.");
}

update::Outcome closed_before_completion() {
  return server_outcome("AcceptedUpdateCompletedWorkflow",
                        "Workflow Update failed because the Workflow completed before the Update "
                        "completed.");
}

} // namespace reprise::engine
