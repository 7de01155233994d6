#pragma once

#include "store/filter.hpp"
#include "store/sorting.hpp"

#include <variant>

namespace reprise::store::sql {

using parameter = std::variant<std::int64_t, double, std::string>;

/// A WHERE condition with one `?` for each parameter, in order. Values of queries only ever travel
/// as parameters.
struct condition {
  std::string text{};
  std::vector<parameter> parameters{};
};

/// The column of `attributes` (under the alias `a`) that holds a value of the type.
const char* value_column(value_type type) noexcept;

/// The same meaning as matches(), over the tables that both SQL stores share: the visibility row
/// under the alias `v`, its attributes in `attributes`, and `run_ids` and `runs` as indexes of
/// workflow and run ids. Plain SQL that SQLite, MariaDB and MySQL read alike.
condition compile(const std::string& namespace_id, machine_kind kind, const filter& f);

/// The value that count_by groups by. Parameters come in this order, before those of a WHERE.
struct grouping {
  condition value{};
  /// Behind the visibility table: empty, or the elements of a list.
  condition join{};
};

grouping compile_grouping(const std::string& attribute, value_type type);

/// The values that rows are sorted by, as "..., expression AS k0, expression AS k1".
condition compile_sort_values(std::span<const sort_key> order);
/// The same as terms of an ORDER BY over a table with those values and the run's key as `place`:
/// "p.k0 IS NULL, p.k0 DESC, ..., p.place DESC", where `prefix` is "p.".
std::string sort_terms(std::span<const sort_key> order, std::string_view prefix);
/// Rows behind a place. It has a value for each part of the order.
condition compile_behind(std::span<const sort_key> order, const sorted_place& place);

/// Hash of a durable actor's address by which `run_ids` finds its runs. Stored: it must never
/// change.
std::int64_t id_hash(const std::string& namespace_id, machine_kind kind,
                     const std::string& id) noexcept;

} // namespace reprise::store::sql
