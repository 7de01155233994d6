// Signals and requests to cancel that come from other workflows.

#include "engine/cancel/cancel.hpp"
#include "engine/engine.hpp"
#include "engine/external/rules.hpp"
#include "engine/machine/errors.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/signal/signal.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

namespace {

step refused(std::optional<execution>&& current, error why) {
  step out;
  out.current = std::move(current);
  out.answer.failure = std::move(why);
  return out;
}

/// Nobody reaches itself this way, and nobody what is not there.
std::optional<error> unreachable(const std::optional<execution>& current,
                                 const cluster::Delivery& delivery) {
  if (current && !goes_to_itself(delivery))
    return std::nullopt;
  return workflow_not_found(delivery.message().to().id(), run_of(delivery.message()));
}

error no_child_of_sender() {
  return not_found("workflow parent does not match");
}

bool is_meant(const execution& x, const cluster::Delivery& delivery) {
  return !delivery.message().child_workflow_only() || is_child_of_sender(x, delivery);
}

api::common::v1::WorkflowExecution sender_of(const cluster::Delivery& delivery) {
  api::common::v1::WorkflowExecution out;
  out.set_workflow_id(delivery.from().id());
  out.set_run_id(delivery.message().run_id());
  return out;
}

} // namespace

const std::string& run_of_signal(const outbox::Message& message) {
  return message.signal().workflow_execution().run_id();
}

const std::string& run_of_cancel(const outbox::Message& message) {
  return message.cancel().workflow_execution().run_id();
}

bool is_remembered_signal(const outbox::Message&) {
  return true;
}

/// A run that is asked again has been asked. But the id may have another one by then.
bool is_remembered_cancel(const outbox::Message& message) {
  return run_of_cancel(message).empty();
}

step take_signal(std::optional<execution>&& current, const cluster::Delivery& delivery,
                 const context& c) {
  static const std::string server{server_identity};
  if (auto why = unreachable(current, delivery))
    return refused(std::move(current), std::move(*why));
  const auto& r = delivery.message().signal();
  if (auto refusal = check_signal(*current, c))
    return refused(std::move(current), std::move(*refusal));
  if (!is_meant(*current, delivery))
    return refused(std::move(current), no_child_of_sender());
  auto sender = sender_of(delivery);
  transition t{std::move(*current), c};
  add_signal(t, {.name = r.signal_name(),
                 .input = r.has_input() ? &r.input() : nullptr,
                 .identity = server,
                 .request_id = r.request_id(),
                 .header = r.has_header() ? &r.header() : nullptr,
                 .links = r.links(),
                 .from = &sender});
  schedule_workflow_task(t);
  return std::move(t).finish(reply{});
}

step take_cancel(std::optional<execution>&& current, const cluster::Delivery& delivery,
                 const context& c) {
  if (auto why = unreachable(current, delivery))
    return refused(std::move(current), std::move(*why));
  const auto& message = delivery.message();
  transition t{std::move(*current), c};
  // As with a client's request a workflow that is over needs none.
  if (!is_open(t.state()))
    return std::move(t).finish(reply{});
  if (!is_meant(t.state(), delivery))
    return std::move(t).finish(no_child_of_sender());
  if (!is_of_chain(t.state(), message.cancel().first_execution_run_id()))
    return std::move(t).finish(not_found("workflow execution not found"));
  static const std::string server{server_identity};
  auto sender = sender_of(delivery);
  ask_to_cancel(t, {.reason = message.cancel().reason(),
                    .identity = server,
                    .links = message.cancel().links(),
                    .from = &sender,
                    .initiated_event_id = message.event_id()});
  return std::move(t).finish(reply{});
}

} // namespace reprise::engine
