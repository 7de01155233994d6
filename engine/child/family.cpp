// What parents and children tell each other: starts, what came of them, ends.

#include "engine/child/child.hpp"
#include "engine/child/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/features.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/workflow.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"

#include <algorithm>
#include <vector>

namespace reprise::engine {

namespace {

constexpr const char* by_policy = "by parent close policy";

/// In the order in which they were asked for: maps have none.
std::vector<const journal::ChildState*> in_order(const execution& x) {
  std::vector<const journal::ChildState*> out;
  out.reserve(static_cast<std::size_t>(x.children().size()));
  for (const auto& [id, child] : x.children())
    out.push_back(&child);
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
    return a->initiated_event_id() < b->initiated_event_id();
  });
  return out;
}

/// What the policy asks of a child that was started; nothing when it is left alone.
std::optional<outbox::Message> policy_message(const journal::ChildState& child,
                                              const std::string& child_run_id, const context& c) {
  outbox::Message out;
  *out.mutable_to() = workflow_address(c, child.workflow_id());
  out.set_child_workflow_only(true);
  switch (static_cast<enums::ParentClosePolicy>(child.parent_close_policy())) {
    case enums::PARENT_CLOSE_POLICY_TERMINATE: {
      auto& r = *out.mutable_terminate();
      r.mutable_workflow_execution()->set_workflow_id(child.workflow_id());
      r.set_first_execution_run_id(child_run_id);
      r.set_reason(by_policy);
      r.set_identity(server_identity);
      return out;
    }
    case enums::PARENT_CLOSE_POLICY_REQUEST_CANCEL: {
      auto& r = *out.mutable_cancel();
      r.mutable_workflow_execution()->set_workflow_id(child.workflow_id());
      r.set_first_execution_run_id(child_run_id);
      return out;
    }
    default:
      return std::nullopt;
  }
}

void report_close(transition& t, const history_event& close) {
  const auto& x = t.state();
  const auto& started = x.started();
  if (!started.has_parent_workflow_execution() || goes_on(close))
    return;
  outbox::Message message;
  *message.mutable_to() = workflow_address(t.ctx(),
                                           started.parent_workflow_execution().workflow_id());
  auto& report = *message.mutable_child_closed();
  report.set_parent_run_id(started.parent_workflow_execution().run_id());
  report.set_parent_initiated_event_id(started.parent_initiated_event_id());
  report.mutable_child()->set_workflow_id(x.created().workflow_id());
  report.mutable_child()->set_run_id(x.created().run_id());
  *report.mutable_child_type() = started.workflow_type();
  report.set_child_first_run_id(started.first_execution_run_id());
  *report.mutable_close_event() = close;
  send(t, std::move(message));
}

template <class Attributes>
void tell_child(Attributes& a, const journal::ChildState& child, const std::string& run_id) {
  a.set_namespace_(child.namespace_name());
  a.set_namespace_id(child.namespace_id());
  a.mutable_workflow_execution()->set_workflow_id(child.workflow_id());
  a.mutable_workflow_execution()->set_run_id(run_id);
  *a.mutable_workflow_type() = child.workflow_type();
  a.set_initiated_event_id(child.initiated_event_id());
}

history_event started_event(const journal::ChildState& child, const std::string& run_id) {
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED);
  tell_child(*event.mutable_child_workflow_execution_started_event_attributes(), child, run_id);
  return event;
}

/// The event that tells a parent how its child ended.
history_event end_event(const journal::ChildState& child, const outbox::ChildClosed& report) {
  history_event event;
  const auto& close = report.close_event();
  auto tell = [&](enums::EventType type, auto& a) {
    event.set_event_type(type);
    tell_child(a, child, report.child().run_id());
    a.set_started_event_id(child.started_event_id());
  };
  switch (close.event_type()) {
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: {
      auto& a = *event.mutable_child_workflow_execution_completed_event_attributes();
      tell(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, a);
      const auto& of = close.workflow_execution_completed_event_attributes();
      if (of.has_result())
        *a.mutable_result() = of.result();
      return event;
    }
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: {
      auto& a = *event.mutable_child_workflow_execution_failed_event_attributes();
      tell(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED, a);
      const auto& of = close.workflow_execution_failed_event_attributes();
      *a.mutable_failure() = of.failure();
      a.set_retry_state(of.retry_state());
      return event;
    }
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: {
      auto& a = *event.mutable_child_workflow_execution_canceled_event_attributes();
      tell(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED, a);
      const auto& of = close.workflow_execution_canceled_event_attributes();
      if (of.has_details())
        *a.mutable_details() = of.details();
      return event;
    }
    case enums::EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: {
      auto& a = *event.mutable_child_workflow_execution_timed_out_event_attributes();
      tell(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT, a);
      a.set_retry_state(close.workflow_execution_timed_out_event_attributes().retry_state());
      return event;
    }
    default:
      tell(enums::EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
           *event.mutable_child_workflow_execution_terminated_event_attributes());
      return event;
  }
}

/// The child that a report is about, if the run still waits for its end.
const journal::ChildState* child_of(const execution& x, const outbox::ChildClosed& report) {
  auto i = x.children().find(report.parent_initiated_event_id());
  if (i == x.children().end() || i->second.workflow_id() != report.child().workflow_id())
    return nullptr;
  // One whose start has no answer yet may be any.
  const auto& known = i->second.run_id();
  return known.empty() || known == report.child_first_run_id() ? &i->second : nullptr;
}

bool namespace_is_gone(const outbox::Answer& answer) {
  return answer.detail_type()
         == api::errordetails::v1::NamespaceNotFoundFailure::descriptor()->full_name();
}

history_event not_started_event(const journal::ChildState& child, const std::string& control,
                                const outbox::Answer& answer) {
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED);
  auto& a = *event.mutable_start_child_workflow_execution_failed_event_attributes();
  a.set_namespace_(child.namespace_name());
  a.set_namespace_id(child.namespace_id());
  a.set_workflow_id(child.workflow_id());
  *a.mutable_workflow_type() = child.workflow_type();
  a.set_control(control);
  a.set_initiated_event_id(child.initiated_event_id());
  a.set_cause(namespace_is_gone(answer)
                ? enums::START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND
                : enums::START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS);
  return event;
}

step refused(std::optional<execution>&& current, error why) {
  step out;
  out.current = std::move(current);
  out.answer.failure = std::move(why);
  return out;
}

} // namespace

// -- ends
// ------------------------------------------------------------------------------------------

void tell_family(transition& t, const history_event& close) {
  std::vector<outbox::Message> messages;
  for (const auto* child : in_order(t.state()))
    // What is not known to have started hears of its policy when it is.
    if (!child->run_id().empty())
      if (auto message = policy_message(*child, child->run_id(), t.ctx()))
        messages.push_back(std::move(*message));
  for (auto& message : messages)
    send(t, std::move(message));
  report_close(t, close);
}

bool has_gone_on_by_reset(const execution& x) {
  return x.close_event().workflow_execution_terminated_event_attributes().identity()
         == resetter_identity;
}

bool has_child_of(const execution& x, const outbox::ChildClosed& report) {
  const auto* child = child_of(x, report);
  return child != nullptr && !child->run_id().empty();
}

const std::string& run_of_report(const outbox::Message& message) {
  return message.child_closed().parent_run_id();
}

/// A parent that is over, or that had its child's end told, has nothing to hear.
step take_report(std::optional<execution>&& current, const cluster::Delivery& delivery,
                 const context& c) {
  const auto& report = delivery.message().child_closed();
  const auto* child = current && is_open(*current) ? child_of(*current, report) : nullptr;
  if (child == nullptr) {
    step out;
    out.current = std::move(current);
    return out;
  }
  auto known = *child;
  transition t{std::move(*current), c};
  // The answer to the start is behind the report: this says that the child had begun.
  if (known.run_id().empty())
    known.set_started_event_id(t.add_or_buffer(started_event(known, report.child_first_run_id())));
  t.add_or_buffer(end_event(known, report));
  schedule_workflow_task(t);
  return std::move(t).finish(reply{});
}

const std::string& run_of_terminate(const outbox::Message& message) {
  return message.terminate().workflow_execution().run_id();
}

step take_terminate(std::optional<execution>&& current, const cluster::Delivery& delivery,
                    const context& c) {
  const auto& message = delivery.message();
  const auto& r = message.terminate();
  if (!current)
    return refused(std::move(current), workflow_not_found(message.to().id(), {}));
  transition t{std::move(*current), c};
  if (!is_of_chain(t.state(), r.first_execution_run_id())
      || (message.child_workflow_only() && !is_child_of_sender(t.state(), delivery)))
    return std::move(t).finish(not_found("workflow execution not found"));
  if (!is_open(t.state()))
    return std::move(t).finish(reply{});
  api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
  a.set_reason(r.reason());
  a.set_identity(r.identity());
  terminate_run(t, std::move(a));
  return std::move(t).finish(reply{});
}

// -- starts
// ----------------------------------------------------------------------------------------

const std::string& run_of_start(const outbox::Message&) {
  static const std::string current;
  return current;
}

bool is_remembered_start(const outbox::Message&) {
  return true;
}

step take_start(std::optional<execution>&& current, const cluster::Delivery& delivery,
                const context& c) {
  const auto& child = delivery.message().start_child();
  api::history::v1::WorkflowExecutionStartedEventAttributes of_parent;
  of_parent.set_parent_workflow_namespace(delivery.from().namespace_name());
  of_parent.set_parent_workflow_namespace_id(delivery.from().namespace_id());
  of_parent.mutable_parent_workflow_execution()->set_workflow_id(delivery.from().id());
  of_parent.mutable_parent_workflow_execution()->set_run_id(child.parent_run_id());
  of_parent.set_parent_initiated_event_id(child.parent_initiated_event_id());
  *of_parent.mutable_root_workflow_execution() = child.root();
  auto start = child.start();
  start.clear_identity();
  return start_under_parent(std::move(current), start, child.child_run_id(), of_parent, c);
}

void start_answered(transition& t, const outbox::Message& message, const outbox::Answer& answer) {
  auto i = t.state().children().find(message.event_id());
  if (i == t.state().children().end())
    return;
  auto child = i->second;
  if (!is_open(t.state())) {
    // It was on its way when its parent closed: now there is somebody to hear of the policy.
    if (answer.code() == 0 && child.run_id().empty() && !has_gone_on_by_reset(t.state()))
      if (auto policy = policy_message(child, answer.run_id(), t.ctx()))
        send(t, std::move(*policy));
    return;
  }
  // Its end was here first.
  if (!child.run_id().empty())
    return;
  auto event = answer.code() == 0
                 ? started_event(child, answer.run_id())
                 : not_started_event(child, message.start_child().start().identity(), answer);
  if (answer.code() == 0 && message.start_child().start().has_header())
    *event.mutable_child_workflow_execution_started_event_attributes()->mutable_header()
      = message.start_child().start().header();
  t.add_or_buffer(std::move(event));
  schedule_workflow_task(t);
}

// -- what a reset tells again --------------------------------------------------------------------

void reapply_child(transition& t, const history_event& event) {
  if (t.state().children().contains(rule_of(event.event_type()).asked_for_by(event)))
    t.add_event(told_again(event));
}

} // namespace reprise::engine
