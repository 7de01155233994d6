#pragma once

#include "store/types.hpp"

#include <string_view>

namespace reprise::store {

/// A visibility query, parsed and checked by the frontend. A tree: `both`, `either` and `negation`
/// have children, every other node compares one attribute.
///
/// Logic has three values, as in SQL and as the reference server answers: a comparison with an
/// attribute that the row lacks (or that has another type than `type`) is unknown, its negation is
/// unknown too, and a row matches only when the whole is true. So `!=`, `NOT IN` and
/// `NOT (... = ...)` leave such rows out; only is_null and is_not_null see absence.
struct filter {
  enum class op : std::uint8_t {
    everything, // matches each row; the query was empty
    both,       // AND over children
    either,     // OR over children
    negation,   // NOT of the only child
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    in,
    not_in,
    between, // both ends included
    not_between,
    is_null,
    is_not_null,
    starts_with,
    not_starts_with,
  };

  op what = op::everything;
  /// Name of a system column ("WorkflowId", "RunId", "WorkflowType", "TaskQueue",
  /// "ExecutionStatus" (integer), "StartTime", "ExecutionTime", "CloseTime", "HistoryLength",
  /// "HistorySizeBytes", "ExecutionDuration" (integer, ns), "StateTransitionCount",
  /// "ParentWorkflowId", "ParentRunId", "RootWorkflowId", "RootRunId") or of a search attribute.
  /// The CloseTime of an open run is null, and yet later than any time it is compared with. Until a
  /// run closes, its HistoryLength, HistorySizeBytes, StateTransitionCount and ExecutionDuration
  /// (close minus execution time) are null. Empty parent and root ids are null.
  std::string attribute{};
  /// The type of a search attribute; system columns know their own. A keyword_list knows equal and
  /// in (any whole element), a text too (any of its words, see words_of).
  value_type type = value_type::keyword;
  /// One value for comparisons, two for between, any number for in.
  std::vector<search_value> values{};
  std::vector<filter> children{};
};

/// Where a list goes on: behind this row in the order "open runs first, then latest close; within
/// that latest start; then key, descending".
struct list_cursor {
  std::optional<time_point> close_time{};
  time_point start_time{};
  std::int64_t key = 0;
  /// Of a place among open runs: the latest close that there was when the walk began
  /// (`latest_close`). Runs that closed later are where they were while they were open, so the walk
  /// meets none of them twice, and misses none.
  std::optional<time_point> walk_began{};
};

struct group_count {
  /// A keyword without texts: the rows that lack the attribute.
  search_value value{};
  std::int64_t count = 0;
};

/// Whether a row matches. The meaning of a filter, used by the memory store and as the reference
/// that the SQL stores are tested against.
bool matches(const filter& f, const visibility_row& row);

/// The words of a text by which `=` finds it, sorted, each once: where UAX 29 parts them, folded to
/// one case, accents kept. Of scripts that put no blanks between words, each sign is one.
std::vector<std::string> words_of(std::string_view text);

struct filter_size {
  /// Levels of children below the filter.
  std::size_t depth = 0;
  std::size_t leaves = 0;
};

filter_size size_of(const filter& f) noexcept;

/// The operator that `what` negates (`not_in`: `in`, `is_not_null`: `is_null`); any other: itself.
filter::op positive_form(filter::op what) noexcept;

} // namespace reprise::store
