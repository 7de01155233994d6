#pragma once

#include "engine/machine/step.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace reprise::engine {

/// A row of a journal that has events; its facts are left out.
struct told_row {
  /// 0: it is not in the store yet.
  std::uint64_t seq = 0;
  std::int64_t first_event_id = 0;
  std::int64_t event_count = 0;
  /// A serialised History.
  std::string_view events{};
};

/// A place in the history of one run of the id.
struct history_place {
  std::string run_id{};
  std::int64_t next_event_id = 1;
};

/// The beginning of a journal that a new run takes over.
struct copied_beginning {
  std::string from_run_id{};
  /// Rows of that run up to here come over, without their facts.
  std::uint64_t last_seq = 0;
  /// The new run's own first row, in front of them.
  record begin{};
};

/// What a decision has to know of histories, which lie in the store. A machine that cannot decide
/// without it says so by one of these; the shell reads what is wanted and has the request decided
/// once more. Lives as long as the shell keeps the call; pure but for what it is told.
class inquiry {
public:
  inquiry() = default;
  virtual ~inquiry() = default;
  inquiry(const inquiry&) = delete;
  inquiry& operator=(const inquiry&) = delete;

  /// Rows from here on are wanted, in their order. Nothing: the store has told enough.
  virtual std::optional<history_place> wanted() const = 0;
  virtual void take(const told_row& row) = 0;
  /// The store has no more rows of the wanted run; `found`: it has the run.
  virtual void no_more(bool found) = 0;
  /// The last run that was read was still open at this place. Whoever has that run in memory knows
  /// whether more came since.
  virtual std::optional<history_place> open_end() const = 0;
  /// More is to be read behind the open end.
  virtual void go_on() = 0;
  /// To be copied before the decision; known when all is read. Nothing: nothing is.
  virtual std::optional<copied_beginning> copy() const = 0;
};

using inquiry_ptr = std::shared_ptr<inquiry>;

} // namespace reprise::engine
