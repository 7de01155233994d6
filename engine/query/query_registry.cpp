#include "engine/query/query_registry.hpp"

#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/headers.hpp"
#include "temporal/api/enums/v1/query.pb.h"
#include "temporal/api/enums/v1/task_queue.pb.h"
#include "temporal/api/errordetails/v1/message.pb.h"

#include <algorithm>
#include <charconv>

namespace reprise::engine {

namespace {

namespace api = temporal::api;
namespace enums = temporal::api::enums::v1;
namespace service = temporal::api::workflowservice::v1;
namespace details = temporal::api::errordetails::v1;

constexpr const char* too_large_text = "Blob data size exceeds limit.";
constexpr int running = 1;
constexpr int completed = 2;

error not_ready(std::string text) {
  return with_detail(errc::failed_precondition, std::move(text),
                     details::WorkflowNotReadyFailure{});
}

error buffer_full() {
  details::ResourceExhaustedFailure detail;
  detail.set_cause(enums::RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW);
  detail.set_scope(enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  return with_detail(errc::resource_exhausted,
                     "consistent query buffer is full, this may be caused by too many queries and "
                     "workflow not able to process query fast enough",
                     detail);
}

error gave_way() {
  details::ResourceExhaustedFailure detail;
  detail.set_cause(enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT);
  detail.set_scope(enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  return with_detail(errc::resource_exhausted,
                     "too many queries wait for a worker of this task queue", detail);
}

error timed_out() {
  return make_error(errc::deadline_exceeded, "query timed out before a worker could process it");
}

/// The caller's deadline, a little early so that our words reach the caller before it gives up. It
/// is written to the request: an execution that dies leaves the query to the next one, for which
/// the same deadline holds.
time_point expiry(cluster::ExecutionRequest& request, time_point now) {
  constexpr duration margin_max = std::chrono::milliseconds{500};
  auto& said = (*request.mutable_headers())[std::string{protocol::deadline_header}];
  auto ends = now + query_registry::wait_default;
  std::int64_t ns = 0;
  if (std::from_chars(said.data(), said.data() + said.size(), ns).ec == std::errc{} && ns > 0)
    ends = time_point{duration{ns}};
  ends = std::min(ends, now + query_registry::wait_max);
  said = std::to_string(ends.time_since_epoch().count());
  return ends - std::clamp((ends - now) / 10, duration{0}, margin_max);
}

void set_link(service::QueryWorkflowResponse& out, const cluster::ExecutionRequest& request,
              const std::string& run_id, const char* reason) {
  auto& link = *out.mutable_link()->mutable_workflow();
  link.set_namespace_(request.namespace_name());
  link.set_workflow_id(request.workflow_id());
  link.set_run_id(run_id);
  link.set_reason(reason);
}

/// `result`: null when the worker had nothing to say.
told answered(const cluster::ExecutionRequest& asked, const std::string& run_id,
              const api::common::v1::Payloads* result) {
  service::QueryWorkflowResponse out;
  if (result != nullptr)
    *out.mutable_query_result() = *result;
  set_link(out, asked, run_id, "Query processed");
  return {.response = out.SerializeAsString()};
}

told failed(const std::string& message, bool has_failure,
            const api::failure::v1::Failure& failure) {
  details::QueryFailedFailure detail;
  if (has_failure)
    *detail.mutable_failure() = failure;
  return {.failure = with_detail(errc::invalid_argument, message, detail)};
}

bool rejected(int condition, int status) {
  switch (condition) {
    case enums::QUERY_REJECT_CONDITION_NOT_OPEN:
      return status != running;
    case enums::QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY:
      return status != running && status != completed;
    default:
      return false;
  }
}

bool had_task(const execution& x) {
  return x.last_completed_event_id() > 0 || x.previous_started_event_id() > 0;
}

const journal::WorkflowTaskState& task_of(const execution& x,
                                          const journal::WorkflowTaskState* unwritten) {
  return unwritten != nullptr ? *unwritten : x.workflow_task();
}

bool is_pending(const execution& x, const journal::WorkflowTaskState& task) {
  return is_open(x) && task.scheduled_event_id() != 0;
}

/// An answer that says neither this nor that is none: the query is asked again.
bool is_answer(const temporal::api::query::v1::WorkflowQueryResult& r) {
  if (r.result_type() == enums::QUERY_RESULT_TYPE_ANSWERED)
    return r.has_answer() && r.error_message().empty();
  return r.result_type() == enums::QUERY_RESULT_TYPE_FAILED && !r.has_answer()
         && !r.error_message().empty();
}

/// Why no query of the run can be answered, whatever waits; nothing when one can or may be.
std::optional<error> refusal(const execution& x, const journal::WorkflowTaskState& task) {
  constexpr std::int32_t failing_attempt = 3;
  if (!is_open(x))
    return had_task(x) ? std::nullopt
                       : std::optional{
                           not_ready("Workflow execution closed before WorkflowTaskStarted event")};
  if (is_pending(x, task) && task.attempt() >= failing_attempt)
    return not_ready("Unable to query workflow due to Workflow Task in failed state.");
  return std::nullopt;
}

} // namespace

std::optional<time_point> query_registry::next_deadline() const {
  std::optional<time_point> next;
  for (const auto& q : queries_) {
    auto at = q.sticky_until ? std::min(*q.sticky_until, q.expires) : q.expires;
    next = next ? std::min(*next, at) : at;
  }
  return next;
}

query_registry::query* query_registry::find(const std::string& id) {
  auto found = std::find_if(queries_.begin(), queries_.end(),
                            [&](const query& q) { return q.id == id; });
  return found == queries_.end() ? nullptr : &*found;
}

std::size_t query_registry::buffered_of(const std::string& run_id) const {
  return static_cast<std::size_t>(
    std::count_if(queries_.begin(), queries_.end(), [&](const query& q) {
      return q.run_id == run_id && (q.is == query::phase::buffered || q.is == query::phase::riding);
    }));
}

query_step query_registry::on_query(caller_number from,
                                    std::shared_ptr<cluster::ExecutionRequest> request,
                                    const execution& x, id_source& ids, time_point now,
                                    const journal::WorkflowTaskState* unwritten) {
  query_step out;
  const auto& task = task_of(x, unwritten);
  auto refuse = [&](error why) { out.replies.push_back({from, {.failure = std::move(why)}}); };
  const auto& run_id = x.created().run_id();
  if (rejected(request->query().query_reject_condition(), x.status())) {
    service::QueryWorkflowResponse response;
    response.mutable_query_rejected()->set_status(x.status());
    set_link(response, *request, run_id, "Query rejected");
    out.replies.push_back({from, {.response = response.SerializeAsString()}});
    return out;
  }
  if (auto why = refusal(x, task)) {
    refuse(std::move(*why));
    return out;
  }
  auto expires = expiry(*request, now);
  if (expires <= now) {
    refuse(timed_out());
    return out;
  }
  auto direct = !is_pending(x, task) && had_task(x);
  if (!direct && !is_pending(x, task) && x.created().has_first_task_at()
      && from_proto(x.created().first_task_at()) >= expires) {
    refuse(not_ready("Workflow task is not scheduled yet."));
    return out;
  }
  if (queries_.size() >= bounds_.queries_max
      || (!direct && buffered_of(run_id) >= bounds_.queries_buffered_max)) {
    refuse(buffer_full());
    out.full = true;
    return out;
  }
  query q{.id = ids.uuid7(now),
          .run_id = run_id,
          .caller = from,
          .request = std::move(request),
          .expires = expires};
  if (direct)
    go_direct(q, x, now, out);
  queries_.push_back(std::move(q));
  return out;
}

void query_registry::go_direct(query& q, const execution& x, time_point now, query_step& out) {
  q.is = query::phase::offered;
  q.normal_queue = x.started().task_queue().name();
  cluster::Task task;
  task.set_kind(cluster::Task::QUERY);
  task.set_namespace_id(x.created().namespace_id());
  task.set_workflow_id(x.created().workflow_id());
  task.set_run_id(q.run_id);
  task.set_query_id(q.id);
  task.set_attempt(1);
  task.set_priority(x.priority().priority_key());
  *task.mutable_scheduled_time() = to_proto(now);
  *task.mutable_expires_at() = to_proto(q.expires);
  auto sticky = is_open(x) && x.has_sticky() && !x.sticky().task_queue().name().empty();
  task.set_sticky(sticky);
  task.set_task_queue(sticky ? x.sticky().task_queue().name() : q.normal_queue);
  if (sticky)
    q.sticky_until = now + from_proto(x.sticky().schedule_to_start_timeout());
  q.task = task;
  out.offers.push_back(std::move(task));
}

void query_registry::go_normal(query& q, query_step& out) {
  q.sticky_until.reset();
  q.task.set_sticky(false);
  q.task.set_task_queue(q.normal_queue);
  out.offers.push_back(q.task);
}

std::string query_registry::on_workflow_task_started(const execution& x,
                                                     const journal::WorkflowTaskState* unwritten) {
  service::PollWorkflowTaskQueueResponse out;
  const auto& task = task_of(x, unwritten);
  for (auto& q : queries_) {
    if (q.run_id != x.created().run_id() || q.is != query::phase::buffered)
      continue;
    q.is = query::phase::riding;
    q.task_scheduled_id = task.scheduled_event_id();
    q.task_start_id = task.start_id();
    (*out.mutable_queries())[q.id] = q.request->query().query();
  }
  return out.SerializeAsString();
}

bool query_registry::settle(query& q, const execution& x, const journal::WorkflowTaskState& task,
                            time_point now, query_step& out) {
  if (q.is == query::phase::riding) {
    auto same = is_pending(x, task) && task.scheduled_event_id() == q.task_scheduled_id
                && task.start_id() == q.task_start_id && task.started_event_id() != 0;
    if (same)
      return true;
    q.is = query::phase::buffered;
  }
  if (q.is != query::phase::buffered)
    return true;
  if (auto why = refusal(x, task)) {
    out.replies.push_back({q.caller, {.failure = std::move(*why)}});
    return false;
  }
  if (!is_pending(x, task) && had_task(x))
    go_direct(q, x, now, out);
  return true;
}

told query_registry::answer_to(const query& q,
                               const temporal::api::query::v1::WorkflowQueryResult& r) const {
  if (r.result_type() != enums::QUERY_RESULT_TYPE_ANSWERED)
    return failed(r.error_message(), r.has_failure(), r.failure());
  if (r.answer().ByteSizeLong() > bounds_.query_answer_bytes_max)
    return {.failure = invalid_argument(too_large_text)};
  return answered(*q.request, q.run_id, &r.answer());
}

query_step query_registry::on_step(const execution& x,
                                   const service::RespondWorkflowTaskCompletedRequest* done,
                                   time_point now, const journal::WorkflowTaskState* unwritten) {
  query_step out;
  const auto& task = task_of(x, unwritten);
  std::erase_if(queries_, [&](query& q) {
    if (q.run_id != x.created().run_id())
      return false;
    if (done != nullptr && q.is == query::phase::riding) {
      if (auto found = done->query_results().find(q.id);
          found != done->query_results().end() && is_answer(found->second)) {
        out.replies.push_back({q.caller, answer_to(q, found->second)});
        return true;
      }
    }
    return !settle(q, x, task, now, out);
  });
  return out;
}

query_step query_registry::on_erased(const execution& x) {
  query_step out;
  std::erase_if(queries_, [&](const query& q) {
    if (q.run_id != x.created().run_id())
      return false;
    auto why = workflow_not_found(x.created().workflow_id(), q.run_id);
    out.replies.push_back({q.caller, {.failure = std::move(why)}});
    return true;
  });
  return out;
}

std::optional<history_splice> query_registry::on_query_task_started(const cluster::StartTask& start,
                                                                    const execution& x) {
  auto* q = find(start.task().query_id());
  // A task that moved to the normal queue is not to be had on the sticky one any more.
  if (q == nullptr || q->is != query::phase::offered || q->run_id != x.created().run_id()
      || q->task.task_queue() != start.task().task_queue())
    return std::nullopt;
  q->is = query::phase::started;
  q->sticky_until.reset();
  cluster::TaskToken token;
  token.set_kind(cluster::TaskToken::QUERY);
  token.set_namespace_id(x.created().namespace_id());
  token.set_workflow_id(x.created().workflow_id());
  token.set_run_id(q->run_id);
  token.set_query_id(q->id);
  token.set_task_queue(q->task.task_queue());
  service::PollWorkflowTaskQueueResponse out;
  out.set_task_token(token.SerializeAsString());
  out.mutable_workflow_execution()->set_workflow_id(x.created().workflow_id());
  out.mutable_workflow_execution()->set_run_id(q->run_id);
  *out.mutable_workflow_type() = x.started().workflow_type();
  out.set_previous_started_event_id(x.previous_started_event_id());
  out.set_attempt(1);
  out.set_backlog_count_hint(start.backlog_count_hint());
  *out.mutable_query() = q->request->query().query();
  out.mutable_workflow_execution_task_queue()->set_name(x.started().task_queue().name());
  out.mutable_workflow_execution_task_queue()->set_kind(enums::TASK_QUEUE_KIND_NORMAL);
  history_splice splice;
  splice.message = out.SerializeAsString();
  // The sticky worker has the history in its cache.
  splice.last_event_id = q->task.sticky() ? 0 : x.next_event_id() - 1;
  return splice;
}

query_step query_registry::on_task_returned(const std::string& query_id) {
  query_step out;
  auto* q = find(query_id);
  if (q == nullptr || q->is != query::phase::started)
    return out;
  q->is = query::phase::offered;
  go_normal(*q, out);
  return out;
}

result<query_step> query_registry::on_answer(const cluster::ExecutionRequest& request) {
  auto* q = find(request.token().query_id());
  if (q == nullptr || q->is != query::phase::started)
    return not_found("query task not found, or already expired");
  const auto& r = request.complete_query();
  query_step out;
  switch (r.completed_type()) {
    case enums::QUERY_RESULT_TYPE_ANSWERED:
      out.replies.push_back(
        {q->caller,
         r.query_result().ByteSizeLong() > bounds_.query_answer_bytes_max
           ? failed(too_large_text, false, {})
           : answered(*q->request, q->run_id, r.has_query_result() ? &r.query_result() : nullptr)});
      break;
    case enums::QUERY_RESULT_TYPE_FAILED:
      out.replies.push_back({q->caller, failed(r.error_message(), r.has_failure(), r.failure())});
      break;
    default:
      return invalid_argument("Invalid query result type.");
  }
  std::erase_if(queries_, [q](const query& other) { return &other == q; });
  return out;
}

query_step query_registry::on_sticky_unavailable(const std::string& sticky_queue) {
  query_step out;
  for (auto& q : queries_)
    if (q.is == query::phase::offered && q.task.sticky() && q.task.task_queue() == sticky_queue)
      go_normal(q, out);
  return out;
}

query_step query_registry::on_queue_lost(const std::string& queue) const {
  query_step out;
  for (const auto& q : queries_)
    if (q.is == query::phase::offered && (queue.empty() || q.task.task_queue() == queue))
      out.offers.push_back(q.task);
  return out;
}

query_step query_registry::on_gave_way(const cluster::RefuseQuery& refused) {
  query_step out;
  auto* q = find(refused.query_id());
  // One that moved to the normal queue waits there.
  if (q == nullptr || q->is != query::phase::offered
      || q->task.task_queue() != refused.task_queue())
    return out;
  out.replies.push_back({q->caller, {.failure = gave_way()}});
  std::erase_if(queries_, [q](const query& other) { return &other == q; });
  return out;
}

void query_registry::drop(caller_number caller) {
  std::erase_if(queries_, [&](const query& q) { return q.caller == caller; });
}

query_step query_registry::expire(time_point now,
                                  const std::function<bool(const std::string&)>& polled_recently) {
  query_step out;
  std::erase_if(queries_, [&](query& q) {
    if (q.expires <= now) {
      auto unseen = q.is == query::phase::offered && !polled_recently(q.normal_queue);
      auto why = unseen ? make_error(errc::failed_precondition,
                                     "no poller seen for task queue recently, worker may be down")
                        : timed_out();
      out.replies.push_back({q.caller, {.failure = std::move(why)}});
      return true;
    }
    if (q.is == query::phase::offered && q.sticky_until && *q.sticky_until <= now) {
      out.lost_sticky_queue = q.task.task_queue();
      go_normal(q, out);
    }
    return false;
  });
  return out;
}

} // namespace reprise::engine
