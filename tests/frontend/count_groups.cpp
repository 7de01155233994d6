#include "frontend/query/parser.hpp"

#include <doctest/doctest.h>

namespace reprise::frontend {
namespace {

visibility_query parsed(const std::string& text) {
  auto query = parse_query(text, actors::namespace_entry{}, true);
  REQUIRE(query);
  return std::move(*query);
}

} // namespace

TEST_CASE("counts by status are grouped by the number that the store keeps") {
  auto query = parsed("GROUP BY ExecutionStatus");
  REQUIRE(query.group_by);
  CHECK(*query.group_by == "ExecutionStatus");
  CHECK(query.group_type == store::value_type::integer);
}

TEST_CASE("counts by another attribute are grouped by its text") {
  auto query = parsed("GROUP BY TemporalNamespaceDivision");
  REQUIRE(query.group_by);
  CHECK(query.group_type == store::value_type::keyword);
}

} // namespace reprise::frontend
