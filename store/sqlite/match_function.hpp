#pragma once

#include "store/sqlite/database.hpp"

namespace reprise::store::sqlite {

/// Lets queries of this connection call `matches_filter(FILTER, RUN_KEY)`, the meaning of a filter
/// in C++ on the row that lists a run: for filters whose SQL would be too deep for SQLite's parser.
/// `db` must not move, and has to outlive its use.
void add_match_function(database& db);

/// Whether a filter has to be asked in that way.
bool is_beyond_sql(const filter& f) noexcept;

/// Binds the function's first argument, which has to outlive the statement's use.
void bind_filter(statement& s, const filter& f);

} // namespace reprise::store::sqlite
