#pragma once

#include "store/sql/listed_counts.hpp"
#include "store/sqlite/database.hpp"

namespace reprise::store::sqlite {

/// Writes the row that lists a run, and where queries find it. `is_new`: the run has none yet.
void put_visibility(database& db, std::int64_t key, const visibility_row& row, bool is_new,
                    sql::count_changes& counts);
/// Takes it away, if there is one.
void erase_visibility(database& db, std::int64_t key, sql::count_changes& counts);
/// Writes what the rows of a group changed, at its end.
void write_counts(database& db, sql::count_changes& counts);
/// Of all rows: where queries find them, and how many there are. For a file that has neither yet.
void index_visibility(database& db);

/// The columns that read_visibility expects, of the table under the alias `v`.
extern const char* const visibility_columns;

/// The current row of such a statement. Throws `failure` (SQLITE_CORRUPT) when it cannot be read.
visibility_row read_visibility(const statement& s);

} // namespace reprise::store::sqlite
