#include "engine/signal/signal.hpp"

#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/signal/rules.hpp"
#include "engine/task/task.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

std::size_t signals_of(const execution& x) {
  auto waiting = std::count_if(
    x.buffered_events().begin(), x.buffered_events().end(), [](const history_event& e) {
      return e.event_type() == enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED;
    });
  return static_cast<std::size_t>(x.signal_count() + waiting);
}

} // namespace

std::optional<error> check_signal(const execution& x, const context& c) {
  if (!is_open(x))
    return already_completed();
  if (x.header().close_attempted() && x.workflow_task().started_event_id() != 0)
    return workflow_closing();
  if (signals_of(x) >= c.bounds.signals_max)
    return invalid_argument("exceeded workflow execution limit for signal events");
  return std::nullopt;
}

bool signal_seen(const execution& x, const std::string& request_id) {
  return !request_id.empty() && x.signal_ids().contains(request_id);
}

void add_signal(transition& t, const signal_parts& s) {
  if (!s.request_id.empty()) {
    journal::Fact fact;
    auto& id = *fact.mutable_request_id();
    id.set_id(s.request_id);
    id.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED);
    t.add_fact(std::move(fact));
  }
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED);
  *event.mutable_links() = s.links;
  auto& a = *event.mutable_workflow_execution_signaled_event_attributes();
  a.set_signal_name(s.name);
  if (s.input != nullptr)
    *a.mutable_input() = *s.input;
  a.set_identity(s.identity);
  if (s.header != nullptr)
    *a.mutable_header() = *s.header;
  a.set_request_id(s.request_id);
  if (s.from != nullptr)
    *a.mutable_external_workflow_execution() = *s.from;
  t.add_or_buffer(std::move(event));
}

api::common::v1::Link signal_link(const execution& x, const std::string& request_id,
                                  const context& c) {
  api::common::v1::Link link;
  auto& e = *link.mutable_workflow_event();
  e.set_namespace_(c.ns.name);
  e.set_workflow_id(x.created().workflow_id());
  e.set_run_id(x.created().run_id());
  e.mutable_request_id_ref()->set_request_id(request_id);
  e.mutable_request_id_ref()->set_event_type(enums::EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED);
  return link;
}

step decide_signal(execution&& current, const cluster::ExecutionRequest& request,
                   const context& c) {
  const auto& r = request.signal();
  service::SignalWorkflowExecutionResponse out;
  *out.mutable_link() = signal_link(current, r.request_id(), c);
  transition t{std::move(current), c};
  // Also behind the close: whoever asks again has been answered before.
  if (signal_seen(t.state(), r.request_id()))
    return std::move(t).finish(out);
  if (auto refusal = check_signal(t.state(), c))
    return std::move(t).finish(std::move(*refusal));
  add_signal(t, {.name = r.signal_name(),
                 .input = r.has_input() ? &r.input() : nullptr,
                 .identity = r.identity(),
                 .request_id = r.request_id(),
                 .header = r.has_header() ? &r.header() : nullptr,
                 .links = r.links()});
  schedule_workflow_task(t);
  return std::move(t).finish(out);
}

/// Whoever sends it again is answered as before.
void reapply_signaled(transition& t, const history_event& event) {
  t.add_event(told_again(event));
}

void fold_signaled(execution& x, const history_event& event) {
  x.set_signal_count(x.signal_count() + 1);
  const auto& request_id = event.workflow_execution_signaled_event_attributes().request_id();
  // A run that a reset made has no fact that says so.
  if (!request_id.empty())
    (*x.mutable_signal_ids())[request_id] = true;
  // Of a request that started the run and signaled it describe names the signal's event.
  auto i = x.mutable_request_ids()->find(request_id);
  if (i != x.mutable_request_ids()->end())
    i->second.set_event_id(event.event_id());
}

} // namespace reprise::engine
