// Markers: what a workflow writes down for itself.

#include "engine/marker/rules.hpp"

namespace reprise::engine {

namespace {

constexpr auto bad_marker = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES;

} // namespace

command_result record_marker(transition& t, const api::command::v1::Command& command,
                             completion& c) {
  if (!command.has_record_marker_command_attributes())
    return not_set(bad_marker, "RecordMarker");
  const auto& wanted = command.record_marker_command_attributes();
  const auto& bounds = t.ctx().bounds;
  if (wanted.marker_name().empty())
    return refused(bad_marker, "MarkerName is not set on RecordMarkerCommand.");
  if (wanted.marker_name().size() > bounds.id_length_max)
    return refused(bad_marker, "MarkerName on RecordMarkerCommand exceeds length limit. "
                                 + length_text("MarkerName", wanted.marker_name(), bounds));
  if (bytes_of_fields(wanted.details()) > bounds.blob_bytes_max)
    return too_large(bad_marker, "RecordMarkerCommandAttributes.Details");
  auto event = event_for(command, enums::EVENT_TYPE_MARKER_RECORDED);
  auto& a = *event.mutable_marker_recorded_event_attributes();
  a.set_marker_name(wanted.marker_name());
  *a.mutable_details() = wanted.details();
  a.set_workflow_task_completed_event_id(c.completed_event_id);
  if (wanted.has_header())
    *a.mutable_header() = wanted.header();
  if (wanted.has_failure())
    *a.mutable_failure() = wanted.failure();
  t.add_event(std::move(event));
  return std::nullopt;
}

} // namespace reprise::engine
