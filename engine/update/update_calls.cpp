// Calls that bring updates, and that wait for them. What they need of the run is read only; what
// they leave is the session's.

#include "engine/update/update_calls.hpp"

#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/task/speculative.hpp"
#include "engine/update/update.hpp"
#include "engine/workflow/workflow.hpp"
#include "protocol/multi_operation.hpp"
#include "temporal/api/errordetails/v1/message.pb.h"

namespace reprise::engine {

namespace {

namespace details = temporal::api::errordetails::v1;

constexpr auto admitted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED;
constexpr auto accepted = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED;
constexpr auto completed = enums::UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED;

error in_flight_full(const std::string& text) {
  details::ResourceExhaustedFailure detail;
  detail.set_cause(enums::RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT);
  detail.set_scope(enums::RESOURCE_EXHAUSTED_SCOPE_NAMESPACE);
  return with_detail(errc::resource_exhausted, text, detail);
}

/// Why the open run takes no updates now, whether or not it knows this one.
std::optional<error> refusal(const execution& x) {
  constexpr std::int32_t failing_attempt = 3;
  if (x.workflow_task().attempt() >= failing_attempt)
    return with_detail(
      errc::failed_precondition,
      "Unable to perform workflow execution update due to Workflow Task in failed state.",
      details::WorkflowNotReadyFailure{});
  if (x.header().close_attempted() && x.workflow_task().started_event_id() != 0)
    return workflow_closing();
  return std::nullopt;
}

/// Why it takes no more of them.
std::optional<error> is_full(const execution& x, const update_registry& held,
                             const update_call& call, const context& c) {
  const auto& run_id = x.created().run_id();
  const auto& bounds = c.bounds;
  if (held.pending(run_id) + open_updates(x) >= bounds.updates_in_flight_max)
    return in_flight_full("limit on number of concurrent in-flight updates has been reached ("
                          + std::to_string(bounds.updates_in_flight_max) + ")");
  if (held.pending(run_id) + x.updates().size() >= bounds.updates_max)
    return make_error(errc::failed_precondition, too_many_updates(bounds.updates_max));
  if (held.pending_bytes(run_id) + call.update()->ByteSizeLong() >= bounds.update_bytes_max)
    return in_flight_full("limit on total payload size of in-flight updates has been reached ("
                          + std::to_string(bounds.update_bytes_max) + " bytes)");
  return std::nullopt;
}

/// One call on one run.
class asker {
public:
  asker(const execution& x, workflow_session& held, const asked& q)
    : x_(x), held_(held), q_(q), call_(q.request) {
    out_.only_read = true;
  }

  const std::string& id() const {
    return call_.update_id();
  }

  bool is_poll() const {
    return call_.update() == nullptr;
  }

  decision refuse(error why) && {
    out_.reply.now.failure = call_.refusal(std::move(why), x_.created().run_id());
    return std::move(out_);
  }

  /// What the run, or the session, knows of the update; nothing: it is unknown.
  std::optional<decision> known() &&;
  decision admit() &&;

private:
  decision wait(update_stage reached);
  void ask_worker();

  const execution& x_;
  workflow_session& held_;
  const asked& q_;
  update_call call_;
  decision out_;
};

std::optional<decision> asker::known() && {
  const auto& run_id = x_.created().run_id();
  if (held_.updates.find(run_id, id()) != nullptr)
    return wait(admitted);
  if (held_.updates.was_aborted(run_id, id()))
    return std::move(*this).refuse(not_found(protocol::aborted_by_close));
  auto found = x_.updates().find(id());
  if (found == x_.updates().end())
    return std::nullopt;
  const auto& u = found->second;
  if (u.completed_event_id() != 0) {
    out_.reply.page = call_.answer_from(x_, u.completed_event_id());
    return std::move(out_);
  }
  auto was_accepted = u.accepted_event_id() != 0;
  if (!was_accepted && (!is_open(x_) || held_.updates.was_rejected(run_id, id())))
    return std::nullopt;
  if (is_open(x_))
    return wait(was_accepted ? accepted : admitted);
  auto outcome = closed_before_completion();
  out_.reply.now = call_.answer(x_, completed, &outcome);
  return std::move(out_);
}

decision asker::wait(update_stage reached) {
  if (reached >= call_.wanted()) {
    out_.reply.now = call_.answer(x_, reached);
    return std::move(out_);
  }
  auto until = call_.wait_until(q_.c.now);
  held_.updates.wait(x_, q_.caller, std::move(call_), reached, until);
  out_.caller_stays = true;
  return std::move(out_);
}

/// A task that is there already asks for it, or the one that follows.
void asker::ask_worker() {
  if (x_.workflow_task().scheduled_event_id() != 0 || held_.task || held_back(x_))
    return;
  held_.task = speculative_task{.run_id = x_.created().run_id(),
                                .task = make_speculative_task(x_, q_.c)};
  out_.offers.push_back(speculative_offer(x_, held_.task->task));
}

decision asker::admit() && {
  if (auto full = is_full(x_, held_.updates, call_, q_.c))
    return std::move(*this).refuse(std::move(*full));
  held_.updates.admit(x_, call_);
  ask_worker();
  return wait(admitted);
}

/// The open run takes the update, or knows it already.
decision take(const execution& x, workflow_session& held, const asked& q) {
  if (auto why = refusal(x))
    return asker{x, held, q}.refuse(std::move(*why));
  if (auto known = asker{x, held, q}.known())
    return std::move(*known);
  return asker{x, held, q}.admit();
}

bool is_completed(const execution& x, const std::string& id) {
  auto known = x.updates().find(id);
  return known != x.updates().end() && known->second.completed_event_id() != 0;
}

} // namespace

decision decide_update(const execution& x, workflow_session& held, const asked& q) {
  asker asks{x, held, q};
  if (asks.is_poll()) {
    if (auto known = asker{x, held, q}.known())
      return std::move(*known);
    return std::move(asks).refuse(not_found("update \"" + asks.id() + "\" not found"));
  }
  if (!is_of_chain(x, q.request->update().first_execution_run_id()))
    return std::move(asks).refuse(not_found("workflow execution not found"));
  if (is_open(x))
    return take(x, held, q);
  if (auto known = asker{x, held, q}.known())
    return std::move(*known);
  return std::move(asks).refuse(already_completed());
}

std::optional<decision> update_existing(const execution& x, workflow_session& held,
                                        const asked& q) {
  const auto& start = q.request->update_with_start().operations(0).start_workflow();
  asker asks{x, held, q};
  if (is_completed(x, asks.id()))
    return std::move(asks).known();
  if (!is_open(x))
    return std::nullopt;
  const auto& run_id = x.created().run_id();
  auto is_repeated = start.request_id() == x.created().start_request_id();
  auto is_known = held.updates.find(run_id, asks.id()) != nullptr
                  || x.updates().contains(asks.id());
  auto uses_it = start.workflow_id_conflict_policy()
                 == enums::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING;
  if (is_repeated || is_known || uses_it)
    return take(x, held, q);
  return std::nullopt;
}

cluster::ExecutionRequest start_of(const cluster::ExecutionRequest& update_with_start) {
  cluster::ExecutionRequest out;
  out.set_namespace_id(update_with_start.namespace_id());
  out.set_namespace_name(update_with_start.namespace_name());
  out.set_workflow_id(update_with_start.workflow_id());
  out.set_machine(update_with_start.machine());
  *out.mutable_start() = update_with_start.update_with_start().operations(0).start_workflow();
  return out;
}

void follow_start(decision& out, const execution* begun, workflow_session& held, const asked& q) {
  auto start = std::exchange(out.reply, {});
  if (start.now.failure) {
    out.reply.now.failure = update_call::start_refusal(*start.now.failure);
    return;
  }
  update_call call{q.request};
  if (begun == nullptr) {
    // The start is one that was answered before, by a run that is over: there is nothing to update.
    out.reply.now.failure = update_call::start_refusal(
      make_error(errc::unavailable, "Workflow was not started: StartDeduped"));
    return;
  }
  call.note_began(begun->created().run_id());
  held.updates.admit(*begun, call);
  auto until = call.wait_until(q.c.now);
  held.updates.wait(*begun, q.caller, std::move(call), admitted, until);
  out.caller_stays = true;
}

} // namespace reprise::engine
