#pragma once

#include "engine/machine/context.hpp"
#include "engine/machine/deadlines.hpp"
#include "engine/machine/session.hpp"
#include "engine/query/query_registry.hpp"
#include "engine/task/speculative.hpp"
#include "engine/update/update_registry.hpp"

#include <optional>

namespace reprise::engine {

/// What a workflow id holds that is not durable. The bounds must outlive it.
class workflow_session final : public session {
public:
  explicit workflow_session(const session_bounds& bounds) : queries(bounds) {
  }

  std::optional<time_point> next_deadline() const override {
    auto out = queries.next_deadline();
    take_earlier(out, updates.next_deadline());
    if (task)
      take_earlier(out, speculative_deadline(task->task));
    return out;
  }

  std::size_t bytes() const override {
    return updates.bytes();
  }

  void drop(caller_number caller) override {
    queries.drop(caller);
    updates.drop(caller);
  }

  /// What a decision may know of it.
  context shown_to(context c) const {
    c.updates = &updates;
    c.speculative = task ? &*task : nullptr;
    return c;
  }

  query_registry queries;
  update_registry updates;
  /// Of the current run.
  std::optional<speculative_task> task;
};

} // namespace reprise::engine
