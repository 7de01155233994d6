#pragma once

#include <sqlite3.h>

namespace reprise::store::sqlite {

/// Makes the table `attributes` of compiled conditions (sql/condition) for one connection: a row
/// for each element of a run's search attributes, by its key. Nothing of it is stored, the rows are
/// made from the blob in `visibility` while a query runs. A real table beside the blob had three
/// statements and a page more for each run, for lists that most servers are seldom asked for, and
/// was no index: it was read by the run's key as well. Throws `failure`.
void add_attribute_table(sqlite3* db);

} // namespace reprise::store::sqlite
