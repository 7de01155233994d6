#pragma once

#include "engine/machine/session.hpp"
#include "engine/query/query_registry.hpp"

namespace reprise::engine {

/// What a workflow id holds that is not durable. The bounds must outlive it.
class workflow_session final : public session {
public:
  explicit workflow_session(const session_bounds& bounds) : queries(bounds) {
  }

  std::optional<time_point> next_deadline() const override {
    return queries.next_deadline();
  }

  void drop(caller_number caller) override {
    queries.drop(caller);
  }

  query_registry queries;
};

} // namespace reprise::engine
