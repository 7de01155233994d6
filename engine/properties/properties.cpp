// Search attributes and memo: commands that change them, and what their events do.

#include "engine/properties/properties.hpp"

#include "engine/machine/evolve.hpp"
#include "engine/properties/rules.hpp"
#include "protocol/search_attributes.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace reprise::engine {

namespace {

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

protocol::search_attribute_limits attribute_limits(const limits& bounds) {
  return {.count_max = bounds.search_attributes_max,
          .value_bytes_max = bounds.search_attribute_bytes_max,
          .total_bytes_max = bounds.search_attributes_bytes_max};
}

/// Attributes that the server writes of its own accord.
bool is_servers_own(const std::string& name) {
  constexpr std::array<std::string_view, 4> lists{"BinaryChecksums", "BuildIds",
                                                  "TemporalPauseInfo", "TemporalReportedProblems"};
  return !protocol::may_be_set(name) || std::ranges::find(lists, name) != lists.end();
}

/// What the run would carry with these added; what they remove counts no more, nor does what the
/// server wrote: neither workflow nor worker answers for its size.
api::common::v1::SearchAttributes merged(const execution& x,
                                         const api::common::v1::SearchAttributes& upserted) {
  api::common::v1::SearchAttributes out;
  for (const auto& [name, payload] : x.search_attributes())
    if (!is_servers_own(name))
      (*out.mutable_indexed_fields())[name] = payload;
  for (const auto& [name, payload] : upserted.indexed_fields()) {
    if (protocol::is_no_value(payload))
      out.mutable_indexed_fields()->erase(name);
    else
      (*out.mutable_indexed_fields())[name] = payload;
  }
  return out;
}

/// An attribute or memo field without a value is removed.
template <class Map>
void merge_fields(Map& into, const Map& fields, bool list_is_value = false) {
  for (const auto& [name, payload] : fields) {
    if (is_no_value(payload) && !(list_is_value && payload.data() == "[]"))
      into.erase(name);
    else
      into[name] = payload;
  }
}

} // namespace

bool is_no_value(const api::common::v1::Payload& payload) {
  if (payload.data().empty() && payload.metadata().empty())
    return true;
  auto encoding = payload.metadata().find("encoding");
  if (encoding == payload.metadata().end())
    return false;
  return encoding->second == "binary/null"
         || (encoding->second == "json/plain"
             && (payload.data() == "null" || payload.data() == "[]"));
}

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

command_result upsert_search_attributes(transition& t, const api::command::v1::Command& command,
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
  if (bytes_of_fields(wanted.search_attributes().indexed_fields()) > t.ctx().bounds.blob_bytes_max)
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

command_result modify_properties(transition& t, const api::command::v1::Command& command,
                                 completion& c) {
  constexpr const char* on_command = " is not set on ModifyWorkflowPropertiesCommand.";
  if (!command.has_modify_workflow_properties_command_attributes())
    return bad_properties(std::string{"ModifyWorkflowPropertiesCommandAttributes"} + on_command);
  const auto& wanted = command.modify_workflow_properties_command_attributes();
  if (!wanted.has_upserted_memo())
    return bad_properties(std::string{"UpsertedMemo"} + on_command);
  const auto& fields = wanted.upserted_memo().fields();
  if (fields.empty())
    return bad_properties(std::string{"UpsertedMemo.Fields"} + on_command);
  auto bytes = bytes_of_fields(fields) + bytes_of_fields(t.state().memo());
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

void fold_attributes_upserted(execution& x, const history_event& event) {
  merge_fields(*x.mutable_search_attributes(),
               event.upsert_workflow_search_attributes_event_attributes()
                 .search_attributes()
                 .indexed_fields());
}

void fold_properties_modified(execution& x, const history_event& event) {
  // To former versions an empty list was a memo's value like another.
  merge_fields(*x.mutable_memo(),
               event.workflow_properties_modified_event_attributes().upserted_memo().fields(),
               is_of_former(event));
}

} // namespace reprise::engine
