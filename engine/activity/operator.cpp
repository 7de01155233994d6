// What an operator does to pending activities: pause, unpause, reset, change of options. A call
// names one activity by id, all of one type, or all there are. A running attempt is never taken
// from its worker: it learns of the call by its next heartbeat.

#include "engine/activity/activity.hpp"
#include "engine/activity/rules.hpp"
#include "engine/engine.hpp"
#include "engine/machine/errors.hpp"
#include "engine/machine/field_mask.hpp"
#include "engine/machine/proto_time.hpp"
#include "engine/machine/retry.hpp"

#include <algorithm>

namespace reprise::engine {

namespace {

/// Which activities a call means.
struct target {
  bool all = false;
  const std::string* id = nullptr;
  const std::string* type = nullptr;
};

template <class Request>
target target_of(const Request& r, bool all) {
  target out{.all = all};
  if (r.activity_case() == Request::kId)
    out.id = &r.id();
  else if (r.activity_case() == Request::kType)
    out.type = &r.type();
  return out;
}

/// Scheduled event ids of what is meant, in their order; or why there is nothing.
struct targets {
  std::vector<std::int64_t> ids{};
  std::optional<error> refusal{};
};

targets find_targets(const execution& x, const target& wanted) {
  targets out;
  if (!is_open(x)) {
    out.refusal = already_completed();
    return out;
  }
  if (!wanted.all && wanted.id == nullptr && wanted.type == nullptr) {
    out.refusal = invalid_argument("Either Activity.Id or Activity.Type should be set on request.");
    return out;
  }
  for (const auto& [id, activity] : x.activities()) {
    if (wanted.all || (wanted.id != nullptr && activity.scheduled().activity_id() == *wanted.id)
        || (wanted.type != nullptr && activity.scheduled().activity_type().name() == *wanted.type))
      out.ids.push_back(id);
  }
  std::ranges::sort(out.ids);
  // Also when all are meant: whoever means some is told that there is none.
  if (out.ids.empty())
    out.refusal = not_found("Can't find pending activity with such ID. Invalid activityID or "
                            "activity already completed");
  return out;
}

/// Spreads what would begin at once over the caller's jitter.
time_point after_jitter(const context& c, const google::protobuf::Duration& jitter) {
  auto most = from_proto(jitter).count();
  if (most <= 0)
    return c.now;
  return c.now
         + duration{static_cast<duration::rep>(c.ids.random() % static_cast<std::uint64_t>(most))};
}

void clear_pause(journal::ActivityProgress& progress) {
  progress.clear_paused();
  progress.clear_paused_time();
  progress.clear_paused_identity();
  progress.clear_paused_reason();
  progress.clear_pause_request_id();
}

void clear_heartbeat(journal::ActivityProgress& progress) {
  progress.clear_heartbeat_details();
  progress.clear_last_heartbeat_time();
}

/// The options without what the Scheduled event has anyway: input, header, ids.
scheduled_attributes bare_options(const scheduled_attributes& options) {
  scheduled_attributes out;
  *out.mutable_task_queue() = options.task_queue();
  *out.mutable_schedule_to_close_timeout() = options.schedule_to_close_timeout();
  *out.mutable_schedule_to_start_timeout() = options.schedule_to_start_timeout();
  *out.mutable_start_to_close_timeout() = options.start_to_close_timeout();
  *out.mutable_heartbeat_timeout() = options.heartbeat_timeout();
  *out.mutable_retry_policy() = options.retry_policy();
  if (options.has_priority())
    *out.mutable_priority() = options.priority();
  return out;
}

void reset_one(transition& t, std::int64_t id, const service::ResetActivityRequest& r) {
  auto progress = activity_at(t.state(), id).progress();
  auto stays_paused = progress.paused() && r.keep_paused();
  progress.set_attempt(1);
  // The priority stays what an operator made of it.
  if (r.restore_original_options() && progress.has_options()) {
    auto options = bare_options(activity_at(t.state(), id).scheduled());
    options.clear_priority();
    if (progress.options().has_priority())
      *options.mutable_priority() = progress.options().priority();
    *progress.mutable_options() = std::move(options);
  }
  if (!stays_paused)
    clear_pause(progress);
  // A running attempt ends by itself; a paused one begins when it is unpaused.
  progress.set_reset_requested(true);
  if (r.reset_heartbeat())
    progress.set_reset_heartbeats(true);
  if (is_started(progress) || stays_paused) {
    set_activity(t, std::move(progress));
    return;
  }
  reschedule_activity(t, std::move(progress), after_jitter(t.ctx(), r.jitter()));
}

/// When the waiting attempt begins by the options that now hold. Its own number counts, as in the
/// API, so that a change of options lengthens a back-off. A failure's own delay is forgotten, as in
/// the API, too. An attempt whose predecessor timed out has no time to count from.
time_point next_start(const journal::ActivityState& activity, time_point now) {
  const auto& progress = activity.progress();
  auto planned = from_proto(progress.scheduled_time());
  if (progress.attempt() <= 1 || !follows_answer(progress))
    return planned;
  auto interval = retry_interval(options_of(activity).retry_policy(), progress.attempt());
  if (interval.count() <= 0)
    return planned;
  // Never earlier than it was to begin or can: the time it may wait for a worker counts from there,
  // and would be over before it began.
  return std::max(from_proto(progress.last_attempt_complete_time()) + interval,
                  std::min(planned, now));
}

/// A waiting attempt goes where the new options send it; a running one goes on.
void options_changed(transition& t, journal::ActivityProgress progress) {
  auto id = progress.scheduled_event_id();
  set_activity(t, std::move(progress));
  const auto& activity = activity_at(t.state(), id);
  if (is_started(activity.progress()))
    return;
  reschedule_activity(t, activity.progress(), next_start(activity, t.ctx().now));
}

/// What is wrong with an update, in the API's order: one that names its activity by id hears of its
/// mask before it hears that there is none of that id.
std::optional<error> update_problem(const service::UpdateActivityOptionsRequest& r,
                                    targets& found) {
  if (r.restore_original())
    return std::move(found.refusal);
  if (!r.has_activity_options())
    return invalid_argument("ActivityOptions are not provided");
  auto by_id = r.activity_case() == service::UpdateActivityOptionsRequest::kId;
  if (found.refusal && !by_id)
    return std::move(found.refusal);
  if (!r.has_update_mask())
    return invalid_argument("UpdateMask is not provided");
  return std::move(found.refusal);
}

/// What a call that changes some answers: of a whole policy all that was given, kept or not.
api::activity::v1::ActivityOptions updated_options(const scheduled_attributes& options,
                                                   const service::UpdateActivityOptionsRequest& r) {
  auto out = to_api(options);
  auto& final_types = *out.mutable_retry_policy()->mutable_non_retryable_error_types();
  final_types.Clear();
  for (const auto& path : r.update_mask().paths())
    if (camel_case(path) == "retryPolicy")
      final_types = r.activity_options().retry_policy().non_retryable_error_types();
  return out;
}

/// What a call that restores answers: the queue by its name alone.
api::activity::v1::ActivityOptions restored_options(const scheduled_attributes& options) {
  auto out = to_api(options);
  out.clear_task_queue();
  out.mutable_task_queue()->set_name(options.task_queue().name());
  return out;
}

} // namespace

step decide_pause_activity(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c) {
  const auto& r = request.pause_activity();
  transition t{std::move(current), c};
  auto found = find_targets(t.state(), target_of(r, false));
  if (found.refusal)
    return std::move(t).finish(std::move(*found.refusal));
  // Whoever gives no request id repeats one who gave none.
  auto repeats = [&](const journal::ActivityProgress& progress) {
    return progress.pause_request_id() == r.request_id();
  };
  for (auto id : found.ids) {
    const auto& progress = activity_at(t.state(), id).progress();
    if (progress.paused() && !repeats(progress))
      return std::move(t).finish(
        make_error(errc::failed_precondition, "activity is already paused"));
  }
  for (auto id : found.ids) {
    auto progress = activity_at(t.state(), id).progress();
    if (progress.paused())
      continue;
    progress.set_paused(true);
    *progress.mutable_paused_time() = to_proto(c.now);
    progress.set_paused_identity(r.identity());
    progress.set_paused_reason(r.reason());
    progress.set_pause_request_id(r.request_id());
    // Its task, wherever it lies, is no longer to be had.
    if (!is_started(progress))
      progress.set_stamp(progress.stamp() + 1);
    set_activity(t, std::move(progress));
  }
  return std::move(t).finish(service::PauseActivityResponse{});
}

step decide_unpause_activity(execution&& current, const cluster::ExecutionRequest& request,
                             const context& c) {
  const auto& r = request.unpause_activity();
  transition t{std::move(current), c};
  using request_type = service::UnpauseActivityRequest;
  auto all = r.activity_case() == request_type::kUnpauseAll;
  auto found = find_targets(t.state(), target_of(r, all));
  if (found.refusal)
    return std::move(t).finish(std::move(*found.refusal));
  for (auto id : found.ids) {
    auto progress = activity_at(t.state(), id).progress();
    if (!progress.paused())
      continue;
    clear_pause(progress);
    if (r.reset_attempts())
      progress.set_attempt(1);
    if (r.reset_heartbeat())
      clear_heartbeat(progress);
    if (is_started(progress))
      set_activity(t, std::move(progress));
    else
      reschedule_activity(t, std::move(progress), after_jitter(c, r.jitter()));
  }
  return std::move(t).finish(service::UnpauseActivityResponse{});
}

step decide_reset_activity(execution&& current, const cluster::ExecutionRequest& request,
                           const context& c) {
  const auto& r = request.reset_activity();
  transition t{std::move(current), c};
  using request_type = service::ResetActivityRequest;
  auto all = r.activity_case() == request_type::kMatchAll;
  auto found = find_targets(t.state(), target_of(r, all));
  if (found.refusal)
    return std::move(t).finish(std::move(*found.refusal));
  for (auto id : found.ids)
    reset_one(t, id, r);
  return std::move(t).finish(service::ResetActivityResponse{});
}

step decide_update_activity_options(execution&& current, const cluster::ExecutionRequest& request,
                                    const context& c) {
  const auto& r = request.update_activity_options();
  transition t{std::move(current), c};
  if (!is_open(t.state()))
    return std::move(t).finish(already_completed());
  using request_type = service::UpdateActivityOptionsRequest;
  auto all = r.activity_case() == request_type::kMatchAll;
  auto found = find_targets(t.state(), target_of(r, all));
  if (auto refusal = update_problem(r, found))
    return std::move(t).finish(std::move(*refusal));
  service::UpdateActivityOptionsResponse response;
  std::vector<journal::ActivityProgress> changed;
  // First all are checked, so that a refusal leaves none of them changed.
  for (auto id : found.ids) {
    const auto& activity = activity_at(t.state(), id);
    auto progress = activity.progress();
    if (r.restore_original()) {
      progress.clear_options();
      *response.mutable_activity_options() = restored_options(activity.scheduled());
    } else {
      auto options = bare_options(options_of(activity));
      options.set_activity_id(activity.scheduled().activity_id());
      *options.mutable_activity_type() = activity.scheduled().activity_type();
      if (auto problem = merge_options(options, r.activity_options(), r.update_mask(),
                                       t.state().started().task_queue().name(), c.bounds))
        return std::move(t).finish(invalid_argument(*problem));
      *response.mutable_activity_options() = updated_options(options, r);
      *progress.mutable_options() = bare_options(options);
    }
    changed.push_back(std::move(progress));
  }
  for (auto& progress : changed)
    options_changed(t, std::move(progress));
  return std::move(t).finish(response);
}

} // namespace reprise::engine
