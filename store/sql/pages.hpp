#pragma once

#include "store/filter.hpp"

#include <string>

// Pages of lists in their own order, as plain SQL that all databases read alike: a page begins at
// its place in the index, whatever lies before it.
namespace reprise::store::sql {

/// Where the rows of a query are looked for, and which of them it means.
struct row_source {
  /// Tables, the visibility table among them as `v`.
  std::string tables{};
  std::string where{};
  /// Of the table whose index has the order of lists: "v." or another.
  std::string in_order{};
  /// It means open runs alone; `where` says so.
  bool is_open_only = false;
};

/// Whether every row that matches is open: the filter asks for statuses that only open runs of
/// workflows have.
bool asks_for_open_only(machine_kind kind, const filter& f);

std::string order_of_lists(const std::string& table);

/// How often tables and condition stand in keys_behind().
int parts_behind(const row_source& from, const list_cursor& behind);
/// A SELECT of the keys, as `place`, of at least so many rows behind a place, as far as there are
/// so many. Each part is a range of the index, or, of runs that closed while somebody walked, all
/// of those.
std::string keys_behind(const row_source& from, const list_cursor& behind, std::uint64_t limit);
/// The order in which those rows follow the place, of the visibility table `v`.
std::string order_behind(const list_cursor& behind);

} // namespace reprise::store::sql
