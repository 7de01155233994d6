#include "engine/history/pager.hpp"

#include "engine/engine.hpp"
#include "engine/history/close_event.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/task/task.hpp"
#include "protocol/wire.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

namespace workflowservice = temporal::api::workflowservice::v1;
using forward_request = workflowservice::GetWorkflowExecutionHistoryRequest;
using forward_response = workflowservice::GetWorkflowExecutionHistoryResponse;
using reverse_response = workflowservice::GetWorkflowExecutionHistoryReverseResponse;
using poll_response = workflowservice::PollWorkflowTaskQueueResponse;

/// Of what a worker gets with its task.
constexpr std::int64_t page_batches_max = 256;
constexpr duration wait_default = std::chrono::seconds{20};

std::int64_t page_size(std::int32_t asked, const limits& bounds) {
  auto most = std::max<std::int64_t>(bounds.history_page_max, 1);
  return asked <= 0 ? most : std::min<std::int64_t>(asked, most);
}

/// A response with this serialised History and token.
std::string response_of(std::string_view events, const cluster::HistoryToken* token) {
  std::string bytes;
  protocol::append_field(bytes, forward_response::kHistoryFieldNumber, events);
  if (token != nullptr)
    protocol::append_field(bytes, forward_response::kNextPageTokenFieldNumber,
                           token->SerializeAsString());
  return bytes;
}

bool shows_transient_events(const cluster::ExecutionRequest& request) {
  auto client = request.headers().find("client-name");
  return client == request.headers().end()
         || (client->second != "temporal-cli" && client->second != "temporal-ui");
}

time_point wait_end(const cluster::GetHistory& call, time_point now) {
  return call.has_wait_until() ? from_proto(call.wait_until()) : now + wait_default;
}

history_decision close_event_only(const execution& x, const cluster::ExecutionRequest& request,
                                  time_point now) {
  history_decision out;
  const auto& call = request.get_history();
  if (!is_open(x)) {
    std::string events;
    protocol::append_field(events, 1, close_event_for(x.close_event(), request.headers()));
    out.response = response_of(events, nullptr);
    return out;
  }
  event_wait wait{
    .run_id = x.created().run_id(), .close_only = true, .expires = wait_end(call, now)};
  cluster::HistoryToken token;
  token.set_run_id(wait.run_id);
  token.set_next_event_id(x.next_event_id());
  token.set_wait(true);
  wait.expired = response_of({}, call.forward().wait_new_event() ? &token : nullptr);
  out.wait = std::move(wait);
  return out;
}

/// Waits until the event exists that the token names.
history_decision wait_for_event(const execution& x, const cluster::GetHistory& call,
                                std::int64_t first, time_point now) {
  cluster::HistoryToken token;
  token.set_run_id(x.created().run_id());
  token.set_next_event_id(first);
  token.set_wait(true);
  history_decision out;
  out.wait = event_wait{.run_id = token.run_id(),
                        .wanted_event_id = first,
                        .expires = wait_end(call, now),
                        .expired = response_of({}, &token)};
  return out;
}

/// Where a reading that began earlier ends. The events of a speculative task may have been written
/// since: they are what its last page would have ended with.
std::int64_t fixed_end_of(const execution& x, const cluster::HistoryToken& token) {
  const auto& task = x.workflow_task();
  auto written_since = token.transient_attempt() != 0 && !task.transient()
                       && task.attempt() == token.transient_attempt()
                       && task.scheduled_event_id() == token.end_event_id();
  if (written_since)
    return std::max(task.scheduled_event_id(), task.started_event_id()) + 1;
  return std::min(token.end_event_id(), x.next_event_id());
}

history_decision forward(const execution& x, const cluster::ExecutionRequest& request,
                         const context& c) {
  const auto& call = request.get_history();
  const auto& asked = call.forward();
  if (asked.history_event_filter_type()
      == temporal::api::enums::v1::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
    return close_event_only(x, request, c.now);
  auto waits = asked.wait_new_event();
  auto fixed_end = call.token().end_event_id() > 0 && !waits;
  auto end = fixed_end ? fixed_end_of(x, call.token()) : x.next_event_id();
  auto first = call.has_token() ? std::max<std::int64_t>(call.token().next_event_id(), 1) : 1;
  auto goes_on = waits && is_open(x);
  if (first >= end && goes_on)
    return wait_for_event(x, call, first, c.now);
  page_plan plan{.want = {.first = first,
                          .last = end - 1,
                          .batches_max = page_size(asked.maximum_page_size(), c.bounds)},
                 .goes_on = goes_on};
  plan.token.set_run_id(x.created().run_id());
  if (waits)
    plan.token.set_wait(true);
  else
    plan.token.set_end_event_id(end);
  const auto& task = task_of(x, c);
  auto attempt = task.attempt();
  auto wants_transient = call.has_token() ? call.token().transient_attempt() == attempt
                                          : shows_transient_events(request);
  if (wants_transient)
    plan.transient_events = transient_events(x, task);
  if (!plan.transient_events.empty())
    plan.token.set_transient_attempt(attempt);
  history_decision out;
  out.plan = std::move(plan);
  return out;
}

history_decision reverse(const execution& x, const cluster::GetHistory& call,
                         const limits& bounds) {
  auto last = x.next_event_id() - 1;
  if (call.has_token())
    last = std::min(last, call.token().next_event_id());
  page_plan plan{.as = page_plan::form::reverse_history,
                 .want = {.first = 1,
                          .last = last,
                          .batches_max = page_size(call.reverse().maximum_page_size(), bounds),
                          .reverse = true}};
  plan.token.set_run_id(x.created().run_id());
  plan.token.set_reverse(true);
  history_decision out;
  out.plan = std::move(plan);
  return out;
}

} // namespace

const std::string& history_run_id(const cluster::ExecutionRequest& request) {
  const auto& call = request.get_history();
  return call.has_token() ? call.token().run_id() : request.run_id();
}

std::optional<error> check_history_token(const cluster::GetHistory& call) {
  if (!call.has_token())
    return std::nullopt;
  if (call.token().reverse() != call.has_reverse() || call.token().run_id().empty())
    return make_error(errc::invalid_argument, "Invalid NextPageToken.");
  const auto& asked = call.has_reverse() ? call.reverse().execution().run_id()
                                         : call.forward().execution().run_id();
  if (!asked.empty() && asked != call.token().run_id())
    return make_error(errc::invalid_argument,
                      "RunId in the request does not match the NextPageToken.");
  return std::nullopt;
}

history_decision decide_history(const execution& x, const cluster::ExecutionRequest& request,
                                const context& c) {
  const auto& call = request.get_history();
  return call.has_reverse() ? reverse(x, call, c.bounds) : forward(x, request, c);
}

page_plan plan_poll(history_splice splice, std::string response, const std::string& run_id) {
  page_plan plan{.as = page_plan::form::poll,
                 .want = {.first = splice.first_event_id,
                          .last = splice.last_event_id,
                          .batches_max = page_batches_max},
                 .transient_events = std::move(splice.transient_events),
                 .message = std::move(splice.message),
                 .wrap_field = splice.wrap_field,
                 .prefix = std::move(response)};
  plan.token.set_run_id(run_id);
  plan.token.set_end_event_id(splice.last_event_id + 1);
  plan.token.set_transient_attempt(splice.transient_attempt);
  return plan;
}

std::string finish_page(page_plan plan, page got) {
  if (plan.finish != nullptr)
    return plan.finish(std::move(plan.prefix), got.events);
  if (got.complete)
    got.events.append(plan.transient_events);
  plan.token.set_next_event_id(got.next);
  auto has_token = !got.complete || plan.goes_on;
  if (plan.as != page_plan::form::poll) {
    static_assert(static_cast<int>(forward_response::kHistoryFieldNumber)
                  == static_cast<int>(reverse_response::kHistoryFieldNumber));
    static_assert(static_cast<int>(forward_response::kNextPageTokenFieldNumber)
                  == static_cast<int>(reverse_response::kNextPageTokenFieldNumber));
    return response_of(got.events, has_token ? &plan.token : nullptr);
  }
  auto& message = plan.message;
  protocol::append_field(message, poll_response::kHistoryFieldNumber, got.events);
  if (has_token)
    protocol::append_field(message, poll_response::kNextPageTokenFieldNumber,
                           plan.token.SerializeAsString());
  if (plan.wrap_field == 0)
    return std::move(message);
  protocol::append_field(plan.prefix, plan.wrap_field, message);
  return std::move(plan.prefix);
}

} // namespace reprise::engine
