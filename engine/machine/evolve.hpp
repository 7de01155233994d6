#pragma once

#include "engine/engine.hpp"

namespace reprise::engine {

/// Folds one public event whose encoded size is known; saves measuring it again.
void evolve_sized(execution& x, const temporal::api::history::v1::HistoryEvent& event,
                  std::size_t bytes);

/// A search attribute or memo field with this payload is none: an explicit null, an empty list, or
/// nothing at all.
bool is_no_value(const temporal::api::common::v1::Payload& payload);

/// Says in a search attribute of which types activities are paused. Part of the fold.
void report_pauses(execution& x);

/// Ends the fold of one transition: counts it. Part of evolve(record).
void evolve_transition_end(execution& x);

/// The id of the request that this event attached to the run; empty for others. While the event is
/// buffered the run knows the request without the event's id.
const std::string& attached_request_id(const temporal::api::history::v1::HistoryEvent& event);

/// The number in a workflow task's token that tells one start of an attempt from another. It is
/// derived from the start's random request id, so that it needs no entry of its own.
std::uint64_t start_id_of(const std::string& start_request_id);

} // namespace reprise::engine
