// RespondWorkflowTaskCompleted. The commands are applied one after the other to the state itself; a
// bad one throws the work away and the task fails on a copy that was kept for this case. So only
// completions with commands pay for a copy, and not of what grows without bound.

#include "engine/activity/activity.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/failures.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/outgrown.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/version.hpp"
#include "engine/task/kept_state.hpp"
#include "engine/task/rules.hpp"
#include "engine/task/speculative.hpp"
#include "engine/task/task_events.hpp"
#include "engine/update/update.hpp"
#include "engine/workflow/workflow.hpp"

namespace reprise::engine {

namespace {

using request_type = service::RespondWorkflowTaskCompletedRequest;
using response_type = service::RespondWorkflowTaskCompletedResponse;

constexpr const char* inline_request_id = "request-from-RespondWorkflowTaskCompleted";

/// "StartTimer" of COMMAND_TYPE_START_TIMER.
std::string command_name(enums::CommandType type) {
  auto name = enums::CommandType_Name(type);
  constexpr std::string_view prefix = "COMMAND_TYPE_";
  if (name.starts_with(prefix))
    name.erase(0, prefix.size());
  std::string out;
  bool upper = true;
  for (char c : name) {
    if (c == '_')
      upper = true;
    else {
      out += upper ? c : static_cast<char>(c - 'A' + 'a');
      upper = false;
    }
  }
  return out;
}

/// What makes the whole request unacceptable; nothing is written then.
std::optional<error> check_commands(const request_type& r) {
  for (const auto& command : r.commands()) {
    auto type = static_cast<int>(command.command_type());
    if (!enums::CommandType_IsValid(type))
      return invalid_argument("unknown command type: " + std::to_string(type));
    if (command.command_type() == enums::COMMAND_TYPE_UNSPECIFIED)
      return invalid_argument("unknown command type: Unspecified");
  }
  for (int i = 0; i + 1 < r.commands_size(); ++i) {
    if (!rule_of(r.commands(i).command_type()).closes)
      continue;
    std::string all;
    for (const auto& command : r.commands())
      all += (all.empty() ? "" : ", ") + command_name(command.command_type());
    return invalid_argument("invalid command sequence: [" + all + "], command "
                            + command_name(r.commands(i).command_type())
                            + " must be the last command.");
  }
  return std::nullopt;
}

/// A worker that is no version of a deployment cannot say how its workflow moves between versions.
bool behaves_without_version(const request_type& r) {
  return r.versioning_behavior() != enums::VERSIONING_BEHAVIOR_UNSPECIFIED && !r.has_deployment()
         && r.deployment_options().worker_versioning_mode()
              != enums::WORKER_VERSIONING_MODE_VERSIONED;
}

bool token_fits(const execution& x, const cluster::TaskToken& token, const context& c) {
  return is_open(x) && is_held_by(task_of(x, c), token);
}

/// The build that started the task which this answer asks for, or whose events it writes.
api::common::v1::WorkerVersionStamp build_of(const request_type& r) {
  return r.worker_version_stamp().use_versioning() ? api::common::v1::WorkerVersionStamp{}
                                                   : r.worker_version_stamp();
}

/// Which version of which deployment completed the task, and how its workflow moves on from there.
void tell_version(api::history::v1::WorkflowTaskCompletedEventAttributes& a,
                  const request_type& r) {
  const auto& options = r.deployment_options();
  auto versioned = options.worker_versioning_mode() == enums::WORKER_VERSIONING_MODE_VERSIONED;
  a.set_worker_deployment_name(options.deployment_name().empty() ? r.deployment().series_name()
                                                                 : options.deployment_name());
  // Some workers send a behaviour without being a version of anything.
  if (!r.has_deployment_options() || versioned)
    a.set_versioning_behavior(r.versioning_behavior());
  const auto& name = versioned ? options.deployment_name() : r.deployment().series_name();
  const auto& build = versioned ? options.build_id() : r.deployment().build_id();
  if (name.empty() || build.empty())
    return;
  a.mutable_deployment_version()->set_deployment_name(name);
  a.mutable_deployment_version()->set_build_id(build);
}

std::int64_t add_completed_event(transition& t, const request_type& r) {
  t.write_speculative();
  // Only now do a transient task's events become history, and name its worker.
  if (t.state().workflow_task().transient()) {
    auto named = r.has_worker_version_stamp() && !r.worker_version_stamp().use_versioning();
    write_unwritten_task(t, journal::WorkflowTaskState{t.state().workflow_task()}, r.identity(),
                         named ? &r.worker_version_stamp() : nullptr);
  }
  const auto& task = t.state().workflow_task();
  history_event event;
  event.set_event_type(enums::EVENT_TYPE_WORKFLOW_TASK_COMPLETED);
  auto& a = *event.mutable_workflow_task_completed_event_attributes();
  a.set_scheduled_event_id(task.scheduled_event_id());
  a.set_started_event_id(task.started_event_id());
  a.set_identity(r.identity());
  a.set_binary_checksum(r.binary_checksum());
  if (r.has_worker_version_stamp())
    *a.mutable_worker_version() = r.worker_version_stamp();
  if (r.has_sdk_metadata())
    *a.mutable_sdk_metadata() = r.sdk_metadata();
  if (r.has_metering_metadata())
    *a.mutable_metering_metadata() = r.metering_metadata();
  tell_version(a, r);
  return t.add_event(std::move(event));
}

/// The sticky queue of the answer replaces what the run knew; without one it forgets it.
void take_sticky(transition& t, const request_type& r) {
  const auto& attributes = r.sticky_attributes();
  if (attributes.worker_task_queue().name().empty()) {
    if (t.state().has_sticky())
      set_sticky(t, {});
    return;
  }
  const auto& known = t.state().sticky();
  if (t.state().has_sticky() && known.task_queue().name() == attributes.worker_task_queue().name()
      && from_proto(known.schedule_to_start_timeout())
           == from_proto(attributes.schedule_to_start_timeout()))
    return;
  journal::StickyState sticky;
  sticky.mutable_task_queue()->set_name(attributes.worker_task_queue().name());
  sticky.mutable_task_queue()->set_kind(enums::TASK_QUEUE_KIND_STICKY);
  sticky.mutable_task_queue()->set_normal_name(t.state().started().task_queue().name());
  *sticky.mutable_schedule_to_start_timeout() = attributes.schedule_to_start_timeout();
  set_sticky(t, std::move(sticky));
}

/// A task that completed ends a series of problems and gives a refused close its chance.
void forget_problems(transition& t) {
  const auto& known = t.state().header();
  if (!known.close_attempted() && known.workflow_task_problems() == 0)
    return;
  if (reports_problems(t.state().created(), known))
    t.visibility_changed();
  auto header = known;
  header.set_close_attempted(false);
  header.set_workflow_task_problems(0);
  header.clear_last_problem_category();
  header.clear_last_problem_cause();
  header.clear_reports_problems();
  set_header(t, std::move(header));
}

/// The task fails because of what its answer holds, on the state that the answer found.
step refuse(execution&& before, const command_failure& failure, const request_type& r,
            const context& c) {
  if (failure.of_request)
    return transition{std::move(before), c}.finish(invalid_argument(failure.message));
  auto text = cause_name(failure.cause);
  if (!failure.message.empty())
    text += ": " + failure.message;
  transition t{std::move(before), c};
  auto attempt = t.workflow_task().attempt();
  auto unhandled = failure.cause == enums::WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND;
  // A repeated failure is not written: the task runs into its timeout, which slows repeats down.
  if (attempt > 1 && !unhandled && !failure.terminate)
    return std::move(t).finish(invalid_argument(text));
  if (!failure.terminate) {
    fail_workflow_task(t, failure.cause, text, r.identity());
    return std::move(t).finish(invalid_argument(text));
  }
  api::history::v1::WorkflowTaskFailedEventAttributes a;
  a.set_cause(failure.cause);
  a.set_identity(r.identity());
  *a.mutable_failure() = server_failure(text);
  fail_task(t, std::move(a), after_failure::close);
  api::history::v1::WorkflowExecutionTerminatedEventAttributes end;
  end.set_reason(text);
  end.set_identity(server_identity);
  terminate_run(t, std::move(end));
  return std::move(t).finish(invalid_argument(text));
}

/// A heartbeat keeps a task alive over many completions; not for ever.
bool heartbeat_too_long(const execution& x, const context& c) {
  auto since = from_proto(task_of(x, c).original_scheduled_time());
  return c.now - since > c.bounds.workflow_task_heartbeat_max;
}

/// What evolve lists of the workers behind the completions: it shows in lists.
std::string builds_of(const execution& x) {
  std::string out;
  for (const char* name : {"BuildIds", "BinaryChecksums"})
    if (auto i = x.search_attributes().find(name); i != x.search_attributes().end())
      out += i->second.data();
  return out;
}

/// Messages that no command placed come behind all commands.
std::optional<command_failure> apply_all(transition& t, completion& c) {
  for (const auto& command : c.request.commands())
    if (auto failure = apply_command(t, command, c))
      return failure;
  if (auto failure = apply_messages(t, c))
    return failure;
  if (c.unsupported != nullptr)
    return unsupported_command(*c.unsupported);
  return std::nullopt;
}

struct next_task {
  bool heartbeat = false;
  google::protobuf::Timestamp heartbeat_since{};
};

/// The worker asked for the next task with the answer.
void start_inline(reply& answer, history_splice&& splice) {
  answer.history = std::move(splice);
  answer.history->wrap_field = response_type::kWorkflowTaskFieldNumber;
}

/// The request id that histories show is the same for all of them.
task_starter inline_starter(const request_type& r, const context& c) {
  return {.identity = r.identity(),
          .request_id = inline_request_id,
          .start_id = new_start_id(c),
          .only_new_events = true,
          .build = build_of(r)};
}

/// Schedules what follows the completion, and starts it at once for a worker that asked for it.
reply go_on(transition& t, const request_type& r, const next_task& next,
            const response_type& response) {
  schedule_task(t, 1, !r.return_new_workflow_task());
  if (next.heartbeat) {
    auto task = t.state().workflow_task();
    *task.mutable_original_scheduled_time() = next.heartbeat_since;
    set_workflow_task(t, std::move(task));
  }
  reply answer{.response = response.SerializeAsString()};
  if (r.return_new_workflow_task())
    start_inline(answer, start_task(t, inline_starter(r, t.ctx())));
  return answer;
}

/// Asks the worker about the updates that came while it had the task. Only one that takes the next
/// task with the answer gets it unwritten.
reply go_on_for_updates(transition& t, const request_type& r, const response_type& response) {
  if (!r.return_new_workflow_task())
    return go_on(t, r, {}, response);
  reply answer{.response = response.SerializeAsString()};
  t.set_speculative(make_speculative_task(t.state(), t.ctx()));
  start_inline(answer, start_speculative(t, inline_starter(r, t.ctx())));
  return answer;
}

reply what_follows(transition& t, const completion& done, bool wants_task, const next_task& next) {
  auto none_yet = t.state().workflow_task().scheduled_event_id() == 0;
  if (none_yet && wants_task)
    return go_on(t, done.request, next, done.response);
  if (none_yet && updates_wait(t, done))
    return go_on_for_updates(t, done.request, done.response);
  return reply{.response = done.response.SerializeAsString()};
}

/// A speculative task whose answer has nothing to write. Its worker forgets what came with it.
step drop(execution&& current, const request_type& r, const context& c) {
  transition t{std::move(current), c};
  response_type response;
  completion done{.request = r, .response = response};
  if (auto failure = apply_messages(t, done))
    return refuse(std::move(t).take_state(), *failure, r, c);
  t.set_speculative(std::nullopt);
  // Where its worker wants the next one holds all the same.
  take_sticky(t, r);
  response.set_reset_history_event_id(t.state().previous_started_event_id());
  auto answer = what_follows(t, done, false, {});
  return std::move(t).finish(std::move(answer));
}

/// Applies the commands and schedules what follows. `before`: kept when there is something that can
/// fail.
step complete(execution&& current, std::optional<kept_state>& before, const request_type& r,
              const next_task& next, const context& c) {
  auto builds_before = builds_of(current);
  transition t{std::move(current), c};
  forget_problems(t);
  response_type response;
  completion done{.completed_event_id = add_completed_event(t, r),
                  .request = r,
                  .response = response,
                  .unseen_events = t.state().buffered_events_size()};
  if (auto failure = apply_all(t, done))
    return refuse(before->restore(std::move(t).take_state()), *failure, r, c);
  auto flushed = t.state().buffered_events_size() > 0;
  if (is_open(t.state())) {
    t.flush_buffered();
    take_sticky(t, r);
    hand_out_eagerly(t, done);
  }
  if (before && t.bytes() > c.bounds.transaction_bytes_max)
    return end_oversized(before->restore(std::move(t).take_state()),
                         "Transaction size exceeds limit.", c);
  if (builds_of(t.state()) != builds_before)
    t.visibility_changed();
  if (!is_open(t.state()))
    return std::move(t).finish(response);
  auto wanted = r.force_create_new_workflow_task() || flushed || done.wants_new_task;
  auto answer = what_follows(t, done, wanted, next);
  return std::move(t).finish(std::move(answer));
}

/// The updates that its messages are about.
std::vector<std::string> updates_of(const request_type& r) {
  std::vector<std::string> out;
  for (const auto& message : r.messages())
    out.push_back(message.protocol_instance_id());
  return out;
}

} // namespace

bool is_heartbeat(const request_type& r) {
  return r.force_create_new_workflow_task() && r.commands().empty() && r.messages().empty();
}

step decide_complete_workflow_task(execution&& current, const cluster::ExecutionRequest& request,
                                   const context& c) {
  const auto& r = request.complete_workflow_task();
  if (!token_fits(current, request.token(), c))
    return transition{std::move(current), c}.finish(workflow_task_not_found());
  if (behaves_without_version(r))
    return transition{std::move(current), c}.finish(
      invalid_argument("versioning behavior cannot be specified without deployment options being "
                       "set with versioned mode"));
  // A page of several would be taken for the whole.
  if (r.intermediate_page() || r.page_number() > 0)
    return transition{std::move(current), c}.finish(
      make_error(errc::failed_precondition, "workflow task completion pagination is disabled for "
                                            "this namespace "
                                              + c.ns.name));
  if (auto refusal = check_commands(r))
    return transition{std::move(current), c}.finish(std::move(*refusal));
  auto heartbeat = is_heartbeat(r);
  if (heartbeat && heartbeat_too_long(current, c)) {
    transition t{std::move(current), c};
    time_out_workflow_task(t);
    return std::move(t).finish(not_found("workflow task heartbeat timeout"));
  }
  next_task next{.heartbeat = heartbeat};
  if (heartbeat)
    next.heartbeat_since = task_of(current, c).original_scheduled_time();

  auto unwritten = c.speculative != nullptr && &task_of(current, c) == &c.speculative->task;
  if (unwritten && may_drop(current, r, c.bounds))
    return drop(std::move(current), r, c);
  std::optional<kept_state> before;
  if (!r.commands().empty() || !r.messages().empty() || current.buffered_events_size() > 0)
    before.emplace(current, updates_of(r));
  auto out = complete(std::move(current), before, r, next, c);
  if (before)
    before->give_back(*out.current);
  return out;
}

std::int64_t events_of_completion(const execution& x, const cluster::ExecutionRequest& request,
                                  const limits&) {
  const auto& r = request.complete_workflow_task();
  return events_of_any(x) + events_of_item * r.commands_size() + r.messages_size();
}

} // namespace reprise::engine
