#pragma once

#include "store/sqlite/database.hpp"

namespace reprise::store::sqlite {

/// Writes the row that lists a run. `is_new`: the run has none yet.
void put_visibility(database& db, std::int64_t key, const visibility_row& row, bool is_new);

/// The columns that read_visibility expects, of the table under the alias `v`.
extern const char* const visibility_columns;

/// The current row of such a statement. Throws `failure` (SQLITE_CORRUPT) when it cannot be read.
visibility_row read_visibility(const statement& s);

} // namespace reprise::store::sqlite
