#pragma once

#include "base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace reprise::engine {

/// Which call it is that waits, or is answered: its shell's number of it.
using caller_number = std::uint64_t;

/// How much one session holds.
struct session_bounds {
  /// Queries without an answer; and of these, those of one run that wait for a workflow task.
  std::size_t queries_max = 200;
  std::size_t queries_buffered_max = 1;
  /// The largest answer of a worker to a query that reaches its caller.
  std::size_t query_answer_bytes_max = 2U << 20;
};

/// What a durable actor holds that is not durable: callers who wait for more than a decision. Made
/// by the actor's machine when there is something to hold, changed by its decisions, together with
/// the state, and gone with the actor: the callers are asked again then.
class session {
public:
  session() = default;
  virtual ~session() = default;
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// When the actor wants to be woken for those that wait; nothing when none does.
  virtual std::optional<time_point> next_deadline() const = 0;

  /// About what it takes in memory that no call of a caller counts as well.
  virtual std::size_t bytes() const {
    return 0;
  }

  /// This caller waits no more.
  virtual void drop(caller_number caller) = 0;
};

/// Nothing while nothing is held.
using session_ptr = std::unique_ptr<session>;

} // namespace reprise::engine
