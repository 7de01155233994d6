#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace reprise::engine {

class update_registry;
struct speculative_task;

/// Bounds and defaults; the values are the reference server's. One immutable instance a process,
/// except in tests.
struct limits {
  std::size_t blob_bytes_max = 2U << 20;
  std::size_t memo_bytes_max = 2U << 20;
  std::size_t id_length_max = 1000;
  std::size_t pending_activities_max = 2000;
  std::size_t pending_external_signals_max = 2000;
  std::size_t pending_external_cancels_max = 2000;
  std::size_t pending_children_max = 2000;
  std::size_t signals_max = 10'000;
  std::size_t buffered_events_max = 100;
  std::size_t buffered_bytes_max = 2U << 20;
  /// Completion callbacks of a run: of its start, and those that later starts attached.
  int callbacks_max = 2000;
  std::size_t callbacks_bytes_max = 4U << 20;
  std::size_t search_attributes_max = 100;
  std::size_t search_attribute_bytes_max = 2U << 10;
  std::size_t search_attributes_bytes_max = 40U << 10;
  std::size_t transaction_bytes_max = 4U << 20;
  std::size_t retained_failure_bytes_max = 4U << 10;
  /// What is left in history of a failure that is larger than a blob may be.
  std::size_t kept_failure_bytes_max = 512U << 10;
  /// What one transition does at most of the timers and time-outs that are due.
  std::size_t due_items_max = 1000;
  std::size_t due_bytes_max = 1U << 20;
  /// 0: histories grow without end, unlike the reference server's.
  std::int64_t history_events_max = 0;
  std::int64_t history_bytes_max = 0;
  /// Of a run's state, as it is stored; 0: likewise.
  std::size_t state_bytes_max = 0;
  /// Batches of events of a page of a history that a caller reads.
  std::int64_t history_page_max = 256;
  /// Updates of a run that are not completed, and what they bring; and all that it may have.
  std::size_t updates_in_flight_max = 10;
  std::size_t update_bytes_max = 20U << 20;
  std::size_t updates_max = 2000;
  /// A speculative task whose worker takes the events before it twice is dropped with so many.
  std::int64_t dropped_events_max = 10;
  std::int64_t suggest_continue_events = 4096;
  std::int64_t suggest_continue_bytes = 4 << 20;
  std::size_t suggest_continue_updates = 1800;
  duration workflow_task_timeout_default = std::chrono::seconds{10};
  duration workflow_task_timeout_max = std::chrono::seconds{120};
  duration workflow_task_heartbeat_max = std::chrono::minutes{30};
  /// How long a speculative task waits on a queue that any worker may take it from.
  duration speculative_task_wait_max = std::chrono::seconds{5};
  duration workflow_task_backoff_initial = std::chrono::seconds{5};
  duration workflow_task_backoff_max = std::chrono::minutes{10};
  duration run_interval_min = std::chrono::seconds{1};
  int workflow_task_problems_reported = 5;
  /// What a run remembers of what grows; of each run as it was when the run began.
  int reset_points_max = 20;
  int builds_bytes_max = 1900;
  int attached_requests_max = 25;
  /// What a reset tells the new run again of the time behind its point, and of how many runs that
  /// continued each other.
  std::size_t reset_reapply_bytes_max = 8U << 20;
  int reset_chain_runs_max = 1000;
};

/// What the engine may know of the namespace.
struct namespace_facts {
  std::string id{};
  std::string name{};
  duration retention = std::chrono::hours{24};
  /// Name to IndexedValueType, system and custom ones.
  std::map<std::string, int> search_attributes{};
};

/// Time, identity and settings come from outside (invariant 12). Lives for one decision.
struct context {
  time_point now{};
  id_source& ids;
  const namespace_facts& ns;
  const limits& bounds;
  /// What the session holds of the workflow id; null: nothing.
  const update_registry* updates = nullptr;
  const speculative_task* speculative = nullptr;
};

} // namespace reprise::engine
