#pragma once

#include "engine/machine/transition.hpp"
#include "temporal/api/sdk/v1/user_metadata.pb.h"
#include "temporal/api/workflow/v1/message.pb.h"

#include <google/protobuf/field_mask.pb.h>

#include <optional>
#include <string>

// How runs begin, end and follow each other: what other features need of it.

namespace reprise::engine {

// -- beginning (run.cpp) --------------------------------------------------------------------------

/// What a run is begun with. `started` is its first event, complete but for what begin_run derives:
/// ids, deadlines.
struct run_plan {
  std::string workflow_id{};
  std::string run_id{};
  std::string start_request_id{};
  api::history::v1::WorkflowExecutionStartedEventAttributes started{};
  std::optional<api::sdk::v1::UserMetadata> user_metadata{};
  /// Of the start; every run of its chain has them.
  google::protobuf::RepeatedPtrField<api::common::v1::Link> links{};
};

/// Writes a run's first entries: the created fact and the Started event. Its first task is the
/// caller's to schedule (a signal may come before it).
transition begin_run(run_plan plan, const context& c);
/// Finishes a successor and hands it, with its offers, to the step that begins it.
void succeed_with(transition& t, transition&& successor);
/// The plan that every successor of a run starts from: what a chain keeps, whatever ends the run.
run_plan successor_plan(const execution& x, const std::string& run_id, const context& c);
/// Runs of a chain start at least limits::run_interval_min apart.
duration stretched_backoff(const execution& x, duration backoff, const context& c);
/// A call may be meant for one chain of runs only: for this one?
bool is_of_chain(const execution& x, const std::string& first_run_id);

// -- closing (close.cpp, terminate.cpp) -----------------------------------------------------------

/// What all closes have in common: adds the closing event and marks the visibility row. Folding
/// that event drops what is pending (evolve); a successor is begun by the caller, who plans it.
void close_run(transition& t, history_event event);
/// Closes the run as terminated.
void terminate_run(transition& t,
                   api::history::v1::WorkflowExecutionTerminatedEventAttributes attributes,
                   const google::protobuf::RepeatedPtrField<api::common::v1::Link>& links = {});
/// Ends a run that outgrew a bound, as it was before the transition that crossed it; the caller of
/// that hears why.
step end_oversized(execution&& before, const std::string& reason, const context& c);
/// The run was closed by this event, its chain was not: whoever waits for its end waits for a later
/// run's.
bool goes_on(const history_event& close);
/// When a closed run goes away; nothing while it has to wait for answers to its messages.
std::optional<time_point> end_of_stay(const execution& x);

// -- options (options.cpp) ------------------------------------------------------------------------

struct options_change {
  std::optional<error> refusal{};
  /// The options that hold afterwards.
  api::workflow::v1::WorkflowExecutionOptions after{};
};

/// Takes over what the mask names; writes nothing when that is what holds already.
options_change change_options(transition& t,
                              const api::workflow::v1::WorkflowExecutionOptions& wanted,
                              const google::protobuf::FieldMask& mask, const std::string& identity);

// -- request ids (request_ids.cpp) ----------------------------------------------------------------

/// The id of the request that this event attached to the run; empty for others. While the event is
/// buffered the run knows the request without the event's id.
const std::string& attached_request_id(const history_event& event);

} // namespace reprise::engine
