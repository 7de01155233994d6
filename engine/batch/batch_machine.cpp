#include "engine/batch/batch_machine.hpp"

#include "engine/machine/api.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/address.hpp"
#include "protocol/batch.pb.h"
#include "protocol/internal_queue.hpp"
#include "protocol/parse_stored.hpp"
#include "temporal/api/batch/v1/message.pb.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace reprise::engine {

namespace {

using batch::BatchState;
using batch::Entry;
using body = cluster::ExecutionRequest;
using request_type = service::StartBatchOperationRequest;

/// Where none is asked for; whoever takes calls says what its own is.
constexpr double default_rate = 50;
constexpr double slowest_rate = 1e-6;
/// Pages a second, as long as they hold enough.
constexpr double pages_a_second = 5;
/// After pages that achieved nothing.
constexpr duration first_pause = std::chrono::seconds{1};
constexpr duration longest_pause = std::chrono::seconds{10};
constexpr int doublings_max = 4;

// -- what a state says
// ------------------------------------------------------------------------------------------

bool is_open(const BatchState& x) {
  return x.state() == enums::BATCH_OPERATION_STATE_RUNNING;
}

double rate_of(const request_type& r) {
  double asked = r.max_operations_per_second();
  return asked > 0 ? std::max(asked, slowest_rate) : default_rate;
}

int targets_max(const BatchState& x) {
  auto wanted = std::clamp(rate_of(x.request()) / pages_a_second, 1.0,
                           static_cast<double>(batch_page_targets_max));
  return static_cast<int>(wanted);
}

/// How long a full page takes at the rate that the batch obeys.
duration page_length(const BatchState& x) {
  std::chrono::duration<double> seconds{targets_max(x) / rate_of(x.request())};
  std::chrono::duration<double> longest{longest_duration};
  return std::chrono::duration_cast<duration>(std::min(seconds, longest));
}

/// A run that was named is one of these, whichever field names it.
std::int64_t named_runs(const request_type& r) {
  return std::max(r.executions_size(), r.target_executions_size());
}

enums::BatchOperationType type_of(const request_type& r) {
  switch (r.operation_case()) {
    case request_type::kTerminationOperation:
      return enums::BATCH_OPERATION_TYPE_TERMINATE_WORKFLOW;
    case request_type::kSignalOperation:
      return enums::BATCH_OPERATION_TYPE_SIGNAL_WORKFLOW;
    case request_type::kCancellationOperation:
      return enums::BATCH_OPERATION_TYPE_CANCEL_WORKFLOW;
    case request_type::kDeletionOperation:
      return enums::BATCH_OPERATION_TYPE_DELETE_WORKFLOW;
    case request_type::kResetOperation:
      return enums::BATCH_OPERATION_TYPE_RESET_WORKFLOW;
    case request_type::kUpdateWorkflowOptionsOperation:
      return enums::BATCH_OPERATION_TYPE_UPDATE_WORKFLOW_EXECUTION_OPTIONS;
    case request_type::kUnpauseActivitiesOperation:
      return enums::BATCH_OPERATION_TYPE_UNPAUSE_ACTIVITY;
    case request_type::kResetActivitiesOperation:
      return enums::BATCH_OPERATION_TYPE_RESET_ACTIVITY;
    case request_type::kUpdateActivityOptionsOperation:
      return enums::BATCH_OPERATION_TYPE_UPDATE_ACTIVITY_OPTIONS;
    default:
      return enums::BATCH_OPERATION_TYPE_UNSPECIFIED;
  }
}

const std::string& identity_of(const request_type& r) {
  switch (r.operation_case()) {
    case request_type::kTerminationOperation:
      return r.termination_operation().identity();
    case request_type::kSignalOperation:
      return r.signal_operation().identity();
    case request_type::kCancellationOperation:
      return r.cancellation_operation().identity();
    case request_type::kDeletionOperation:
      return r.deletion_operation().identity();
    case request_type::kResetOperation:
      return r.reset_operation().identity();
    case request_type::kUpdateWorkflowOptionsOperation:
      return r.update_workflow_options_operation().identity();
    case request_type::kUnpauseActivitiesOperation:
      return r.unpause_activities_operation().identity();
    case request_type::kResetActivitiesOperation:
      return r.reset_activities_operation().identity();
    default:
      return r.update_activity_options_operation().identity();
  }
}

/// As lists of workflows count them: a batch that was stopped was terminated.
int status_of(const BatchState& x) {
  if (is_open(x))
    return enums::WORKFLOW_EXECUTION_STATUS_RUNNING;
  if (x.state() == enums::BATCH_OPERATION_STATE_COMPLETED)
    return enums::WORKFLOW_EXECUTION_STATUS_COMPLETED;
  return x.end_identity().empty() ? enums::WORKFLOW_EXECUTION_STATUS_FAILED
                                  : enums::WORKFLOW_EXECUTION_STATUS_TERMINATED;
}

time_point end_of_stay(const BatchState& x) {
  return from_proto(x.close_time()) + from_proto(x.retention());
}

// -- the fold
// ------------------------------------------------------------------------------------------

void fold_begun(BatchState& x, const batch::Begun& b) {
  x.set_namespace_id(b.namespace_id());
  x.set_id(b.id());
  x.set_run_id(b.run_id());
  *x.mutable_begin_time() = b.begin_time();
  *x.mutable_request() = b.request();
  x.set_start_request_id(b.start_request_id());
  *x.mutable_retention() = b.retention();
  x.set_state(enums::BATCH_OPERATION_STATE_RUNNING);
  x.set_page(1);
  *x.mutable_due_at() = b.begin_time();
  x.set_total(b.total());
}

void fold_reported(BatchState& x, const batch::Reported& r) {
  x.set_done(x.done() + r.done());
  x.set_failed(x.failed() + r.failed());
  x.set_total(std::max({x.total(), r.total(), x.done() + x.failed()}));
  x.set_page(x.page() + 1);
  x.set_plan(r.next_plan());
  x.set_pauses(r.pauses());
  x.clear_offered_at();
  x.clear_due_at();
  if (r.has_next_due_at())
    *x.mutable_due_at() = r.next_due_at();
}

void fold_ended(BatchState& x, const batch::Ended& e) {
  x.set_state(e.state());
  *x.mutable_close_time() = e.time();
  x.set_end_reason(e.reason());
  x.set_end_identity(e.identity());
  if (e.has_retention())
    *x.mutable_retention() = e.retention();
  x.clear_plan();
  x.clear_due_at();
  x.clear_offered_at();
  // What was counted before the first page is an estimate.
  if (e.state() == enums::BATCH_OPERATION_STATE_COMPLETED)
    x.set_total(x.done() + x.failed());
}

void fold(BatchState& x, const Entry& e) {
  if (e.has_begun())
    fold_begun(x, e.begun());
  if (e.has_reported())
    fold_reported(x, e.reported());
  if (e.has_offered_at())
    *x.mutable_offered_at() = e.offered_at();
  if (e.has_ended())
    fold_ended(x, e.ended());
}

// -- decisions
// ------------------------------------------------------------------------------------------

decision refused(error why) {
  decision out{.only_read = true};
  out.reply.now.failure = std::move(why);
  return out;
}

decision answered(std::string response) {
  decision out{.only_read = true};
  out.reply.now.response = std::move(response);
  return out;
}

record row_of(const Entry& e) {
  return {.first_event_id = 1, .facts = e.SerializeAsString()};
}

/// A decision that writes this, and has the run's state be what it says.
decision write(BatchState& x, const Entry& e) {
  decision out;
  fold(x, e);
  out.written = row_of(e);
  out.visibility_changed = e.has_ended();
  return out;
}

cluster::Task task_of(const BatchState& x) {
  cluster::Task out;
  out.set_kind(cluster::Task::ACTIVITY);
  out.set_namespace_id(x.namespace_id());
  out.set_machine(number_of(machine_kind::batch));
  out.set_workflow_id(x.id());
  out.set_run_id(x.run_id());
  out.set_task_queue(std::string{protocol::own_work_queue});
  out.set_scheduled_event_id(x.page());
  *out.mutable_scheduled_time() = x.offered_at();
  return out;
}

std::string order_of(const BatchState& x) {
  batch::Order out;
  out.set_page(x.page());
  out.set_run_id(x.run_id());
  *out.mutable_begin_time() = x.begin_time();
  *out.mutable_request() = x.request();
  out.set_plan(x.plan());
  out.set_targets_max(targets_max(x));
  return out.SerializeAsString();
}

/// An id names one batch, as long as that is known.
decision refuse_second(const BatchState& x) {
  auto of = ". WorkflowId: " + x.id() + ", RunId: " + x.run_id() + ".";
  auto text = is_open(x) ? "Workflow execution is already running" + of
                         : "Workflow execution already finished" + of
                             + " Workflow Id reuse policy: reject duplicate workflow Id.";
  return refused(already_started(std::move(text), x.start_request_id(), x.run_id(), x.run_id()));
}

decision begin(const run_state& run, const asked& q) {
  if (run)
    return refuse_second(run.as<BatchState>());
  Entry e;
  auto& b = *e.mutable_begun();
  b.set_namespace_id(q.request->namespace_id());
  b.set_id(q.request->workflow_id());
  b.set_run_id(q.c.ids.uuid7(q.c.now));
  *b.mutable_begin_time() = to_proto(q.c.now);
  *b.mutable_request() = q.request->start_batch();
  b.set_start_request_id(q.c.ids.uuid4());
  *b.mutable_retention() = to_proto(q.c.ns.retention);
  b.set_total(named_runs(b.request()));
  *e.mutable_offered_at() = b.begin_time();
  BatchState x;
  fold(x, e);
  decision out;
  out.offers.push_back(task_of(x));
  out.successor = begun_run{.state = make_run_state(std::move(x)), .written = row_of(e)};
  out.reply.now.response = service::StartBatchOperationResponse{}.SerializeAsString();
  return out;
}

/// A batch is over; the rest of what is told of its end is the caller's.
batch::Ended& end(Entry& e, enums::BatchOperationState state, const context& c) {
  auto& out = *e.mutable_ended();
  out.set_state(state);
  *out.mutable_time() = to_proto(c.now);
  *out.mutable_retention() = to_proto(c.ns.retention);
  return out;
}

decision stop(BatchState& x, const asked& q) {
  if (!is_open(x))
    return refused(already_completed());
  const auto& r = q.request->stop_batch();
  Entry e;
  auto& ended = end(e, enums::BATCH_OPERATION_STATE_FAILED, q.c);
  ended.set_reason(r.reason());
  ended.set_identity(r.identity().empty() ? server_identity : r.identity());
  auto out = write(x, e);
  out.reply.now.response = service::StopBatchOperationResponse{}.SerializeAsString();
  return out;
}

service::DescribeBatchOperationResponse describe(const BatchState& x) {
  const auto& r = x.request();
  service::DescribeBatchOperationResponse out;
  out.set_operation_type(type_of(r));
  out.set_job_id(x.id());
  out.set_state(x.state());
  *out.mutable_start_time() = x.begin_time();
  if (x.has_close_time())
    *out.mutable_close_time() = x.close_time();
  out.set_total_operation_count(x.total());
  out.set_complete_operation_count(x.done());
  out.set_failure_operation_count(x.failed());
  out.set_identity(identity_of(r));
  out.set_reason(r.reason());
  out.set_query(r.visibility_query());
  *out.mutable_executions() = r.target_executions();
  for (const auto& named : r.executions()) {
    auto& shown = *out.add_executions();
    shown.set_type(enums::EXECUTION_TYPE_WORKFLOW);
    shown.set_business_id(named.workflow_id());
    shown.set_run_id(named.run_id());
  }
  return out;
}

/// When the next page may begin. The first one only looks for runs; one that came to nothing is
/// followed by a pause, unless there are others.
void plan_next(batch::Reported& said, const BatchState& x, bool found_others, time_point now) {
  auto due = now;
  if (x.page() > 1 && (found_others || said.done() + said.failed() > 0)) {
    // From now on where the clock was set back.
    due = std::max(now, std::min(from_proto(x.due_at()), now) + page_length(x));
  } else if (x.page() > 1) {
    said.set_pauses(x.pauses() + 1);
    auto pause = first_pause * (1 << std::min(x.pauses(), doublings_max));
    due = now + std::min(pause, longest_pause);
  }
  *said.mutable_next_due_at() = to_proto(due);
}

/// What became of a page. Of any other than the one that is worked on nothing is taken: somebody
/// else has reported it.
decision report(BatchState& x, const asked& q) {
  const auto& r = q.request->report_batch();
  if (!is_open(x) || !x.has_offered_at())
    return answered({});
  if (r.page() == 0)
    return answered(order_of(x));
  if (r.page() != x.page())
    return answered({});
  Entry e;
  auto& said = *e.mutable_reported();
  said.set_done(r.done());
  said.set_failed(r.failed());
  said.set_total(r.total());
  auto is_last = r.next_page_token().empty() || !r.failure().empty();
  if (is_last) {
    auto state = r.failure().empty() ? enums::BATCH_OPERATION_STATE_COMPLETED
                                     : enums::BATCH_OPERATION_STATE_FAILED;
    end(e, state, q.c).set_reason(r.failure());
    return write(x, e);
  }
  said.set_next_plan(r.next_page_token());
  plan_next(said, x, r.found_others(), q.c.now);
  auto goes_on = from_proto(said.next_due_at()) <= q.c.now;
  if (goes_on)
    *e.mutable_offered_at() = to_proto(q.c.now);
  auto out = write(x, e);
  // Whoever reports does the next page, too.
  if (goes_on)
    out.reply.now.response = order_of(x);
  return out;
}

decision wake(BatchState& x, time_point now) {
  if (!is_open(x)) {
    decision out{.only_read = true};
    out.erase = end_of_stay(x) <= now;
    out.only_read = !out.erase;
    return out;
  }
  auto due = x.has_offered_at() ? from_proto(x.offered_at()) + batch_page_patience
                                : from_proto(x.due_at());
  if (due > now)
    return answered({});
  Entry e;
  *e.mutable_offered_at() = to_proto(now);
  auto out = write(x, e);
  out.offers.push_back(task_of(x));
  return out;
}

decision reoffer(const BatchState& x, const cluster::Reoffer& r) {
  decision out{.only_read = true};
  auto is_meant = !r.only_messages()
                  && (r.task_queue().empty() || r.task_queue() == protocol::own_work_queue);
  if (is_meant && is_open(x) && x.has_offered_at())
    out.offers.push_back(task_of(x));
  return out;
}

decision decide_without_run(const body& request) {
  switch (request.body_case()) {
    case body::kWake:
    case body::kReoffer:
    case body::kReportBatch:
    case body::kDeleteExecution:
      return answered({});
    default:
      return refused(workflow_not_found(request.workflow_id(), {}));
  }
}

class batch_machine final : public machine {
public:
  constexpr batch_machine() = default;

  machine_kind kind() const noexcept override {
    return machine_kind::batch;
  }

  bool begins(const body& request) const override {
    return request.has_start_batch();
  }

  const std::string& run_of(const body& request) const override {
    return request.run_id();
  }

  std::optional<error> refusal(const body&) const override {
    return std::nullopt;
  }

  decision decide(run_state& run, session_ptr&, const asked& q) const override {
    if (q.request->has_start_batch())
      return begin(run, q);
    if (!run)
      return decide_without_run(*q.request);
    auto& x = run.as<BatchState>();
    switch (q.request->body_case()) {
      case body::kStopBatch:
        return stop(x, q);
      case body::kDescribeBatch:
        return answered(describe(x).SerializeAsString());
      case body::kReportBatch:
        return report(x, q);
      case body::kWake:
        return wake(x, q.c.now);
      case body::kReoffer:
        return reoffer(x, q.request->reoffer());
      case body::kDeleteExecution: {
        decision out;
        out.erase = true;
        return out;
      }
      default:
        // That it is here says it all.
        return answered({});
    }
  }

  run_state make_state() const override {
    return make_run_state(BatchState{});
  }

  std::size_t least_bytes() const noexcept override {
    return sizeof(BatchState);
  }

  bool evolve(run_state& run, const record& row) const override {
    Entry e;
    if (!protocol::parse_stored(e, row.facts))
      return false;
    fold(run.as<BatchState>(), e);
    return true;
  }

  standing standing_of(const run_state& run) const override {
    const auto& x = run.as<BatchState>();
    return {.namespace_id = x.namespace_id(),
            .id = x.id(),
            .run_id = x.run_id(),
            .status = status_of(x),
            .open = is_open(x)};
  }

  std::optional<time_point> next_deadline(const run_state& run) const override {
    const auto& x = run.as<BatchState>();
    if (!is_open(x))
      return end_of_stay(x);
    return x.has_offered_at() ? from_proto(x.offered_at()) + batch_page_patience
                              : from_proto(x.due_at());
  }

  std::optional<time_point> undelivered_since(const run_state& run) const override {
    const auto& x = run.as<BatchState>();
    return is_open(x) && x.has_offered_at() ? std::optional{from_proto(x.offered_at())}
                                            : std::nullopt;
  }

  std::vector<cluster::Task> undelivered_tasks(const run_state& run, time_point) const override {
    const auto& x = run.as<BatchState>();
    return undelivered_since(run) ? std::vector{task_of(x)} : std::vector<cluster::Task>{};
  }

  listing list(const run_state& run, const protocol::search_attribute_types&) const override {
    const auto& x = run.as<BatchState>();
    listing out{.type = "batch", .status = status_of(x)};
    out.start_time = from_proto(x.begin_time());
    out.execution_time = out.start_time;
    api::batch::v1::BatchOperationInfo info;
    info.set_job_id(x.id());
    info.set_state(x.state());
    *info.mutable_start_time() = x.begin_time();
    info.set_operation_type(type_of(x.request()));
    if (x.has_close_time()) {
      out.close_time = from_proto(x.close_time());
      *info.mutable_close_time() = x.close_time();
    }
    out.info = info.SerializeAsString();
    return out;
  }
};

} // namespace

const machine& the_batch_machine() noexcept {
  static constinit const batch_machine instance;
  return instance;
}

} // namespace reprise::engine
