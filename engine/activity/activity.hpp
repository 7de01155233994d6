#pragma once

#include "engine/machine/command.hpp"
#include "temporal/api/activity/v1/message.pb.h"

#include <google/protobuf/field_mask.pb.h>

#include <array>
#include <compare>
#include <optional>
#include <string>

// What the files of activities share. Of others, who answers workflow tasks needs some of it.
//
// An activity is pending from its Scheduled event to its closing event. What happens in between
// (attempts, heartbeats, pauses) are private facts, each of which replaces the whole
// journal::ActivityProgress. An attempt is in one of three places: backing off (it has a
// current_retry_interval), waiting for a worker, or started (it has a start_id).

namespace reprise::engine {

using scheduled_attributes = api::history::v1::ActivityTaskScheduledEventAttributes;

// -- reading (state.cpp) --------------------------------------------------------------------------

/// The options that hold now: those of the Scheduled event, unless an operator changed them.
const scheduled_attributes& options_of(const journal::ActivityState& activity);
bool is_started(const journal::ActivityProgress& progress);
/// The attempt waits for its time, and no wake has said that it came.
bool is_backing_off(const journal::ActivityProgress& progress);
/// May the attempt be handed to a worker?
bool is_offerable(const journal::ActivityProgress& progress, time_point now);
/// The pending activity; null when there is none.
const journal::ActivityState* find_activity(const execution& x, std::int64_t scheduled_event_id);
/// The same where it is known to be pending.
const journal::ActivityState& activity_at(const execution& x, std::int64_t scheduled_event_id);
/// Of what the activity's own priority leaves open its workflow's holds, each field by itself.
api::common::v1::Priority priority_of(const execution& x, const scheduled_attributes& options);
/// The activity as a task queue gets it.
cluster::Task activity_task(const execution& x, const journal::ActivityState& activity);
/// When the activity as a whole has to be closed; nothing when it may take for ever.
std::optional<time_point> schedule_to_close_deadline(const journal::ActivityState& activity);
/// Behind it no attempt may begin. An operator moves the end of the whole, this one stays.
std::optional<time_point> last_retry_deadline(const journal::ActivityState& activity);

/// One of an activity's deadlines.
struct activity_deadline {
  /// In the order in which deadlines of the same moment are looked at: when there is no time left
  /// for the whole, it does not matter that the attempt has none left either.
  enum class kind : std::uint8_t {
    schedule_to_start,
    schedule_to_close,
    start_to_close,
    heartbeat,
    retry
  };
  time_point at{};
  std::int64_t scheduled_event_id = 0;
  kind type = kind::retry;
  /// Of the attempt that it belongs to; a later attempt has deadlines of its own.
  std::int32_t attempt = 0;

  friend auto operator<=>(const activity_deadline&, const activity_deadline&) = default;
};

/// All deadlines that an activity has at one time.
struct activity_deadlines {
  std::array<activity_deadline, 3> items{};
  std::size_t count = 0;
};

activity_deadlines deadlines_of(const journal::ActivityState& activity);

// -- starting (start.cpp) -------------------------------------------------------------------------

/// Who takes an activity.
struct activity_starter {
  std::string identity{};
  std::string request_id{};
  bool eager = false;
};

/// Starts the waiting attempt.
void start_activity(transition& t, std::int64_t scheduled_event_id, const activity_starter& by);
/// What the worker gets that started the activity.
void fill_task(service::PollActivityTaskQueueResponse& out, const execution& x,
               const journal::ActivityState& activity, const context& c);
/// Starts what was scheduled for the worker itself and puts it into the answer.
void hand_out_eagerly(transition& t, completion& c);
/// The attempt waits for a worker again.
step take_back_activity(execution&& current, const cluster::ExecutionRequest& request,
                        const context& c);

// -- ending (retry.cpp) ---------------------------------------------------------------------------

/// Closes the activity: its Started event, if an attempt is started, and `close`, which learns the
/// started id. `by`, the worker that answered, is named on the Started event, as the API does. A
/// workflow task is the caller's to schedule.
void close_activity(transition& t, std::int64_t scheduled_event_id, history_event close,
                    const api::common::v1::WorkerVersionStamp* by = nullptr);
/// Begins the next attempt after `failure` if the activity may have one (then: IN_PROGRESS), else
/// says why not and changes nothing. `failure` may be null: a worker need not give any.
/// `answered`: by a worker, unlike an attempt that timed out.
enums::RetryState retry_activity(transition& t, std::int64_t scheduled_event_id,
                                 const api::failure::v1::Failure* failure, bool answered);
/// Did a worker answer the attempt just before, at `last_attempt_complete_time`? That time outlives
/// attempts that time out.
bool follows_answer(const journal::ActivityProgress& progress);
/// Makes the attempt wait anew from `at` on: unpaused, reset, options changed. Offers it if `at` is
/// now. As in the API the attempt's last failure is forgotten, and what a reset asked for is done.
void reschedule_activity(transition& t, journal::ActivityProgress progress, time_point at);

// -- options (options.cpp) ------------------------------------------------------------------------

/// Checks the four timeouts and derives the missing ones from the others and the run's.
std::optional<std::string> normalise_timeouts(scheduled_attributes& options, duration run_timeout);
/// Fills and checks all attributes of an activity that a command asks for.
std::optional<std::string> normalise_attributes(scheduled_attributes& attributes,
                                                const std::string& own_queue, duration run_timeout,
                                                const limits& bounds);
/// The options as operators see them.
api::activity::v1::ActivityOptions to_api(const scheduled_attributes& options);
/// Takes over the fields that the mask names, and checks the result. Whatever the run may take: an
/// operator knows better.
std::optional<std::string> merge_options(scheduled_attributes& into,
                                         const api::activity::v1::ActivityOptions& from,
                                         const google::protobuf::FieldMask& mask,
                                         const std::string& own_queue, const limits& bounds);

// -- a reset (state.cpp) --------------------------------------------------------------------------

/// What was under way in the run that was reset is not in the one that the reset made: whatever is
/// pending there waits for its first attempt, from this time on. Part of the fold.
void schedule_activities_anew(execution& x, const google::protobuf::Timestamp& at);

// -- facts (state.cpp) ----------------------------------------------------------------------------

/// Replaces what is known of the activity's attempts.
void set_activity(transition& t, journal::ActivityProgress progress);

} // namespace reprise::engine
