// Children. This server starts none yet: what is wrong with a command is told as ever, and a sound
// one fails its task, with the cause that says so. The workflow lives on and can go on where the
// feature is there.

#include "base/cron.hpp"
#include "engine/child/rules.hpp"
#include "engine/properties/properties.hpp"
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

} // namespace

command_result start_child(transition& t, const api::command::v1::Command& command, completion&) {
  const auto& c = t.ctx();
  if (!command.has_start_child_workflow_execution_command_attributes())
    return not_set(bad_child, "StartChildWorkflowExecution");
  const auto& a = command.start_child_workflow_execution_command_attributes();
  if (auto refusal = leaves_namespace(bad_child, a.namespace_(), c))
    return refusal;
  auto in = " Namespace=" + c.ns.name;
  if (auto refusal = check_child_names(a, in, c.bounds))
    return refusal;
  if (auto problem = child_problem(a, t.state().started().task_queue().name(), c); !problem.empty())
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
  return std::nullopt;
}

} // namespace reprise::engine
