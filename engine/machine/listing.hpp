#pragma once

#include "base/clock.hpp"
#include "protocol/search_attributes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reprise::engine {

/// A search attribute as queries see it; `type`: IndexedValueType.
struct listed_attribute {
  std::string name{};
  int type = 0;
  protocol::search_attribute_value value{};
};

/// What lists and queries are told of a run. Its shell makes a row of it.
struct listing {
  std::string type{};
  std::string task_queue{};
  int status = 1;
  time_point start_time{};
  time_point execution_time{};
  std::optional<time_point> close_time{};
  std::int64_t history_length = 0;
  std::int64_t history_size_bytes = 0;
  std::int64_t state_transition_count = 0;
  std::string parent_id{};
  std::string parent_run_id{};
  std::string root_id{};
  std::string root_run_id{};
  /// Sorted by name.
  std::vector<listed_attribute> search_attributes{};
  /// A serialised temporal.api.workflow.v1.WorkflowExecutionInfo: what a list answers, verbatim.
  std::string info{};
};

} // namespace reprise::engine
