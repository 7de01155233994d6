#include "engine/workflow/listing.hpp"

#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/search_attributes.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <algorithm>
#include <utility>

namespace reprise::engine {

namespace {

namespace enums = temporal::api::enums::v1;

/// Types that queries know.
bool is_searchable(int type) {
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_TEXT:
    case enums::INDEXED_VALUE_TYPE_KEYWORD:
    case enums::INDEXED_VALUE_TYPE_INT:
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
    case enums::INDEXED_VALUE_TYPE_BOOL:
    case enums::INDEXED_VALUE_TYPE_DATETIME:
    case enums::INDEXED_VALUE_TYPE_KEYWORD_LIST:
      return true;
    default:
      return false;
  }
}

/// What 64 bits of nanoseconds cannot hold was brought to the nearest that they can.
bool is_clamped(std::int64_t nanoseconds) {
  constexpr std::int64_t far = 9'223'372'034'000'000'000;
  return nanoseconds >= far || nanoseconds <= -far;
}

/// Fills what queries see, and says in the info what the namespace makes of the attributes: types
/// and values in one spelling, whatever the caller wrote there.
void add_attributes(temporal::api::workflow::v1::WorkflowExecutionInfo& info,
                    const protocol::search_attribute_types& types, listing& out) {
  for (auto& [name, payload] : *info.mutable_search_attributes()->mutable_indexed_fields()) {
    auto known = types.find(name);
    if (known == types.end() || !is_searchable(known->second))
      continue;
    const auto* name_of_type = protocol::search_attribute_type_name(known->second);
    (*payload.mutable_metadata())["type"] = name_of_type;
    auto value = protocol::decode_search_attribute(payload, known->second);
    if (!value || !value->has_value())
      continue;
    // Of what the caller wrote beside the value lists tell nothing.
    payload.clear_metadata();
    (*payload.mutable_metadata())["encoding"] = "json/plain";
    (*payload.mutable_metadata())["type"] = name_of_type;
    if (known->second != enums::INDEXED_VALUE_TYPE_DATETIME || !is_clamped((*value)->integer))
      payload.set_data(protocol::search_attribute_json(**value, known->second));
    out.search_attributes.push_back(
      {.name = name, .type = known->second, .value = std::move(**value)});
  }
  std::sort(out.search_attributes.begin(), out.search_attributes.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
}

void add_number(temporal::api::workflow::v1::WorkflowExecutionInfo& info, const char* name,
                std::int64_t value) {
  auto& payload = (*info.mutable_search_attributes()->mutable_indexed_fields())[name];
  (*payload.mutable_metadata())["encoding"] = "json/plain";
  payload.set_data(std::to_string(value));
}

} // namespace

listing listing_of(const execution& x, const protocol::search_attribute_types& types) {
  auto info = info_of(x);
  listing out;
  out.type = info.type().name();
  out.task_queue = info.task_queue();
  out.status = static_cast<int>(info.status());
  out.start_time = from_proto(info.start_time());
  out.execution_time = from_proto(info.execution_time());
  if (info.has_close_time())
    out.close_time = from_proto(info.close_time());
  out.history_length = info.history_length();
  out.history_size_bytes = info.history_size_bytes();
  out.state_transition_count = info.state_transition_count();
  out.parent_id = info.parent_execution().workflow_id();
  out.parent_run_id = info.parent_execution().run_id();
  out.root_id = info.root_execution().workflow_id();
  out.root_run_id = info.root_execution().run_id();
  if (out.close_time && info.external_payload_count() > 0) {
    add_number(info, "TemporalExternalPayloadCount", info.external_payload_count());
    add_number(info, "TemporalExternalPayloadSizeBytes", info.external_payload_size_bytes());
  }
  if (info.has_search_attributes())
    add_attributes(info, types, out);
  // Describe tells these; a row tells what lasts, and counts only when they are final.
  info.clear_auto_reset_points();
  info.clear_first_run_id();
  info.clear_parent_namespace_id();
  if (!out.close_time) {
    info.clear_history_length();
    info.clear_history_size_bytes();
    info.clear_state_transition_count();
    info.clear_external_payload_count();
    info.clear_external_payload_size_bytes();
  }
  info.SerializeToString(&out.info);
  return out;
}

} // namespace reprise::engine
