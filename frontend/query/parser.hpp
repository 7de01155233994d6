#pragma once

#include "actors/namespaces/namespace_registry.hpp"
#include "base/result.hpp"
#include "frontend/query/syntax.hpp"
#include "temporal/api/enums/v1/common.pb.h"

#include <optional>
#include <string>
#include <vector>

namespace reprise::frontend {

/// A visibility query that the store can run.
struct visibility_query {
  store::filter filter{};
  /// Counts only: the attribute by whose values they are grouped.
  std::optional<std::string> group_by{};
  store::value_type group_type = store::value_type::keyword;
  /// Its type as callers know it.
  temporal::api::enums::v1::IndexedValueType group_shown_as{};
  /// Lists only; empty: the order that lists have by themselves.
  std::vector<store::sort_key> order{};
};

/// Reads a query of the visibility language against the attributes of a namespace. Runs of the
/// server's own (those with a namespace division) are left out unless the query speaks of them.
/// Refused with the API's texts: what does not parse, unknown attributes, values of another type,
/// ORDER BY, LIMIT, GROUP BY unless `grouping` is allowed; and what is larger than `most`.
result<visibility_query> parse_query(const std::string& text, const actors::namespace_entry& ns,
                                     bool grouping, const query::limits& most = {});

/// The same for a list, which has no groups and may have an order.
result<visibility_query> parse_list_query(const std::string& text,
                                          const actors::namespace_entry& ns,
                                          const query::limits& most = {});

} // namespace reprise::frontend
