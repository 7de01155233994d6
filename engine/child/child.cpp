// The command that starts a child: what is wrong with it, the event that it makes, and the message
// to the child's id.

#include "engine/child/child.hpp"

#include "base/cron.hpp"
#include "engine/child/rules.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/properties/properties.hpp"
#include "engine/workflow/workflow.hpp"
#include "protocol/options.hpp"

namespace reprise::engine {

namespace {

constexpr auto bad_child = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES;

using child_attributes = api::command::v1::StartChildWorkflowExecutionCommandAttributes;

constexpr const char* on_child = " on StartChildWorkflowExecutionCommand";

command_result check_child_names(const child_attributes& a, const std::string& in,
                                 const limits& bounds) {
  const auto& id = a.workflow_id();
  const auto& type = a.workflow_type().name();
  auto required = [&](const std::string& field) {
    return "Required field " + field + " is not set" + on_child + ". ";
  };
  auto too_long = [&](const std::string& field) {
    return field + on_child + " exceeds length limit. ";
  };
  if (id.empty())
    return refused(bad_child, required("WorkflowId") + "WorkflowType=" + type + in);
  if (type.empty())
    return refused(bad_child, required("WorkflowType") + "WorkflowId=" + id + in);
  if (id.size() > bounds.id_length_max)
    return refused(bad_child, too_long("WorkflowId") + length_text("WorkflowId", id, bounds)
                                + " WorkflowType=" + type + in);
  if (type.size() > bounds.id_length_max)
    return refused(bad_child, too_long("WorkflowType") + "WorkflowId=" + id + " "
                                + length_text("WorkflowType", type, bounds) + in);
  return std::nullopt;
}

/// What is wrong with the rest; without the names that every text ends with.
std::string child_problem(const child_attributes& a, const std::string& own_queue,
                          const context& c) {
  for (auto [d, field] : {std::pair{&a.workflow_execution_timeout(), "WorkflowExecutionTimeout"},
                          std::pair{&a.workflow_run_timeout(), "WorkflowRunTimeout"},
                          std::pair{&a.workflow_task_timeout(), "WorkflowTaskTimeout"}})
    if (auto problem = protocol::duration_problem(*d))
      return std::string{"Invalid "} + field + on_child + ": " + *problem + ".";
  if (a.has_retry_policy()) {
    auto policy = a.retry_policy();
    protocol::complete_retry_policy(policy);
    if (auto problem = protocol::retry_policy_problem(policy))
      return std::string{"invalid WorkflowRetryPolicy"} + on_child + ": " + *problem + ".";
  }
  if (!a.cron_schedule().empty())
    if (auto problem = cron_problem(a.cron_schedule(), c.now); !problem.empty())
      return std::string{"invalid CronSchedule"} + on_child + ": " + problem + ".";
  if (!a.task_queue().name().empty())
    if (auto problem = protocol::target_queue_problem(a.task_queue(), own_queue,
                                                      c.bounds.id_length_max))
      return std::string{"invalid TaskQueue"} + on_child + ": " + *problem + ".";
  return {};
}

using initiated_attributes = api::history::v1::StartChildWorkflowExecutionInitiatedEventAttributes;

command_result check_child(const child_attributes& a, const execution& x, const context& c) {
  if (auto refusal = leaves_namespace(bad_child, a.namespace_(), c))
    return refusal;
  auto in = " Namespace=" + c.ns.name;
  if (auto refusal = check_child_names(a, in, c.bounds))
    return refusal;
  if (auto problem = child_problem(a, x.started().task_queue().name(), c); !problem.empty())
    return refused(bad_child, problem + " WorkflowId=" + a.workflow_id()
                                + " WorkflowType=" + a.workflow_type().name() + in);
  if (a.has_search_attributes())
    if (auto problem = search_attribute_values_problem(a.search_attributes(), c))
      return refused(enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES, std::move(*problem));
  if (a.input().ByteSizeLong() > c.bounds.blob_bytes_max)
    return too_large(bad_child, "StartChildWorkflowExecutionCommandAttributes. Input");
  if (a.memo().ByteSizeLong() > c.bounds.memo_bytes_max)
    return too_large(bad_child, "StartChildWorkflowExecutionCommandAttributes.Memo");
  if (auto problem = search_attributes_size_problem(a.search_attributes(), c))
    return ends_run(bad_child, std::move(*problem));
  return too_many(enums::WORKFLOW_TASK_FAILED_CAUSE_PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED,
                  "pending child workflow executions",
                  static_cast<std::size_t>(x.children().size()), c.bounds.pending_children_max);
}

/// What was left out is as its parent has it (the queue), or as for any start (the times).
void settle(initiated_attributes& out, const child_attributes& a, const execution& x,
            const context& c) {
  out.mutable_task_queue()->set_name(a.task_queue().name().empty() ? x.started().task_queue().name()
                                                                   : a.task_queue().name());
  out.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  if (a.has_workflow_execution_timeout())
    *out.mutable_workflow_execution_timeout() = a.workflow_execution_timeout();
  *out.mutable_workflow_run_timeout() = a.workflow_run_timeout();
  *out.mutable_workflow_task_timeout() = a.workflow_task_timeout();
  derive_timeouts(out, c.bounds);
  if (a.has_retry_policy()) {
    *out.mutable_retry_policy() = a.retry_policy();
    protocol::complete_retry_policy(*out.mutable_retry_policy());
  }
  if (a.has_memo())
    *out.mutable_memo() = a.memo();
  settle_memo(out);
  if (a.has_search_attributes()) {
    *out.mutable_search_attributes() = a.search_attributes();
    settle_attributes(*out.mutable_search_attributes(), c);
    if (out.search_attributes().indexed_fields().empty())
      out.clear_search_attributes();
  }
  out.set_parent_close_policy(a.parent_close_policy() == enums::PARENT_CLOSE_POLICY_UNSPECIFIED
                                ? enums::PARENT_CLOSE_POLICY_TERMINATE
                                : a.parent_close_policy());
  out.set_workflow_id_reuse_policy(a.workflow_id_reuse_policy()
                                       == enums::WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED
                                     ? enums::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
                                     : a.workflow_id_reuse_policy());
}

history_event initiated_event(const api::command::v1::Command& command, const completion& done,
                              const execution& x, const context& c) {
  const auto& a = command.start_child_workflow_execution_command_attributes();
  auto event = event_for(command, enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED);
  auto& out = *event.mutable_start_child_workflow_execution_initiated_event_attributes();
  out.set_workflow_task_completed_event_id(done.completed_event_id);
  out.set_namespace_(c.ns.name);
  out.set_namespace_id(c.ns.id);
  out.set_workflow_id(a.workflow_id());
  *out.mutable_workflow_type() = a.workflow_type();
  settle(out, a, x, c);
  if (a.has_input())
    *out.mutable_input() = a.input();
  if (a.has_header())
    *out.mutable_header() = a.header();
  out.set_control(a.control());
  out.set_cron_schedule(a.cron_schedule());
  out.set_inherit_build_id(a.inherit_build_id());
  if (a.has_priority())
    *out.mutable_priority() = a.priority();
  return event;
}

/// Field by field what the child was given, or else what its parent has.
api::common::v1::Priority inherited(const api::common::v1::Priority& own,
                                    const api::common::v1::Priority& parent) {
  auto out = parent;
  if (own.priority_key() != 0)
    out.set_priority_key(own.priority_key());
  if (!own.fairness_key().empty())
    out.set_fairness_key(own.fairness_key());
  if (own.fairness_weight() != 0)
    out.set_fairness_weight(own.fairness_weight());
  return out;
}

service::StartWorkflowExecutionRequest start_of(const history_event& event, const execution& x) {
  const auto& a = event.start_child_workflow_execution_initiated_event_attributes();
  service::StartWorkflowExecutionRequest out;
  out.set_workflow_id(a.workflow_id());
  *out.mutable_workflow_type() = a.workflow_type();
  *out.mutable_task_queue() = a.task_queue();
  if (a.has_input())
    *out.mutable_input() = a.input();
  if (a.has_workflow_execution_timeout())
    *out.mutable_workflow_execution_timeout() = a.workflow_execution_timeout();
  *out.mutable_workflow_run_timeout() = a.workflow_run_timeout();
  *out.mutable_workflow_task_timeout() = a.workflow_task_timeout();
  // A child's first event names nobody as its starter. The parent's word on the child lies here, to
  // be there when the start fails.
  out.set_identity(a.control());
  out.set_workflow_id_reuse_policy(a.workflow_id_reuse_policy());
  if (a.has_retry_policy())
    *out.mutable_retry_policy() = a.retry_policy();
  out.set_cron_schedule(a.cron_schedule());
  if (a.has_memo())
    *out.mutable_memo() = a.memo();
  if (a.has_search_attributes())
    *out.mutable_search_attributes() = a.search_attributes();
  if (a.has_header())
    *out.mutable_header() = a.header();
  if (event.has_user_metadata())
    *out.mutable_user_metadata() = event.user_metadata();
  if (a.has_priority() || x.has_priority())
    *out.mutable_priority() = inherited(a.priority(), x.priority());
  return out;
}

} // namespace

command_result start_child(transition& t, const api::command::v1::Command& command,
                           completion& done) {
  const auto& c = t.ctx();
  if (!command.has_start_child_workflow_execution_command_attributes())
    return not_set(bad_child, "StartChildWorkflowExecution");
  const auto& a = command.start_child_workflow_execution_command_attributes();
  if (auto refusal = check_child(a, t.state(), c))
    return refusal;
  auto event = initiated_event(command, done, t.state(), c);
  auto start = start_of(event, t.state());
  auto id = t.add_event(std::move(event));
  // A child that is asked for with the end of its parent never starts, whatever its policy.
  if (closes_run(done))
    return std::nullopt;
  const auto& created = t.state().created();
  start.set_request_id(created.run_id() + ":" + std::to_string(id) + ":0");
  outbox::Message message;
  *message.mutable_to() = workflow_address(c, a.workflow_id());
  message.set_event_id(id);
  auto& child = *message.mutable_start_child();
  *child.mutable_start() = std::move(start);
  child.set_parent_run_id(created.run_id());
  child.set_parent_initiated_event_id(id);
  *child.mutable_root() = root_of(t.state());
  child.set_child_run_id(c.ids.uuid7(c.now));
  send(t, std::move(message));
  return std::nullopt;
}

} // namespace reprise::engine
