#pragma once

#include "store/store.hpp"

#include <string>

// Rows and transitions for tests of the store: small, and told apart by one number.
namespace reprise::test {

inline constexpr const char* namespace_id = "11111111-2222-3333-4444-555555555555";

inline time_point at(std::int64_t seconds) {
  return time_point{std::chrono::seconds{1'700'000'000 + seconds}};
}

inline std::string run_id_of(std::int64_t key) {
  return "run-" + std::to_string(key);
}

inline std::string workflow_id_of(std::int64_t key) {
  return "workflow-" + std::to_string(key);
}

inline store::run_head head_of(std::int64_t key) {
  auto workflow_id = workflow_id_of(key);
  return {.key = key,
          .slot = store::slot_of(namespace_id, machine_kind::workflow, workflow_id),
          .namespace_id = namespace_id,
          .workflow_id = workflow_id,
          .run_id = run_id_of(key),
          .last_seq = 1,
          .next_event_id = 3,
          .status = 1};
}

inline store::visibility_row listed(std::int64_t key, std::int64_t start) {
  auto head = head_of(key);
  return {.key = key,
          .namespace_id = head.namespace_id,
          .workflow_id = head.workflow_id,
          .run_id = head.run_id,
          .workflow_type = "order",
          .task_queue = "orders",
          .start_time = at(start),
          .execution_time = at(start),
          .info = "info of " + std::to_string(key)};
}

/// Two events and a fact: what a start leaves.
inline store::journal_row first_row() {
  return {.seq = 1, .first_event_id = 1, .event_count = 2, .events = "e1e2", .facts = "f1"};
}

/// A new run that becomes the current one of a workflow id that had none.
inline store::transition start_of(std::int64_t key, store::epoch_number epoch) {
  auto head = head_of(key);
  store::transition t{.slot = head.slot, .epoch = epoch};
  t.currents.push_back({.namespace_id = head.namespace_id,
                        .workflow_id = head.workflow_id,
                        .run_id = head.run_id,
                        .key = key});
  t.runs.push_back(
    {.what = store::run_write::kind::create, .head = std::move(head), .row = first_row()});
  return t;
}

/// One more row with one event behind row `seq - 1` of a run that start_of made.
inline store::transition append_to(std::int64_t key, std::uint64_t seq, store::epoch_number epoch) {
  auto head = head_of(key);
  head.last_seq = seq;
  head.next_event_id = static_cast<std::int64_t>(seq) + 2;
  store::transition t{.slot = head.slot, .epoch = epoch};
  auto number = std::to_string(seq);
  store::journal_row row{.seq = seq,
                         .first_event_id = static_cast<std::int64_t>(seq) + 1,
                         .event_count = 1,
                         .events = "e" + number,
                         .facts = "f" + number};
  t.runs.push_back(
    {.what = store::run_write::kind::append, .head = std::move(head), .row = std::move(row)});
  return t;
}

inline store::transition touch_of(const store::run_head& head, store::epoch_number epoch) {
  store::transition t{.slot = head.slot, .epoch = epoch};
  t.runs.push_back({.what = store::run_write::kind::touch, .head = head});
  return t;
}

inline store::transition erase_of(std::int64_t key, store::epoch_number epoch) {
  auto head = head_of(key);
  store::transition t{.slot = head.slot, .epoch = epoch};
  t.runs.push_back({.what = store::run_write::kind::erase, .head = std::move(head)});
  return t;
}

inline store::commit_status commit_one(store::store& s, const store::transition& t) {
  return s.commit({&t, 1}).front();
}

} // namespace reprise::test
