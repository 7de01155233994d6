#include "actors/run/visibility_row.hpp"

#include "temporal/api/enums/v1/common.pb.h"

#include <optional>
#include <utility>

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

} // namespace

store::visibility_row make_visibility_row(engine::listing told, const store::run_head& head) {
  store::visibility_row out;
  out.key = head.key;
  out.namespace_id = head.namespace_id;
  out.kind = head.kind;
  out.workflow_id = head.workflow_id;
  out.run_id = head.run_id;
  out.workflow_type = std::move(told.type);
  out.task_queue = std::move(told.task_queue);
  out.status = told.status;
  out.start_time = told.start_time;
  out.execution_time = told.execution_time;
  out.close_time = told.close_time;
  out.history_length = told.history_length;
  out.history_size_bytes = told.history_size_bytes;
  out.state_transition_count = told.state_transition_count;
  out.parent_workflow_id = std::move(told.parent_id);
  out.parent_run_id = std::move(told.parent_run_id);
  out.root_workflow_id = std::move(told.root_id);
  out.root_run_id = std::move(told.root_run_id);
  out.info = std::move(told.info);
  out.search_attributes.reserve(told.search_attributes.size());
  for (auto& a : told.search_attributes)
    if (auto type = to_value_type(a.type))
      out.search_attributes.push_back({.name = std::move(a.name),
                                       .value = {.type = *type,
                                                 .texts = std::move(a.value.texts),
                                                 .integer = a.value.integer,
                                                 .real = a.value.real}});
  return out;
}

} // namespace reprise::actors
