// Commands that only write something down: markers, search attributes, memo.

#include "engine/machine/command_event.hpp"
#include "engine/machine/parts.hpp"
#include "protocol/search_attributes.hpp"

namespace reprise::engine {

namespace {

command_failure bad_marker(std::string message) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES,
          .message = std::move(message)};
}

command_failure bad_attributes(std::string message) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES,
          .message = std::move(message)};
}

command_failure bad_properties(std::string message) {
  return {.cause = enums::WORKFLOW_TASK_FAILED_CAUSE_BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES,
          .message = std::move(message)};
}

/// Too large: not only the task ends, the run does.
command_failure fatal(command_failure failure) {
  failure.terminate = true;
  return failure;
}

template <class Map>
std::size_t bytes_of(const Map& fields) {
  std::size_t sum = 0;
  for (const auto& [name, value] : fields)
    sum += name.size() + value.ByteSizeLong();
  return sum;
}

protocol::search_attribute_limits attribute_limits(const limits& bounds) {
  return {.count_max = bounds.search_attributes_max,
          .value_bytes_max = bounds.search_attribute_bytes_max,
          .total_bytes_max = bounds.search_attributes_bytes_max};
}

/// What the run would carry with these added; what they remove counts no more.
api::common::v1::SearchAttributes merged(const execution& x,
                                         const api::common::v1::SearchAttributes& upserted) {
  api::common::v1::SearchAttributes out;
  *out.mutable_indexed_fields() = x.search_attributes();
  for (const auto& [name, payload] : upserted.indexed_fields()) {
    if (protocol::is_no_value(payload))
      out.mutable_indexed_fields()->erase(name);
    else
      (*out.mutable_indexed_fields())[name] = payload;
  }
  return out;
}

} // namespace

std::optional<std::string>
search_attribute_values_problem(const api::common::v1::SearchAttributes& attributes,
                                const context& c) {
  return protocol::search_attribute_values_problem(attributes, c.ns.search_attributes, c.ns.name);
}

std::optional<std::string>
search_attributes_size_problem(const api::common::v1::SearchAttributes& attributes,
                               const context& c) {
  return protocol::search_attributes_size_problem(attributes, attribute_limits(c.bounds));
}

void settle_attributes(api::common::v1::SearchAttributes& attributes, const context& c) {
  auto& fields = *attributes.mutable_indexed_fields();
  for (auto i = fields.begin(); i != fields.end();)
    i = protocol::is_no_value(i->second) ? fields.erase(i) : std::next(i);
  protocol::fill_search_attribute_types(attributes, c.ns.search_attributes);
}

std::optional<command_failure>
apply_record_marker(transition& t, const api::command::v1::Command& command, completion& c) {
  if (!command.has_record_marker_command_attributes())
    return bad_marker("RecordMarkerCommandAttributes is not set on RecordMarkerCommand.");
  const auto& wanted = command.record_marker_command_attributes();
  const auto& bounds = t.ctx().bounds;
  if (wanted.marker_name().empty())
    return bad_marker("MarkerName is not set on RecordMarkerCommand.");
  if (wanted.marker_name().size() > bounds.id_length_max)
    return bad_marker("MarkerName on RecordMarkerCommand exceeds length limit. MarkerName="
                      + wanted.marker_name()
                      + " Length=" + std::to_string(wanted.marker_name().size())
                      + " Limit=" + std::to_string(bounds.id_length_max));
  if (bytes_of(wanted.details()) > bounds.blob_bytes_max)
    return fatal(bad_marker("RecordMarkerCommandAttributes.Details exceeds size limit."));
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

std::optional<command_failure>
apply_upsert_search_attributes(transition& t, const api::command::v1::Command& command,
                               completion& c) {
  constexpr const char* on_command = " is not set on UpsertWorkflowSearchAttributesCommand.";
  if (!command.has_upsert_workflow_search_attributes_command_attributes())
    return bad_attributes(std::string{"UpsertWorkflowSearchAttributesCommandAttributes"}
                          + on_command);
  const auto& wanted = command.upsert_workflow_search_attributes_command_attributes();
  if (!wanted.has_search_attributes())
    return bad_attributes(std::string{"SearchAttributes"} + on_command);
  if (wanted.search_attributes().indexed_fields().empty())
    return bad_attributes(std::string{"IndexedFields"} + on_command);
  const auto& ns = t.ctx().ns;
  const auto& known = ns.search_attributes;
  if (auto problem = protocol::search_attribute_values_problem(wanted.search_attributes(), known,
                                                               ns.name))
    return bad_attributes(std::move(*problem));
  // The whole command first, as with any other.
  if (bytes_of(wanted.search_attributes().indexed_fields()) > t.ctx().bounds.blob_bytes_max)
    return fatal(
      bad_attributes("UpsertWorkflowSearchAttributesCommandAttributes exceeds size limit."));
  auto bounds = attribute_limits(t.ctx().bounds);
  if (auto problem = protocol::search_attributes_size_problem(wanted.search_attributes(), bounds))
    return fatal(bad_attributes(std::move(*problem)));
  if (auto problem = protocol::search_attributes_size_problem(
        merged(t.state(), wanted.search_attributes()), bounds))
    return fatal(bad_attributes(std::move(*problem)));
  auto event = event_for(command, enums::EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
  auto& a = *event.mutable_upsert_workflow_search_attributes_event_attributes();
  a.set_workflow_task_completed_event_id(c.completed_event_id);
  *a.mutable_search_attributes() = wanted.search_attributes();
  protocol::fill_search_attribute_types(*a.mutable_search_attributes(), known);
  t.add_event(std::move(event));
  t.visibility_changed();
  return std::nullopt;
}

std::optional<command_failure>
apply_modify_properties(transition& t, const api::command::v1::Command& command, completion& c) {
  constexpr const char* on_command = " is not set on ModifyWorkflowPropertiesCommand.";
  if (!command.has_modify_workflow_properties_command_attributes())
    return bad_properties(std::string{"ModifyWorkflowPropertiesCommandAttributes"} + on_command);
  const auto& wanted = command.modify_workflow_properties_command_attributes();
  if (!wanted.has_upserted_memo())
    return bad_properties(std::string{"UpsertedMemo"} + on_command);
  const auto& fields = wanted.upserted_memo().fields();
  if (fields.empty())
    return bad_properties(std::string{"UpsertedMemo.Fields"} + on_command);
  auto bytes = bytes_of(fields) + bytes_of(t.state().memo());
  for (const auto& [name, payload] : fields)
    if (auto old = t.state().memo().find(name); old != t.state().memo().end())
      bytes -= name.size() + old->second.ByteSizeLong();
  if (bytes > t.ctx().bounds.memo_bytes_max)
    return fatal(bad_properties("ModifyWorkflowPropertiesCommandAttributes exceeds size limit."));
  auto event = event_for(command, enums::EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED);
  auto& a = *event.mutable_workflow_properties_modified_event_attributes();
  a.set_workflow_task_completed_event_id(c.completed_event_id);
  *a.mutable_upserted_memo() = wanted.upserted_memo();
  t.add_event(std::move(event));
  t.visibility_changed();
  return std::nullopt;
}

} // namespace reprise::engine
