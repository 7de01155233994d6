#include "frontend/handlers/handlers.hpp"
#include "frontend/poll/long_poll.hpp"
#include "frontend/token/tokens.hpp"
#include "frontend/validate/fields.hpp"

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;

namespace {

/// The part that both directions share; nothing when the call has failed.
template <class Request>
std::optional<cluster::ExecutionRequest>
prepare(const call::ptr& c, const Request& r, bool reverse) {
  if (auto ok = check_execution(r.has_execution(), r.execution()); !ok) {
    c->fail(std::move(ok).error());
    return std::nullopt;
  }
  cluster::ExecutionRequest request;
  request.set_workflow_id(r.execution().workflow_id());
  request.set_run_id(r.execution().run_id());
  auto& history = *request.mutable_get_history();
  if (r.next_page_token().empty())
    return request;
  auto token = parse_history_token(r.next_page_token(), r.execution().run_id(), reverse);
  if (!token) {
    c->fail(std::move(token).error());
    return std::nullopt;
  }
  // A reading stays with the run that it began with, whatever is current by now.
  request.set_run_id(token->run_id());
  *history.mutable_token() = std::move(*token);
  return request;
}

void get_history(const call::ptr& c, api::GetWorkflowExecutionHistoryRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto request = prepare(c, r, false);
  if (!request)
    return;
  auto& history = *request->mutable_get_history();
  *history.mutable_wait_until() = to_timestamp(history_poll_end(*c));
  history.mutable_forward()->Swap(&r);
  auto waits = history.forward().wait_new_event() || history.token().wait()
               || history.forward().history_event_filter_type()
                    == temporal::api::enums::v1::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT;
  if (waits)
    c->wait(ns, std::move(*request));
  else
    c->send(ns, std::move(*request));
}

void get_history_reverse(const call::ptr& c, api::GetWorkflowExecutionHistoryReverseRequest& r) {
  auto ns = c->open_namespace(r.namespace_());
  if (!ns)
    return;
  auto request = prepare(c, r, true);
  if (!request)
    return;
  request->mutable_get_history()->mutable_reverse()->Swap(&r);
  c->send(ns, std::move(*request));
}

} // namespace

void add_history_handlers(handler_table& table) {
  table["GetWorkflowExecutionHistory"] = parsed(get_history);
  table["GetWorkflowExecutionHistoryReverse"] = parsed(get_history_reverse);
}

} // namespace reprise::frontend
