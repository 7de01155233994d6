// Start and signal-with-start: what becomes of the run that is there (policies, repeated request
// ids), and the first event of a new one.

#include "base/cron.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/properties/properties.hpp"
#include "engine/signal/signal.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/rules.hpp"
#include "engine/workflow/workflow.hpp"
#include "protocol/options.hpp"
#include "protocol/versioning_override.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

using start_request = service::StartWorkflowExecutionRequest;
using sws_request = service::SignalWithStartWorkflowExecutionRequest;

/// The parts of the plan that both calls spell the same.
template <class Request>
run_plan plan_of(const Request& r, const std::string& workflow_id, const context& c) {
  run_plan plan;
  plan.workflow_id = workflow_id;
  plan.run_id = c.ids.uuid7(c.now);
  plan.start_request_id = r.request_id().empty() ? c.ids.uuid7(c.now) : r.request_id();
  plan.links = r.links();
  if (r.has_user_metadata())
    plan.user_metadata = r.user_metadata();
  auto& a = plan.started;
  *a.mutable_workflow_type() = r.workflow_type();
  a.mutable_task_queue()->set_name(r.task_queue().name());
  a.mutable_task_queue()->set_kind(r.task_queue().kind() == enums::TASK_QUEUE_KIND_UNSPECIFIED
                                     ? enums::TASK_QUEUE_KIND_NORMAL
                                     : r.task_queue().kind());
  a.mutable_task_queue()->set_normal_name(r.task_queue().normal_name());
  if (r.has_input())
    *a.mutable_input() = r.input();
  if (r.has_workflow_execution_timeout())
    *a.mutable_workflow_execution_timeout() = r.workflow_execution_timeout();
  if (r.has_workflow_run_timeout())
    *a.mutable_workflow_run_timeout() = r.workflow_run_timeout();
  *a.mutable_workflow_task_timeout() = r.workflow_task_timeout();
  derive_timeouts(a, c.bounds);
  a.set_identity(r.identity());
  if (r.has_retry_policy()) {
    *a.mutable_retry_policy() = r.retry_policy();
    protocol::complete_retry_policy(*a.mutable_retry_policy());
  }
  if (r.has_memo())
    *a.mutable_memo() = r.memo();
  settle_memo(a);
  if (r.has_search_attributes()) {
    *a.mutable_search_attributes() = r.search_attributes();
    settle_attributes(*a.mutable_search_attributes(), c);
    if (a.search_attributes().indexed_fields().empty())
      a.clear_search_attributes();
  }
  if (r.has_header())
    *a.mutable_header() = r.header();
  if (r.has_versioning_override())
    *a.mutable_versioning_override() = protocol::told_override(r.versioning_override());
  if (r.has_priority())
    *a.mutable_priority() = r.priority();
  auto backoff = std::clamp(from_proto(r.workflow_start_delay()), duration{0}, longest_duration);
  if (!r.cron_schedule().empty()) {
    a.set_cron_schedule(r.cron_schedule());
    a.set_initiator(enums::CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE);
    if (auto schedule = parse_cron(r.cron_schedule()))
      backoff = cron_backoff(*schedule, c.now, c.now).value_or(duration{0});
  }
  *a.mutable_first_workflow_task_backoff() = to_proto(backoff);
  return plan;
}

run_plan plan_of_start(const start_request& r, const std::string& workflow_id, const context& c) {
  auto plan = plan_of(r, workflow_id, c);
  auto& a = plan.started;
  *a.mutable_completion_callbacks() = r.completion_callbacks();
  if (r.has_continued_failure())
    *a.mutable_continued_failure() = r.continued_failure();
  if (r.has_last_completion_result())
    *a.mutable_last_completion_result() = r.last_completion_result();
  a.set_eager_execution_accepted(r.request_eager_execution()
                                 && from_proto(a.first_workflow_task_backoff()).count() <= 0);
  return plan;
}

/// Deprecated policy values, and the defaults of the call.
struct policies {
  enums::WorkflowIdReusePolicy reuse{};
  enums::WorkflowIdConflictPolicy conflict{};
};

template <class Request>
policies policies_of(const Request& r, enums::WorkflowIdConflictPolicy conflict_default) {
  policies p{.reuse = r.workflow_id_reuse_policy(), .conflict = r.workflow_id_conflict_policy()};
  if (p.reuse == enums::WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED)
    p.reuse = enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE;
  if (p.reuse == enums::WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING) {
    p.reuse = enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE;
    p.conflict = enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING;
  }
  if (p.conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED)
    p.conflict = conflict_default;
  return p;
}

error refused_by(const execution& x, const std::string& what, const std::string& why) {
  return already_started("Workflow execution " + what + ". WorkflowId: " + x.created().workflow_id()
                           + ", RunId: " + x.created().run_id() + "." + why,
                         x.created().start_request_id(), x.created().run_id(),
                         x.started().first_execution_run_id());
}

/// May a new run follow this closed one?
std::optional<error> check_reuse(const execution& x, enums::WorkflowIdReusePolicy reuse) {
  if (reuse == enums::WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
    return refused_by(x, "already finished",
                      " Workflow Id reuse policy: reject duplicate workflow Id.");
  auto fine = x.status() == enums::WORKFLOW_EXECUTION_STATUS_COMPLETED
              || x.status() == enums::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW;
  if (reuse == enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY && fine)
    return refused_by(x, "already finished successfully",
                      " Workflow Id reuse policy: allow duplicate workflow Id if last run failed.");
  return std::nullopt;
}

api::common::v1::Link started_link(const execution& x, const context& c) {
  api::common::v1::Link link;
  auto& e = *link.mutable_workflow_event();
  e.set_namespace_(c.ns.name);
  e.set_workflow_id(x.created().workflow_id());
  e.set_run_id(x.created().run_id());
  e.mutable_event_ref()->set_event_id(1);
  e.mutable_event_ref()->set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_STARTED);
  return link;
}

service::StartWorkflowExecutionResponse answer_start(const execution& x, bool started,
                                                     const context& c) {
  service::StartWorkflowExecutionResponse out;
  out.set_run_id(x.created().run_id());
  out.set_first_execution_run_id(x.started().first_execution_run_id());
  out.set_started(started);
  out.set_status(x.status());
  *out.mutable_link() = started_link(x, c);
  return out;
}

void link_to_request(service::StartWorkflowExecutionResponse& out, const std::string& request_id) {
  auto& ref = *out.mutable_link()->mutable_workflow_event()->mutable_request_id_ref();
  ref.set_request_id(request_id);
  ref.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED);
}

reply with_eager_task(service::StartWorkflowExecutionResponse&& out, history_splice&& task) {
  reply answer{.response = out.SerializeAsString(), .history = std::move(task)};
  answer.history->wrap_field
    = service::StartWorkflowExecutionResponse::kEagerWorkflowTaskFieldNumber;
  return answer;
}

/// A run that has answered this request id before; its eager task is given again while it runs.
std::optional<step> repeated_start(execution& x, const start_request& r, const context& c) {
  if (r.request_id().empty())
    return std::nullopt;
  auto known = x.request_ids().find(r.request_id());
  if (known == x.request_ids().end())
    return std::nullopt;
  auto attached = r.request_id() != x.created().start_request_id();
  auto out = answer_start(x, !attached, c);
  if (attached)
    link_to_request(out, r.request_id());
  const auto& task = x.workflow_task();
  auto eager = !attached && r.request_eager_execution() && task.started_event_id() != 0
               && x.started().eager_execution_accepted() && x.previous_started_event_id() == 0
               && task.attempt() == 1 && task.request_id() == r.request_id();
  if (eager) {
    // By another start: the task that the first answer brought may be on its way back.
    auto again = task;
    again.set_start_id(new_start_id(c));
    transition t{std::move(x), c};
    set_workflow_task(t, std::move(again));
    auto splice = splice_of(t.state(), t.state().workflow_task(),
                            {.identity = r.identity(), .request_id = r.request_id()});
    return std::move(t).finish(with_eager_task(std::move(out), std::move(splice)));
  }
  return transition{std::move(x), c}.finish(out);
}

using callbacks = google::protobuf::RepeatedPtrField<api::common::v1::Callback>;

std::size_t bytes_of(const callbacks& of) {
  std::size_t out = 0;
  for (const auto& callback : of)
    out += callback.ByteSizeLong();
  return out;
}

/// Every run of the chain carries them, from its first event on.
std::optional<error> callbacks_problem(const execution& x, const callbacks& added,
                                       const limits& bounds) {
  auto count = x.completion_callbacks_size();
  auto bytes = bytes_of(x.completion_callbacks());
  for (const auto& event : x.buffered_events()) {
    const auto& waiting
      = event.workflow_execution_options_updated_event_attributes().attached_completion_callbacks();
    count += waiting.size();
    bytes += bytes_of(waiting);
  }
  if (count + added.size() > bounds.callbacks_max)
    return make_error(errc::failed_precondition,
                      "cannot attach more than " + std::to_string(bounds.callbacks_max)
                        + " callbacks to a workflow (" + std::to_string(count)
                        + " callbacks already attached)");
  if (bytes + bytes_of(added) > bounds.callbacks_bytes_max)
    return make_error(errc::failed_precondition,
                      "cannot attach more than " + std::to_string(bounds.callbacks_bytes_max)
                        + " bytes of callbacks to a workflow (" + std::to_string(bytes)
                        + " bytes already attached)");
  return std::nullopt;
}

/// USE_EXISTING: the open run answers, and may take over what the start brought.
step use_existing(execution&& x, const start_request& r, const context& c) {
  auto out = answer_start(x, false, c);
  transition t{std::move(x), c};
  if (!r.has_on_conflict_options())
    return std::move(t).finish(out);
  const auto& options = r.on_conflict_options();
  if (options.attach_completion_callbacks())
    if (auto problem = callbacks_problem(t.state(), r.completion_callbacks(), c.bounds))
      return std::move(t).finish({.failure = std::move(problem)});
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED);
  event.set_worker_may_ignore(true);
  auto& a = *event.mutable_workflow_execution_options_updated_event_attributes();
  if (options.attach_completion_callbacks())
    *a.mutable_attached_completion_callbacks() = r.completion_callbacks();
  if (options.attach_links())
    *event.mutable_links() = r.links();
  auto attach = options.attach_request_id() && !r.request_id().empty();
  if (attach) {
    a.set_attached_request_id(r.request_id());
    journal::Fact fact;
    auto& id = *fact.mutable_request_id();
    id.set_id(r.request_id());
    id.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED);
    *id.mutable_time() = to_proto(c.now);
    t.add_fact(std::move(fact));
    link_to_request(out, r.request_id());
  }
  t.add_or_buffer(std::move(event));
  return std::move(t).finish(out);
}

api::history::v1::WorkflowExecutionTerminatedEventAttributes
terminated_for(const std::string& new_run_id) {
  api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
  a.set_reason("TerminateIfRunning WorkflowIdReusePolicy");
  a.set_identity(server_identity);
  auto& payload = *a.mutable_details()->add_payloads();
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  payload.set_data("\"terminated by new runID: " + new_run_id + "\"");
  return a;
}

/// Hands over a new run: as the only one, or as what follows the present run.
step deliver(std::optional<execution>&& current, transition&& run, reply&& answer,
             const context& c) {
  if (!current) {
    // Nothing was there: the step is the new run's own.
    auto done = std::move(run).finish(std::move(answer));
    step out;
    out.successor = new_run{.state = std::move(*done.current), .written = std::move(done.written)};
    out.offers = std::move(done.offers);
    out.visibility_changed = true;
    out.answer = std::move(done.answer);
    return out;
  }
  transition t{std::move(*current), c};
  if (is_open(t.state()))
    terminate_run(t, terminated_for(run.state().created().run_id()));
  succeed_with(t, std::move(run));
  return std::move(t).finish(std::move(answer));
}

step start_new(std::optional<execution>&& current, const start_request& r, run_plan plan,
               const context& c) {
  auto run = begin_run(std::move(plan), c);
  auto eager = run.state().started().eager_execution_accepted();
  if (!held_back(run.state()))
    schedule_task(run, 1, !eager);
  reply answer;
  if (eager) {
    auto splice = start_task(run, {.identity = r.identity(),
                                   .request_id = run.state().created().start_request_id(),
                                   .start_id = new_start_id(c)});
    answer = with_eager_task(answer_start(run.state(), true, c), std::move(splice));
  } else {
    answer.response = answer_start(run.state(), true, c).SerializeAsString();
  }
  return deliver(std::move(current), std::move(run), std::move(answer), c);
}

service::SignalWithStartWorkflowExecutionResponse
answer_sws(const execution& x, bool started, const std::string& request_id, const context& c) {
  service::SignalWithStartWorkflowExecutionResponse out;
  out.set_run_id(x.created().run_id());
  out.set_first_execution_run_id(x.started().first_execution_run_id());
  out.set_started(started);
  *out.mutable_signal_link() = signal_link(x, request_id, c);
  return out;
}

signal_parts signal_of(const sws_request& r, const std::string& request_id) {
  return {.name = r.signal_name(),
          .input = r.has_signal_input() ? &r.signal_input() : nullptr,
          .identity = r.identity(),
          .request_id = request_id,
          .header = r.has_header() ? &r.header() : nullptr,
          .links = r.links()};
}

step signal_existing(execution&& x, const sws_request& r, const std::string& request_id,
                     const context& c) {
  auto out = answer_sws(x, false, request_id, c);
  transition t{std::move(x), c};
  if (signal_seen(t.state(), request_id))
    return std::move(t).finish(out);
  if (auto refusal = check_signal(t.state(), c))
    return std::move(t).finish(std::move(*refusal));
  add_signal(t, signal_of(r, request_id));
  // Unlike a plain signal this one asks for the workflow to run: it ends a start delay.
  force_workflow_task(t);
  return std::move(t).finish(out);
}

} // namespace

namespace {

/// `plan`: makes that of the run that begins, if one does.
template <class Plan>
step start(std::optional<execution>&& current, const start_request& r, Plan&& plan,
           const context& c) {
  if (!current)
    return start_new(std::nullopt, r, plan(), c);
  if (auto again = repeated_start(*current, r, c))
    return std::move(*again);
  auto p = policies_of(r, enums::WORKFLOW_ID_CONFLICT_POLICY_FAIL);
  if (!is_open(*current)) {
    if (auto refusal = check_reuse(*current, p.reuse))
      return transition{std::move(*current), c}.finish(std::move(*refusal));
    return start_new(std::move(current), r, plan(), c);
  }
  if (p.conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
    return use_existing(std::move(*current), r, c);
  if (p.conflict == enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
    return start_new(std::move(current), r, plan(), c);
  auto refusal = refused_by(*current, "is already running", "");
  return transition{std::move(*current), c}.finish(std::move(refusal));
}

} // namespace

step decide_start(std::optional<execution>&& current, const cluster::ExecutionRequest& request,
                  const context& c) {
  const auto& r = request.start();
  return start(
    std::move(current), r, [&] { return plan_of_start(r, request.workflow_id(), c); }, c);
}

step start_under_parent(std::optional<execution>&& current, const start_request& r,
                        const std::string& run_id,
                        const api::history::v1::WorkflowExecutionStartedEventAttributes& of_parent,
                        const context& c) {
  auto plan = [&] {
    auto out = plan_of_start(r, r.workflow_id(), c);
    out.run_id = run_id;
    out.started.MergeFrom(of_parent);
    return out;
  };
  return start(std::move(current), r, plan, c);
}

step decide_signal_with_start(std::optional<execution>&& current,
                              const cluster::ExecutionRequest& request, const context& c) {
  const auto& r = request.signal_with_start();
  auto request_id = r.request_id().empty() ? c.ids.uuid7(c.now) : r.request_id();
  auto p = policies_of(r, enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  if (current && is_open(*current)) {
    if (p.conflict != enums::WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
      return signal_existing(std::move(*current), r, request_id, c);
  } else if (current) {
    if (auto refusal = check_reuse(*current, p.reuse))
      return transition{std::move(*current), c}.finish(std::move(*refusal));
  }
  auto plan = plan_of(r, request.workflow_id(), c);
  plan.start_request_id = request_id;
  auto run = begin_run(std::move(plan), c);
  add_signal(run, signal_of(r, request_id));
  if (!held_back(run.state()))
    schedule_task(run, 1, true);
  reply answer{.response = answer_sws(run.state(), true, request_id, c).SerializeAsString()};
  return deliver(std::move(current), std::move(run), std::move(answer), c);
}

} // namespace reprise::engine
