#pragma once

#include "store/filter.hpp"
#include "store/sql/attribute_codec.hpp"

#include <utility>
#include <vector>

// The index of values: of each run an entry for every value of its search attributes, for its
// parent, and for its status where few runs have it, under (hash of the value, place in the order
// of lists). So the runs that have a value are found without looking at others, in the order of
// lists. Both SQL stores have it: SQLite as the table `attribute_values`, MySQL as an index of
// `attributes`.
namespace reprise::store::sql {

/// The entry of an element, whose value stands for all that compare as equal to it. Nothing when it
/// has none: it has no value, or is of an attribute that no query is narrowed by. Stored: it must
/// never change.
std::optional<std::int64_t> value_hash(const std::string& namespace_id, machine_kind kind,
                                       const attribute_element& element);

/// What the index has of a row besides its attributes, as elements of the same kind: the parent,
/// and the status of a run that did not end well.
std::vector<attribute_element> column_elements(const visibility_row& row);

/// The entries of a row, in order, each once.
std::vector<std::int64_t> value_hashes(const visibility_row& row);

/// A part of a filter that the index answers: every row that matches the filter has one of these
/// entries.
struct probe {
  std::vector<std::int64_t> hashes{};
};

/// All such parts; none when ids lead to the rows anyway.
std::vector<probe> probes_of(const std::string& namespace_id, machine_kind kind, const filter& f);

/// Whether a probe has so few rows that they are better fetched than found by looking at others.
inline constexpr std::int64_t few_rows = 1000;

/// The best of some probes, each with its number of rows as far as few_rows + 1: null when none is
/// of use. One entry alone is in the order of lists, so it always is.
const probe* best_probe(const std::vector<std::pair<probe, std::int64_t>>& counted);

} // namespace reprise::store::sql
