// What parents and children tell each other: starts, what came of them, ends.

#include "engine/cancel/cancel.hpp"
#include "engine/child/child.hpp"
#include "engine/child/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/features.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/workflow.hpp"

#include <algorithm>
#include <map>
#include <set>
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
  out.set_child_of_run_id(child.parent_run_id());
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

/// The child was ended since its parent was over.
bool is_by_policy(const outbox::ChildClosed& report) {
  const auto& end = report.close_event().workflow_execution_terminated_event_attributes();
  return end.reason() == by_policy && end.identity() == server_identity;
}

/// The child that a report is about, if the run did not hear of its end. A run that a reset made
/// may ask for the same child once more, at the same place.
const journal::ChildState* child_of(const execution& x, const outbox::ChildClosed& report) {
  auto i = x.children().find(report.parent_initiated_event_id());
  if (i == x.children().end() || i->second.workflow_id() != report.child().workflow_id())
    return nullptr;
  if (const auto& known = i->second.run_id(); !known.empty())
    return known == report.child_first_run_id() ? &i->second : nullptr;
  // The answer to its start may be behind the report, or the run's close in front of both. The
  // start says which run it would be.
  auto is_start = [&](const outbox::Message& sent) {
    return sent.event_id() == i->first
           && sent.start_child().child_run_id() == report.child_first_run_id();
  };
  auto is_known = std::ranges::any_of(x.outbox(),
                                      [&](const auto& sent) { return is_start(sent.second); })
                  || std::ranges::any_of(x.rested(), [&](const auto& kept) {
                       return kept.second.why().has_answer() && is_start(kept.second.message());
                     });
  return is_known ? &i->second : nullptr;
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

/// Those that have no answer, of children that end with their parent.
std::vector<outbox::Message> unwanted_starts(const execution& x) {
  std::vector<outbox::Message> out;
  for (auto& message : unanswered_messages(x)) {
    auto child = x.children().find(message.event_id());
    if (message.has_start_child() && child != x.children().end() && child->second.run_id().empty()
        && child->second.parent_close_policy() != enums::PARENT_CLOSE_POLICY_ABANDON)
      out.push_back(std::move(message));
  }
  return out;
}

/// Where the child has not begun it never will; else it hears of the policy.
void withdraw(transition& t, const outbox::Message& start) {
  journal::MessageRested why;
  why.set_number(start.number());
  why.set_withdrawn(true);
  rest(t, why);
  outbox::Message message;
  *message.mutable_to() = start.to();
  auto& w = *message.mutable_withdraw();
  w.set_run_id(start.run_id());
  w.set_number(start.number());
  w.set_word(start.word());
  w.set_policy(t.state().children().at(start.event_id()).parent_close_policy());
  w.set_child_run_id(start.start_child().child_run_id());
  send(t, std::move(message));
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
    if (!child->run_id().empty())
      if (auto message = policy_message(*child, child->run_id(), t.ctx()))
        messages.push_back(std::move(*message));
  for (auto& message : messages)
    send(t, std::move(message));
  for (const auto& start : unwanted_starts(t.state()))
    withdraw(t, start);
  report_close(t, close);
}

bool has_gone_on_by_reset(const execution& x) {
  return x.close_event().workflow_execution_terminated_event_attributes().identity()
         == resetter_identity;
}

bool has_child_of(const execution& x, const outbox::ChildClosed& report) {
  return child_of(x, report) != nullptr;
}

void address_child(outbox::Message& message, const execution& x) {
  message.set_child_workflow_only(true);
  if (x.created().reset_from_run_id().empty())
    return;
  for (const auto& [id, child] : x.children())
    if (child.workflow_id() == message.to().id() && !child.parent_run_id().empty())
      message.set_child_of_run_id(child.parent_run_id());
}

const std::string& run_of_report(const outbox::Message& message) {
  return message.child_closed().parent_run_id();
}

/// A parent that had its child's end told has nothing to hear. One that is over keeps what a reset
/// of it may have to tell: all that its own end did not bring about.
step take_report(std::optional<execution>&& current, const cluster::Delivery& delivery,
                 const context& c) {
  const auto& report = delivery.message().child_closed();
  const auto* child = current ? child_of(*current, report) : nullptr;
  if (child == nullptr || (!is_open(*current) && (child->has_over() || is_by_policy(report)))) {
    step out;
    out.current = std::move(current);
    return out;
  }
  auto known = *child;
  transition t{std::move(*current), c};
  if (!is_open(t.state())) {
    journal::Fact fact;
    *fact.mutable_child_over() = report;
    t.add_fact(std::move(fact));
    return std::move(t).finish(reply{});
  }
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

std::optional<history_event> event_of_start(const execution& x, const outbox::Message& message,
                                            const outbox::Answer& answer, const context&) {
  auto i = x.children().find(message.event_id());
  // Its end may have been here first.
  if (i == x.children().end() || !i->second.run_id().empty())
    return std::nullopt;
  const auto& start = message.start_child().start();
  if (answer.code() != 0)
    return not_started_event(i->second, start.identity(), answer);
  auto event = started_event(i->second, answer.run_id());
  if (start.has_header())
    *event.mutable_child_workflow_execution_started_event_attributes()->mutable_header()
      = start.header();
  return event;
}

/// A parent that an earlier version closed did not withdraw it: now there is somebody to hear of
/// the policy.
void start_answered_late(transition& t, const outbox::Message& message,
                         const outbox::Answer& answer) {
  auto i = t.state().children().find(message.event_id());
  if (i == t.state().children().end() || answer.code() != 0 || !i->second.run_id().empty()
      || has_gone_on_by_reset(t.state()))
    return;
  if (auto policy = policy_message(i->second, answer.run_id(), t.ctx()))
    send(t, std::move(*policy));
}

namespace {

/// The run that the start began, or one that follows it, hears of the policy.
void end_by_policy(transition& t, const cluster::Delivery& delivery) {
  static const std::string server{server_identity};
  if (delivery.message().withdraw().policy() == enums::PARENT_CLOSE_POLICY_TERMINATE) {
    api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
    a.set_reason(by_policy);
    a.set_identity(server);
    return terminate_run(t, std::move(a));
  }
  static const std::string no_reason;
  static const google::protobuf::RepeatedPtrField<api::common::v1::Link> no_links;
  api::common::v1::WorkflowExecution sender;
  sender.set_workflow_id(delivery.from().id());
  sender.set_run_id(delivery.message().run_id());
  ask_to_cancel(t, {.reason = no_reason, .identity = server, .links = no_links, .from = &sender});
}

} // namespace

step take_withdrawal(std::optional<execution>&& current, const cluster::Delivery& delivery,
                     const context& c) {
  const auto& w = delivery.message().withdraw();
  if (current && !w.child_run_id().empty() && is_of_chain(*current, w.child_run_id())) {
    transition t{std::move(*current), c};
    if (is_open(t.state()))
      end_by_policy(t, delivery);
    return std::move(t).finish(reply{});
  }
  step out;
  out.current = std::move(current);
  // Taken, and over by now, or never begun.
  if (delivery.start_is_known())
    return out;
  auto& refused = out.taken.emplace().refuses.emplace();
  refused.set_run_id(w.run_id());
  refused.set_number(w.number());
  refused.set_word(w.word());
  refused.mutable_answer()->set_code(static_cast<int>(errc::failed_precondition));
  refused.mutable_answer()->set_text("the start was withdrawn");
  return out;
}

// -- what a reset tells again, and takes over
// ------------------------------------------------------

void reapply_child(transition& t, const history_event& event) {
  const auto& rule = rule_of(event.event_type());
  auto child = t.state().children().find(rule.asked_for_by(event));
  if (child == t.state().children().end())
    return;
  auto again = told_again(event);
  if (rule.set_begin != nullptr)
    rule.set_begin(again, child->second.started_event_id());
  t.add_event(std::move(again));
}

void start_again(transition& t, outbox::Message withdrawn) {
  const auto& run_id = t.state().created().run_id();
  auto& child = *withdrawn.mutable_start_child();
  child.set_parent_run_id(run_id);
  child.set_child_run_id(t.ctx().ids.uuid7(t.ctx().now));
  child.mutable_start()->set_request_id(run_id + ":" + std::to_string(withdrawn.event_id()) + ":0");
  send(t, std::move(withdrawn));
}

namespace {

/// What `base` had heard of a child's end when it was closed, or brought about by that.
std::optional<history_event> end_known_to(const journal::ChildState& of_base,
                                          const journal::ChildState& child, bool policies_hold) {
  if (child.run_id().empty())
    return std::nullopt;
  if (of_base.has_over())
    return end_event(child, of_base.over());
  if (!policies_hold || of_base.parent_close_policy() != enums::PARENT_CLOSE_POLICY_TERMINATE)
    return std::nullopt;
  outbox::ChildClosed ended;
  ended.mutable_child()->set_run_id(child.run_id());
  return end_event(child, ended);
}

} // namespace

void take_over_children(transition& t, const execution& base, bool policies_hold) {
  std::vector<history_event> ends;
  std::map<std::string, std::vector<std::int64_t>> started_by;
  // These are asked for anew, by this run.
  std::set<std::int64_t> withdrawn;
  for (const auto& [number, kept] : base.rested())
    if (kept.why().withdrawn())
      withdrawn.insert(kept.message().event_id());
  for (const auto* child : in_order(t.state())) {
    auto of_base = base.children().find(child->initiated_event_id());
    if (of_base == base.children().end())
      continue;
    if (auto end = end_known_to(of_base->second, *child, policies_hold))
      ends.push_back(std::move(*end));
    else if (!withdrawn.contains(child->initiated_event_id()))
      started_by[of_base->second.parent_run_id().empty() ? base.created().run_id()
                                                         : of_base->second.parent_run_id()]
        .push_back(child->initiated_event_id());
  }
  for (auto& end : ends)
    t.add_event(std::move(end));
  for (const auto& [run_id, ids] : started_by) {
    journal::Fact fact;
    fact.mutable_children_of()->set_run_id(run_id);
    fact.mutable_children_of()->mutable_initiated_event_ids()->Add(ids.begin(), ids.end());
    t.add_fact(std::move(fact));
  }
}

} // namespace reprise::engine
