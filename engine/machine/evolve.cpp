// The fold: how each entry of a journal changes a run's state. Total and pure; running and
// replaying share every line. What decides stands elsewhere; here nothing can be refused. What an
// entry does stands with the feature that it is of (features.hpp).
//
// A buffered event takes effect when it arrives and again when it is flushed under its id, so the
// effects of what may be buffered are idempotent.

#include "engine/machine/evolve.hpp"

#include "engine/machine/event_reader.hpp"
#include "engine/machine/external_payloads.hpp"
#include "engine/machine/features.hpp"
#include "engine/machine/proto_time.hpp"
#include "protocol/parse_stored.hpp"

#include <algorithm>

namespace reprise::engine {

void evolve_sized(execution& x, const history_event& event, std::size_t bytes) {
  x.set_next_event_id(event.event_id() + 1);
  x.set_history_size_bytes(x.history_size_bytes() + static_cast<std::int64_t>(bytes));
  if (from_proto(x.last_event_time()) < from_proto(event.event_time()))
    *x.mutable_last_event_time() = event.event_time();
  if (auto outside = external_payloads_of(event); outside.count > 0) {
    x.set_external_payload_count(x.external_payload_count() + outside.count);
    x.set_external_payload_size_bytes(add_sizes(x.external_payload_size_bytes(), outside.bytes));
  }
  if (auto* fold = rule_of(event.event_type()).fold; fold != nullptr)
    fold(x, event);
}

bool is_of_former(const history_event& event) {
  return event.event_id() != 0 && event.task_id() == 0;
}

void evolve_transition_end(execution& x) {
  x.set_state_transition_count(x.state_transition_count() + 1);
}

void evolve(execution& x, const history_event& event) {
  evolve_sized(x, event, event.ByteSizeLong());
}

void evolve(execution& x, const journal::Fact& fact) {
  if (auto* fold = rule_of(fact.fact_case()).fold; fold != nullptr)
    fold(x, fact);
}

namespace {

/// The next event of a row, folded. False at the row's end, and when it is not the run's next.
bool evolve_next(execution& x, event_reader& reader, history_event& event, bool& in_order) {
  std::size_t bytes = 0;
  if (!reader.next(event, bytes))
    return false;
  in_order = event.event_id() == std::max<std::int64_t>(x.next_event_id(), 1);
  if (in_order)
    evolve_sized(x, event, bytes);
  return in_order;
}

} // namespace

bool evolve(execution& x, const record& row) {
  journal::Facts facts;
  if (!protocol::parse_stored(facts, row.facts))
    return false;
  event_reader reader{row.events};
  history_event event;
  bool in_order = true;
  for (const auto& fact : facts.facts()) {
    if (fact.fact_case() != journal::Fact::kPublicEvents) {
      evolve(x, fact);
      continue;
    }
    for (auto left = fact.public_events(); left > 0; --left)
      if (!evolve_next(x, reader, event, in_order))
        return false;
  }
  while (evolve_next(x, reader, event, in_order)) {
  }
  if (!row.empty())
    evolve_transition_end(x);
  return in_order && reader.ok();
}

bool is_open(const execution& x) {
  return x.status() == enums::WORKFLOW_EXECUTION_STATUS_RUNNING
         || x.status() == enums::WORKFLOW_EXECUTION_STATUS_PAUSED;
}

} // namespace reprise::engine
