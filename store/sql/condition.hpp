#pragma once

#include "store/filter.hpp"

#include <variant>

namespace reprise::store::sql {

using parameter = std::variant<std::int64_t, double, std::string>;

/// A WHERE condition with one `?` for each parameter, in order. Values of queries only ever travel
/// as parameters.
struct condition {
  std::string text{};
  std::vector<parameter> parameters{};
};

/// The same meaning as matches(), over the tables that both SQL stores share: the visibility row
/// under the alias `v`, its attributes in `attributes`, and `run_ids` and `runs` as indexes of
/// workflow and run ids. Plain SQL that SQLite, MariaDB and MySQL read alike.
condition compile(const std::string& namespace_id, machine_kind kind, const filter& f);

/// An expression for the value that count_by groups by; its parameters come before those of a
/// WHERE.
condition compile_value(const std::string& attribute, value_type type);

/// Hash of a durable actor's address by which `run_ids` finds its runs. Stored: it must never
/// change.
std::int64_t id_hash(const std::string& namespace_id, machine_kind kind,
                     const std::string& id) noexcept;

} // namespace reprise::store::sql
