// What a parent's events say of its children, and what describe shows of those that are not over.

#include "engine/child/rules.hpp"

#include <algorithm>
#include <vector>

namespace reprise::engine {

void fold_child_initiated(execution& x, const history_event& event) {
  const auto& a = event.start_child_workflow_execution_initiated_event_attributes();
  auto& child = (*x.mutable_children())[event.event_id()];
  child.set_initiated_event_id(event.event_id());
  child.set_namespace_id(a.namespace_id());
  child.set_namespace_name(a.namespace_());
  child.set_workflow_id(a.workflow_id());
  *child.mutable_workflow_type() = a.workflow_type();
  child.set_parent_close_policy(a.parent_close_policy());
  if (event.has_user_metadata())
    *child.mutable_user_metadata() = event.user_metadata();
}

void fold_child_started(execution& x, const history_event& event) {
  auto child = x.mutable_children()->find(child_started_for(event));
  // It may have ended before this event got its id.
  if (child == x.mutable_children()->end())
    return;
  child->second.set_started_event_id(event.event_id());
  child->second.set_run_id(
    event.child_workflow_execution_started_event_attributes().workflow_execution().run_id());
}

void fold_child_not_started(execution& x, const history_event& event) {
  x.mutable_children()->erase(child_not_started_for(event));
}

void fold_child_over(execution& x, const history_event& event) {
  x.mutable_children()->erase(child_over_for(event));
}

void fold_children_of(execution& x, const journal::Fact& fact) {
  const auto& of = fact.children_of();
  for (auto id : of.initiated_event_ids())
    if (auto child = x.mutable_children()->find(id); child != x.mutable_children()->end())
      child->second.set_parent_run_id(of.run_id());
}

void fold_over_behind_close(execution& x, const journal::Fact& fact) {
  auto child = x.mutable_children()->find(fact.child_over().parent_initiated_event_id());
  if (child != x.mutable_children()->end())
    *child->second.mutable_over() = fact.child_over();
}

std::int64_t child_started_for(const history_event& event) {
  return event.child_workflow_execution_started_event_attributes().initiated_event_id();
}

std::int64_t child_not_started_for(const history_event& event) {
  return event.start_child_workflow_execution_failed_event_attributes().initiated_event_id();
}

std::int64_t child_over_for(const history_event& event) {
  if (event.has_child_workflow_execution_completed_event_attributes())
    return event.child_workflow_execution_completed_event_attributes().initiated_event_id();
  if (event.has_child_workflow_execution_failed_event_attributes())
    return event.child_workflow_execution_failed_event_attributes().initiated_event_id();
  if (event.has_child_workflow_execution_canceled_event_attributes())
    return event.child_workflow_execution_canceled_event_attributes().initiated_event_id();
  if (event.has_child_workflow_execution_timed_out_event_attributes())
    return event.child_workflow_execution_timed_out_event_attributes().initiated_event_id();
  return event.child_workflow_execution_terminated_event_attributes().initiated_event_id();
}

void set_child_begin(history_event& event, std::int64_t id) {
  if (event.has_child_workflow_execution_completed_event_attributes())
    event.mutable_child_workflow_execution_completed_event_attributes()->set_started_event_id(id);
  else if (event.has_child_workflow_execution_failed_event_attributes())
    event.mutable_child_workflow_execution_failed_event_attributes()->set_started_event_id(id);
  else if (event.has_child_workflow_execution_canceled_event_attributes())
    event.mutable_child_workflow_execution_canceled_event_attributes()->set_started_event_id(id);
  else if (event.has_child_workflow_execution_timed_out_event_attributes())
    event.mutable_child_workflow_execution_timed_out_event_attributes()->set_started_event_id(id);
  else
    event.mutable_child_workflow_execution_terminated_event_attributes()->set_started_event_id(id);
}

void describe_children(const execution& x, const context&,
                       service::DescribeWorkflowExecutionResponse& out) {
  std::vector<const journal::ChildState*> pending;
  for (const auto& [id, child] : x.children())
    pending.push_back(&child);
  std::sort(pending.begin(), pending.end(), [](const auto* a, const auto* b) {
    return a->initiated_event_id() < b->initiated_event_id();
  });
  for (const auto* child : pending) {
    auto& info = *out.add_pending_children();
    info.set_workflow_id(child->workflow_id());
    info.set_run_id(child->run_id());
    info.set_workflow_type_name(child->workflow_type().name());
    info.set_initiated_id(child->initiated_event_id());
    info.set_parent_close_policy(
      static_cast<enums::ParentClosePolicy>(child->parent_close_policy()));
  }
}

} // namespace reprise::engine
