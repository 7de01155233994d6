#pragma once

#include "base/result.hpp"
#include "store/migration.hpp"
#include "store/sqlite/database.hpp"

namespace reprise::store::sqlite {

/// Checks that the file is ours and whole, and brings its schema to the newest version, step by
/// step, in one transaction. Refuses (failed_precondition) a file that is foreign, corrupt or from
/// a newer program, and leaves it as it was.
result<void> open_schema(database& db, const std::string& path);

/// Brings the schema to the newest version and takes that back: what was done, and by how much the
/// file grew. Refuses as open_schema.
result<migration_plan> try_migration(database& db, const std::string& path);

/// Whether a file that nobody writes to is ours, whole, and of a schema that this program knows;
/// answers the schema's version. Changes nothing.
result<std::int64_t> check_copy(database& db, const std::string& path);

} // namespace reprise::store::sqlite
