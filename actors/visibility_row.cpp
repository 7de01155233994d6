#include "actors/visibility_row.hpp"

#include "engine/engine.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/search_attributes.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <algorithm>
#include <optional>

namespace reprise::actors {

namespace {

namespace enums = temporal::api::enums::v1;
using store::value_type;

std::optional<value_type> to_value_type(int type) {
  switch (type) {
    case enums::INDEXED_VALUE_TYPE_TEXT:
      return value_type::text;
    case enums::INDEXED_VALUE_TYPE_KEYWORD:
      return value_type::keyword;
    case enums::INDEXED_VALUE_TYPE_INT:
      return value_type::integer;
    case enums::INDEXED_VALUE_TYPE_DOUBLE:
      return value_type::real;
    case enums::INDEXED_VALUE_TYPE_BOOL:
      return value_type::boolean;
    case enums::INDEXED_VALUE_TYPE_DATETIME:
      return value_type::datetime;
    case enums::INDEXED_VALUE_TYPE_KEYWORD_LIST:
      return value_type::keyword_list;
    default:
      return std::nullopt;
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
                    const attribute_types& types, store::visibility_row& out) {
  for (auto& [name, payload] : *info.mutable_search_attributes()->mutable_indexed_fields()) {
    auto known = types.find(name);
    auto type = known == types.end() ? std::nullopt : to_value_type(known->second);
    if (!type)
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
    if (*type != value_type::datetime || !is_clamped((*value)->integer))
      payload.set_data(protocol::search_attribute_json(**value, known->second));
    out.search_attributes.push_back({.name = name,
                                     .value = {.type = *type,
                                               .texts = std::move((*value)->texts),
                                               .integer = (*value)->integer,
                                               .real = (*value)->real}});
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

store::visibility_row make_visibility_row(const engine::execution& x, std::int64_t key,
                                          const attribute_types& types) {
  auto info = engine::info_of(x);
  store::visibility_row out;
  out.key = key;
  out.namespace_id = x.created().namespace_id();
  out.workflow_id = info.execution().workflow_id();
  out.run_id = info.execution().run_id();
  out.workflow_type = info.type().name();
  out.task_queue = info.task_queue();
  out.status = static_cast<int>(info.status());
  out.start_time = engine::from_proto(info.start_time());
  out.execution_time = engine::from_proto(info.execution_time());
  if (info.has_close_time())
    out.close_time = engine::from_proto(info.close_time());
  out.history_length = info.history_length();
  out.history_size_bytes = info.history_size_bytes();
  out.state_transition_count = info.state_transition_count();
  out.parent_workflow_id = info.parent_execution().workflow_id();
  out.parent_run_id = info.parent_execution().run_id();
  out.root_workflow_id = info.root_execution().workflow_id();
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

} // namespace reprise::actors
