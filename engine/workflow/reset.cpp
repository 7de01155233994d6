// ResetWorkflowExecution: a new run that begins with the events of another one up to a workflow
// task, and goes on from there. The run that is current until then ends; what came to it from
// outside since that task is told to the new run again.

#include "engine/workflow/reset.hpp"

#include "base/ensure.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/version.hpp"
#include "engine/outbox/outbox.hpp"
#include "engine/task/task.hpp"
#include "engine/workflow/bequest.hpp"
#include "engine/workflow/versioning.hpp"
#include "engine/workflow/workflow.hpp"

#include <algorithm>
#include <iterator>

namespace reprise::engine {

namespace {

/// Of the start of a task that nobody started.
constexpr const char* no_request = "emptyUuid";

bool had_task(const execution& x) {
  return x.workflow_task().scheduled_event_id() != 0 || x.previous_started_event_id() != 0;
}

/// The older field names what is taken over, the newer one what is not.
std::set<int> left_out_of(const reset_request& r) {
  std::set<int> out(r.reset_reapply_exclude_types().begin(), r.reset_reapply_exclude_types().end());
  out.erase(enums::RESET_REAPPLY_EXCLUDE_TYPE_UNSPECIFIED);
  if (r.reset_reapply_type() == enums::RESET_REAPPLY_TYPE_NONE)
    out.insert(enums::RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL);
  if (r.reset_reapply_type() == enums::RESET_REAPPLY_TYPE_NONE
      || r.reset_reapply_type() == enums::RESET_REAPPLY_TYPE_SIGNAL)
    out.insert(enums::RESET_REAPPLY_EXCLUDE_TYPE_UPDATE);
  return out;
}

/// The clocks of run and chain begin anew.
void set_deadlines(journal::RunCreated& created,
                   const api::history::v1::WorkflowExecutionStartedEventAttributes& started,
                   time_point now) {
  created.clear_run_deadline();
  created.clear_execution_deadline();
  std::optional<time_point> end;
  if (auto timeout = from_proto(started.workflow_execution_timeout()); timeout.count() > 0) {
    end = now + timeout;
    *created.mutable_execution_deadline() = to_proto(*end);
  }
  if (auto timeout = from_proto(started.workflow_run_timeout()); timeout.count() > 0)
    end = end ? std::min(*end, now + timeout) : now + timeout;
  if (end)
    *created.mutable_run_deadline() = to_proto(*end);
}

journal::RunCreated created_anew(const execution& base, const reset_request& r, const context& c) {
  auto created = base.created();
  created.set_run_id(c.ids.uuid7(c.now));
  created.clear_first_task_at();
  if (!created.has_original_start_time())
    *created.mutable_original_start_time() = created.start_time();
  *created.mutable_start_time() = to_proto(c.now);
  *created.mutable_reset_time() = to_proto(c.now);
  *created.mutable_retention() = to_proto(c.ns.retention);
  created.set_reset_from_run_id(base.created().run_id());
  created.set_reset_request_id(r.request_id());
  set_deadlines(created, base.started(), c.now);
  set_version(created, c.bounds);
  return created;
}

void mark_base(transition& t, const std::string& new_run_id) {
  auto header = t.state().header();
  header.set_reset_run_id(new_run_id);
  set_header(t, std::move(header));
}

void end_current(transition& t, const reset_request& r, family_at_close family) {
  api::history::v1::WorkflowExecutionTerminatedEventAttributes a;
  a.set_reason(r.reason());
  a.set_identity(resetter_identity);
  terminate_run(t, std::move(a), {}, family);
}

/// The new run goes on in the place of the current one, if that is of the same chain. Of any other
/// one it knows neither children nor parent.
family_at_close family_of(const execution& current, const execution& base) {
  return is_of_chain(current, base.started().first_execution_run_id()) ? family_at_close::not_told
                                                                       : family_at_close::told;
}

/// The new run hears of what the end of the current one wrote, if it goes on from that.
void tell_of_end(fork& known, const execution& current, const record& written) {
  auto end = known.open_end();
  if (!end || end->run_id != current.created().run_id())
    return;
  ENSURE(end->next_event_id == written.first_event_id, "the history was read up to its end");
  known.take({.first_event_id = written.first_event_id,
              .event_count = written.event_count,
              .events = written.events});
}

/// The end of the runs that were there before.
void end_others(reset_step& out, execution& base, execution* other, const reset_request& r,
                fork& known, bequest& left, const context& c) {
  transition t{std::move(base), c};
  if (is_open(t.state()))
    end_current(t, r, family_at_close::not_told);
  mark_base(t, known.new_run_id());
  leave_messages(t, known.state(), left);
  auto done = std::move(t).finish(reply{});
  base = std::move(*done.current);
  out.base_written = std::move(done.written);
  tell_of_end(known, base, out.base_written);
  if (other == nullptr)
    return;
  transition u{std::move(*other), c};
  if (is_open(u.state()))
    end_current(u, r, family_of(u.state(), base));
  leave_moved_messages(u, base, known.state(), left);
  done = std::move(u).finish(reply{});
  *other = std::move(*done.current);
  out.current_written = std::move(done.written);
  out.messages = std::move(done.messages);
  tell_of_end(known, *other, out.current_written);
}

/// The task that the point is in ends by the reset, whether or not it was started there.
void fail_task_of_point(transition& t, const reset_request& r, const execution& base) {
  if (t.state().workflow_task().scheduled_event_id() == 0)
    schedule_task(t, 1, false);
  if (t.state().workflow_task().started_event_id() == 0)
    start_task(t, {.identity = server_identity, .request_id = no_request});
  const auto& task = t.state().workflow_task();
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_TASK_FAILED);
  auto& a = *event.mutable_workflow_task_failed_event_attributes();
  a.set_scheduled_event_id(task.scheduled_event_id());
  a.set_started_event_id(task.started_event_id());
  a.set_cause(enums::WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW);
  a.mutable_failure()->set_message(r.reason());
  a.mutable_failure()->mutable_reset_workflow_failure_info();
  a.set_identity(server_identity);
  a.set_base_run_id(base.created().run_id());
  a.set_new_run_id(t.state().created().run_id());
  t.add_event(std::move(event));
}

std::optional<error> do_after_reset(transition& t, const reset_request& r) {
  for (const auto& operation : r.post_reset_operations()) {
    const auto& a = operation.update_workflow_options();
    if (auto refusal
        = change_options(t, a.workflow_execution_options(), a.update_mask(), {}).refusal)
      return refusal;
  }
  return std::nullopt;
}

std::optional<error> make_run(reset_step& out, const execution& base, const reset_request& r,
                              fork& known, bequest&& left, const context& c) {
  transition t{std::move(known).take_state(), c};
  for (const auto& request : known.attached()) {
    journal::Fact fact;
    *fact.mutable_request_id() = request;
    t.add_fact(std::move(fact));
  }
  for (const auto& event : known.cut_off())
    t.add_event(event);
  fail_task_of_point(t, r, base);
  for (const auto& event : known.later())
    rule_of(event.event_type()).reapply(t, event);
  take_over(t, base, std::move(left));
  if (auto refusal = do_after_reset(t, r))
    return refusal;
  schedule_task(t, 1, false);
  for (auto& task : undelivered_tasks(t.state(), c.now))
    t.offer(std::move(task));
  auto done = std::move(t).finish(reply{});
  out.made = new_run{.state = std::move(*done.current), .written = std::move(done.written)};
  out.offers = std::move(done.offers);
  std::ranges::move(done.messages, std::back_inserter(out.messages));
  return std::nullopt;
}

} // namespace

std::optional<error> reset_problem(const execution& base, const reset_request& request) {
  if (!had_task(base))
    return invalid_argument("Cannot reset workflow without a workflow task schedule.");
  auto at = request.workflow_task_finish_event_id();
  if (at <= 1 || at >= base.next_event_id())
    return invalid_argument("Workflow task finish ID must be > 1 && <= workflow last event ID.");
  for (const auto& operation : request.post_reset_operations())
    if (!operation.has_update_workflow_options())
      return invalid_argument(
        "unsupported post reset operation: "
        + (operation.has_signal_workflow() ? std::string{"SignalWorkflow"} : std::string{"none"}));
  return std::nullopt;
}

std::shared_ptr<fork> plan_reset(const execution& base, const reset_request& request,
                                 const context& c) {
  fork_point at{.base_run_id = base.created().run_id(),
                .event_id = request.workflow_task_finish_event_id(),
                .left_out = left_out_of(request)};
  return std::make_shared<fork>(std::move(at), created_anew(base, request, c), c.bounds);
}

reset_step reset(execution& base, execution* other, const reset_request& request, fork& known,
                 const context& c) {
  ENSURE(known.is_read() || known.problem(), "what a reset rests on is read before");
  reset_step out;
  out.refusal = known.problem();
  if (out.refusal)
    return out;
  // What is asked for besides can still be refused, when the runs are no more what they were.
  auto base_before = base;
  auto other_before = other != nullptr ? std::optional{*other} : std::nullopt;
  // One that an earlier reset ended told nobody.
  bequest left{.children_were_told = !is_open(base) && !has_gone_on_by_reset(base)};
  end_others(out, base, other, request, known, left, c);
  auto refusal = known.problem();
  if (!refusal)
    refusal = make_run(out, base, request, known, std::move(left), c);
  if (!refusal)
    return out;
  base = std::move(base_before);
  if (other_before)
    *other = std::move(*other_before);
  return {.refusal = std::move(refusal)};
}

} // namespace reprise::engine
