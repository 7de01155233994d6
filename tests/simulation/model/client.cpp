#include "tests/simulation/model/client.hpp"

#include "tests/simulation/model/program.hpp"

#include <utility>

namespace reprise::simulation {

namespace enums = temporal::api::enums::v1;

namespace {

const std::string ns = "default";

std::vector<std::string> find_ids() {
  constexpr std::size_t ids_wanted = 12;
  constexpr int slots_shared = 4;
  std::vector<store::slot_id> slots;
  std::vector<std::string> out;
  for (int n = 0; out.size() < ids_wanted; ++n) {
    auto id = "workflow-" + std::to_string(n);
    auto slot = store::slot_of(namespace_id, machine_kind::workflow, id);
    if (slots.size() < slots_shared)
      slots.push_back(slot);
    if (slot == slots[out.size() % slots_shared])
      out.push_back(std::move(id));
  }
  return out;
}

template <class Request>
void fill_start(Request& r, const std::string& workflow_id, const std::string& request_id) {
  r.set_namespace_(ns);
  r.set_workflow_id(workflow_id);
  r.set_request_id(request_id);
  r.mutable_workflow_type()->set_name("type");
  r.mutable_task_queue()->set_name("queue");
  *r.mutable_input() = input_of(0);
}

} // namespace

const std::vector<std::string>& workflow_ids() {
  static const auto ids = find_ids();
  return ids;
}

void client::live() {
  if (!p_.chaos)
    return;
  act();
  p_.all.after(p_.all.random.between(20ms, 4s), [self = shared_from_this()] { self->live(); });
}

void client::act() {
  auto dice = p_.all.random.below(100);
  if (dice < 25)
    return start();
  if (dice < 45)
    return signal(any_workflow());
  if (dice < 55)
    return signal_with_start();
  if (dice < 60)
    return cancel();
  if (dice < 62)
    return terminate();
  if (dice < 64)
    return reset();
  if (dice < 65)
    return batch();
  if (dice < 70)
    return query();
  if (dice < 77)
    return describe();
  if (dice < 80)
    return list();
  if (dice < 84)
    return read_history();
  if (dice < 87)
    return update();
  if (dice < 88)
    return update_with_start();
  if (dice < 91)
    return read_reverse();
  watch(any_workflow(), {}, 6, p_.all.random.chance(300));
}

std::string client::any_workflow() {
  return workflow_ids()[static_cast<std::size_t>(p_.all.random.below(workflows_))];
}

std::string client::new_name(const std::string& what) {
  return what + "-" + name_ + "-" + std::to_string(++names_);
}

template <class Response, class Request>
void client::insist(const std::string& method, Request request, std::function<void()> before,
                    int tries) {
  if (before)
    before();
  call<Response>(
    p_, method, request, call_patience,
    [self = shared_from_this(), method, request, before, tries](result<Response> r) {
      if (r || !is_doubtful(r.error()) || tries <= 0)
        return;
      // At the end nothing new begins.
      if (!self->p_.chaos && !std::is_same_v<Request, service::SignalWorkflowExecutionRequest>)
        return;
      self->p_.all.after(self->p_.all.random.between(50ms, 3s),
                         [=] { self->insist<Response>(method, request, before, tries - 1); });
    });
}

void client::start() {
  service::StartWorkflowExecutionRequest r;
  fill_start(r, any_workflow(), new_name("start"));
  auto& random = p_.all.random;
  if (random.chance(200)) {
    r.mutable_retry_policy()->mutable_initial_interval()->set_seconds(2);
    r.mutable_retry_policy()->set_maximum_attempts(2);
  }
  if (random.chance(100))
    r.mutable_workflow_run_timeout()->set_seconds(30 + random.below(100));
  if (random.chance(100))
    r.mutable_workflow_start_delay()->set_seconds(1 + random.below(10));
  if (random.chance(100))
    r.set_request_eager_execution(true);
  if (random.chance(150))
    r.set_workflow_id_conflict_policy(random.chance(500)
                                        ? enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
                                        : enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING);
  insist<service::StartWorkflowExecutionResponse>("StartWorkflowExecution", r, {});
}

void client::signal(const std::string& workflow_id) {
  service::SignalWorkflowExecutionRequest r;
  r.set_namespace_(ns);
  r.mutable_workflow_execution()->set_workflow_id(workflow_id);
  r.set_signal_name(new_name("signal"));
  r.set_request_id(r.signal_name());
  insist<service::SignalWorkflowExecutionResponse>(
    "SignalWorkflowExecution", r, [this, name = r.signal_name()] { p_.judge.sends_signal(name); });
}

void client::signal_with_start() {
  service::SignalWithStartWorkflowExecutionRequest r;
  fill_start(r, any_workflow(), new_name("both"));
  r.set_signal_name(new_name("signal"));
  insist<service::SignalWithStartWorkflowExecutionResponse>(
    "SignalWithStartWorkflowExecution", r,
    [this, r] { p_.judge.sends_signal_with_start(r.request_id(), r.signal_name()); });
}

void client::cancel() {
  service::RequestCancelWorkflowExecutionRequest r;
  r.set_namespace_(ns);
  r.mutable_workflow_execution()->set_workflow_id(any_workflow());
  r.set_request_id(new_name("cancel"));
  insist<service::RequestCancelWorkflowExecutionResponse>("RequestCancelWorkflowExecution", r, {});
}

void client::terminate() {
  service::TerminateWorkflowExecutionRequest r;
  r.set_namespace_(ns);
  r.mutable_workflow_execution()->set_workflow_id(any_workflow());
  r.set_reason("why not");
  insist<service::TerminateWorkflowExecutionResponse>("TerminateWorkflowExecution", r, {});
}

/// At any event: most are no points to go back to, and are refused.
void client::reset() {
  service::ResetWorkflowExecutionRequest r;
  r.set_namespace_(ns);
  r.mutable_workflow_execution()->set_workflow_id(any_workflow());
  r.set_workflow_task_finish_event_id(3 + p_.all.random.below(10));
  r.set_request_id(new_name("reset"));
  r.set_reason("once more");
  insist<service::ResetWorkflowExecutionResponse>("ResetWorkflowExecution", r, {});
}

/// One at a time is let in: the others hear so, and try again.
void client::batch() {
  service::StartBatchOperationRequest r;
  r.set_namespace_(ns);
  r.set_job_id(new_name("batch"));
  r.set_reason("many at once");
  r.add_executions()->set_workflow_id(any_workflow());
  auto& random = p_.all.random;
  if (random.chance(100))
    r.set_max_operations_per_second(0.2F);
  if (random.chance(700)) {
    auto& signal = *r.mutable_signal_operation();
    signal.set_signal(new_name("signal"));
    p_.judge.sends_signal(signal.signal());
  } else if (random.chance(500)) {
    r.mutable_termination_operation();
    r.clear_executions();
    r.set_visibility_query("WorkflowId = '" + any_workflow() + "'");
  } else {
    r.mutable_reset_operation()->mutable_options()->mutable_last_workflow_task();
  }
  insist<service::StartBatchOperationResponse>("StartBatchOperation", r, {});
}

void client::query() {
  service::QueryWorkflowRequest r;
  r.set_namespace_(ns);
  r.mutable_execution()->set_workflow_id(any_workflow());
  r.mutable_query()->set_query_type("state");
  call<service::QueryWorkflowResponse>(p_, "QueryWorkflow", r, call_patience, [](const auto&) {});
}

namespace {

service::UpdateWorkflowExecutionRequest update_of(const std::string& workflow_id,
                                                  const std::string& name, bool waits_for_result) {
  service::UpdateWorkflowExecutionRequest r;
  r.set_namespace_(ns);
  r.mutable_workflow_execution()->set_workflow_id(workflow_id);
  r.mutable_request()->mutable_meta()->set_update_id(name);
  r.mutable_request()->mutable_input()->set_name("update");
  r.mutable_wait_policy()->set_lifecycle_stage(
    waits_for_result ? enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
                     : enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED);
  return r;
}

} // namespace

void client::update() {
  auto r = update_of(any_workflow(), new_name("update"), p_.all.random.chance(600));
  const auto& id = r.workflow_execution().workflow_id();
  p_.judge.sends_update(id);
  insist<service::UpdateWorkflowExecutionResponse>("UpdateWorkflowExecution", r, {}, 2);
  if (p_.all.random.chance(300))
    p_.all.after(p_.all.random.between(0s, 5s),
                 [self = shared_from_this(), id, name = r.request().meta().update_id()] {
                   self->poll_update(id, name, 2);
                 });
}

void client::poll_update(const std::string& workflow_id, const std::string& update_id, int times) {
  service::PollWorkflowExecutionUpdateRequest r;
  r.set_namespace_(ns);
  r.mutable_update_ref()->mutable_workflow_execution()->set_workflow_id(workflow_id);
  r.mutable_update_ref()->set_update_id(update_id);
  if (p_.all.random.chance(700))
    r.mutable_wait_policy()->set_lifecycle_stage(
      enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED);
  using response = service::PollWorkflowExecutionUpdateResponse;
  call<response>(p_, "PollWorkflowExecutionUpdate", r, call_patience,
                 [self = shared_from_this(), workflow_id, update_id, times](result<response> got) {
                   if (got && !got->has_outcome() && times > 0 && self->p_.chaos)
                     self->poll_update(workflow_id, update_id, times - 1);
                 });
}

void client::update_with_start() {
  service::ExecuteMultiOperationRequest r;
  r.set_namespace_(ns);
  auto& start = *r.add_operations()->mutable_start_workflow();
  fill_start(start, any_workflow(), new_name("start"));
  start.set_workflow_id_conflict_policy(p_.all.random.chance(200)
                                          ? enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
                                          : enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  *r.add_operations()->mutable_update_workflow()
    = update_of(start.workflow_id(), new_name("update"), p_.all.random.chance(500));
  p_.judge.sends_update(start.workflow_id());
  insist<service::ExecuteMultiOperationResponse>("ExecuteMultiOperation", r, {}, 2);
}

void client::describe() {
  service::DescribeWorkflowExecutionRequest r;
  r.set_namespace_(ns);
  r.mutable_execution()->set_workflow_id(any_workflow());
  call<service::DescribeWorkflowExecutionResponse>(p_, "DescribeWorkflowExecution", r,
                                                   call_patience, [](const auto&) {});
}

void client::list() {
  service::ListWorkflowExecutionsRequest r;
  r.set_namespace_(ns);
  r.set_query(p_.all.random.chance(500) ? "ExecutionStatus = 'Running'" : "");
  call<service::ListWorkflowExecutionsResponse>(p_, "ListWorkflowExecutions", r, call_patience,
                                                [](const auto&) {});
}

void client::read_history() {
  service::GetWorkflowExecutionHistoryRequest r;
  r.set_namespace_(ns);
  r.mutable_execution()->set_workflow_id(any_workflow());
  r.set_maximum_page_size(p_.all.random.below(10));
  call<service::GetWorkflowExecutionHistoryResponse>(p_, "GetWorkflowExecutionHistory", r,
                                                     call_patience, [](const auto&) {});
}

void client::read_reverse() {
  service::GetWorkflowExecutionHistoryReverseRequest r;
  r.set_namespace_(ns);
  r.mutable_execution()->set_workflow_id(any_workflow());
  r.set_maximum_page_size(1 + p_.all.random.below(10));
  call<service::GetWorkflowExecutionHistoryReverseResponse>(
    p_, "GetWorkflowExecutionHistoryReverse", r, call_patience, [](const auto&) {});
}

void client::watch(const std::string& workflow_id, const std::string& page_token, int pages,
                   bool close_only) {
  service::GetWorkflowExecutionHistoryRequest r;
  r.set_namespace_(ns);
  r.mutable_execution()->set_workflow_id(workflow_id);
  r.set_wait_new_event(true);
  r.set_next_page_token(page_token);
  if (close_only)
    r.set_history_event_filter_type(enums::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  using response = service::GetWorkflowExecutionHistoryResponse;
  auto number = call<response>(
    p_, "GetWorkflowExecutionHistory", r, call_patience,
    [self = shared_from_this(), workflow_id, pages, close_only](result<response> got) {
      if (got && !got->next_page_token().empty() && pages > 0)
        self->watch(workflow_id, got->next_page_token(), pages - 1, close_only);
    });
  if (p_.all.random.chance(50))
    p_.all.after(p_.all.random.between(0s, 10s),
                 [self = shared_from_this(), number] { self->p_.servers.abandon(number); });
}

} // namespace reprise::simulation
