#include "tests/crash/load/worker.hpp"

namespace reprise::crash {

namespace service = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;

namespace {

constexpr auto poll_patience = std::chrono::seconds{4};
constexpr auto pause_between_tries = std::chrono::milliseconds{10};
constexpr int sticky_timeout_ms = 500;

/// Calls until the server has said something definite, or the load ends.
template <class Response>
result<Response> insist(transport& to, const std::stop_token& stop, const std::string& method,
                        const google::protobuf::MessageLite& request) {
  while (true) {
    auto answer = ask<Response>(to, method, request);
    if (answer || !may_have_happened(answer.error()) || stop.stop_requested())
      return answer;
    std::this_thread::sleep_for(pause_between_tries);
  }
}

} // namespace

worker::worker(transport& to, ledger& book, options how)
  : to_(to), book_(book), how_(std::move(how)) {
  threads_.emplace_back([this](const std::stop_token& s) { poll_workflow_tasks(s, false); });
  threads_.emplace_back([this](const std::stop_token& s) { poll_activities(s); });
  if (how_.sticky)
    threads_.emplace_back([this](const std::stop_token& s) { poll_workflow_tasks(s, true); });
}

void worker::poll_workflow_tasks(const std::stop_token& stop, bool own_queue) {
  service::PollWorkflowTaskQueueRequest request;
  request.set_namespace_("default");
  request.set_identity(how_.identity);
  auto& queue = *request.mutable_task_queue();
  queue.set_name(order_queue);
  if (own_queue) {
    queue.set_name(how_.identity);
    queue.set_kind(enums::TASK_QUEUE_KIND_STICKY);
    queue.set_normal_name(order_queue);
  }
  while (!stop.stop_requested()) {
    auto polled = ask<task>(to_, "PollWorkflowTaskQueue", request, poll_patience);
    if (!polled) {
      if (!may_have_happened(polled.error()))
        book_.wrong("a poll for workflow tasks was refused: " + polled.error().message);
      std::this_thread::sleep_for(pause_between_tries);
    } else if (!polled->task_token().empty()) {
      work(stop, std::move(*polled));
    }
  }
}

void worker::work(const std::stop_token& stop, task t) {
  while (!t.task_token().empty()) {
    auto run_id = t.workflow_execution().run_id();
    auto id = t.workflow_execution().workflow_id();
    auto events = history_of(t);
    if (!events)
      return;
    book_.saw(id, *events);
    auto request = completion_of(t, *events);
    auto answer = insist<service::RespondWorkflowTaskCompletedResponse>(
      to_, stop, "RespondWorkflowTaskCompleted", request);
    if (!answer) {
      // Done by a try whose answer was lost, or too late: the history tells which.
      if (answer.error().code != errc::not_found && !may_have_happened(answer.error()))
        book_.wrong(id + ": a completion was refused: " + answer.error().message);
      return;
    }
    book_.task_acknowledged(id, t.started_event_id());
    if (how_.sticky) {
      std::lock_guard lock{mutex_};
      cache_[run_id] = std::move(*events);
      for (const auto& c : request.commands())
        if (c.command_type() == enums::COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
          cache_.erase(run_id);
    }
    for (const auto& eager : answer->activity_tasks())
      run(stop, eager);
    t = std::move(*answer->mutable_workflow_task());
  }
}

std::optional<std::vector<history_event>> worker::history_of(const task& t) {
  std::vector<history_event> events;
  auto is_partial = t.history().events_size() > 0 && t.history().events(0).event_id() > 1;
  {
    std::lock_guard lock{mutex_};
    auto cached = cache_.find(t.workflow_execution().run_id());
    if (cached != cache_.end()) {
      if (is_partial)
        events = std::move(cached->second);
      cache_.erase(cached);
    }
  }
  for (const auto& e : t.history().events()) {
    if (e.event_id() != static_cast<std::int64_t>(events.size() + 1))
      return read_history(t);
    events.push_back(e);
  }
  if (!t.next_page_token().empty() || events.empty()
      || events.back().event_id() != t.started_event_id())
    return read_history(t);
  return events;
}

std::optional<std::vector<history_event>> worker::read_history(const task& t) {
  service::GetWorkflowExecutionHistoryRequest request;
  request.set_namespace_("default");
  *request.mutable_execution() = t.workflow_execution();
  auto answer = ask<service::GetWorkflowExecutionHistoryResponse>(
    to_, "GetWorkflowExecutionHistory", request);
  // The server died in between, or the task is over: what was handed out is worth nothing.
  if (!answer || answer->history().events_size() < t.started_event_id())
    return std::nullopt;
  const auto& all = answer->history().events();
  const auto& last = all[static_cast<int>(t.started_event_id()) - 1];
  if (last.event_type() != enums::EVENT_TYPE_WORKFLOW_TASK_STARTED)
    return std::nullopt;
  return std::vector<history_event>{all.begin(), all.begin() + t.started_event_id()};
}

worker::completion worker::completion_of(const task& t,
                                         std::span<const history_event> events) const {
  completion c;
  c.set_namespace_("default");
  c.set_identity(how_.identity);
  c.set_task_token(t.task_token());
  c.set_return_new_workflow_task(how_.chained);
  for (auto& next : next_commands(events))
    *c.add_commands() = std::move(next);
  if (how_.sticky) {
    auto& sticky = *c.mutable_sticky_attributes();
    sticky.mutable_worker_task_queue()->set_name(how_.identity);
    sticky.mutable_worker_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
    sticky.mutable_worker_task_queue()->set_normal_name(order_queue);
    sticky.mutable_schedule_to_start_timeout()->set_nanos(sticky_timeout_ms * 1'000'000);
  }
  return c;
}

void worker::poll_activities(const std::stop_token& stop) {
  service::PollActivityTaskQueueRequest request;
  request.set_namespace_("default");
  request.set_identity(how_.identity);
  request.mutable_task_queue()->set_name(order_queue);
  while (!stop.stop_requested()) {
    auto polled = ask<activity_task>(to_, "PollActivityTaskQueue", request, poll_patience);
    if (!polled) {
      if (!may_have_happened(polled.error()))
        book_.wrong("a poll for activities was refused: " + polled.error().message);
      std::this_thread::sleep_for(pause_between_tries);
    } else if (!polled->task_token().empty()) {
      run(stop, *polled);
    }
  }
}

void worker::run(const std::stop_token& stop, const activity_task& t) {
  const auto& id = t.workflow_execution().workflow_id();
  book_.activity_handed_out(id, t.activity_id(), t.attempt());
  auto outcome = run_activity(t.activity_id(), text_of(t.input()), t.attempt());
  if (!outcome) {
    service::RespondActivityTaskFailedRequest request;
    request.set_namespace_("default");
    request.set_identity(how_.identity);
    request.set_task_token(t.task_token());
    request.mutable_failure()->set_message("the first attempt always fails");
    request.mutable_failure()->mutable_application_failure_info()->set_type("first attempt");
    auto answer = insist<service::RespondActivityTaskFailedResponse>(
      to_, stop, "RespondActivityTaskFailed", request);
    if (!answer && answer.error().code != errc::not_found && !may_have_happened(answer.error()))
      book_.wrong(id + ": a failure was refused: " + answer.error().message);
    return;
  }
  service::RespondActivityTaskCompletedRequest request;
  request.set_namespace_("default");
  request.set_identity(how_.identity);
  request.set_task_token(t.task_token());
  set_text(*request.mutable_result(), *outcome);
  auto answer = insist<service::RespondActivityTaskCompletedResponse>(
    to_, stop, "RespondActivityTaskCompleted", request);
  if (answer)
    book_.activity_acknowledged(id, t.activity_id(), *outcome);
  else if (answer.error().code != errc::not_found && !may_have_happened(answer.error()))
    book_.wrong(id + ": a result was refused: " + answer.error().message);
}

} // namespace reprise::crash
