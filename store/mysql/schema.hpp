#pragma once

#include "base/result.hpp"
#include "store/migration.hpp"
#include "store/mysql/connection.hpp"

namespace reprise::store::mysql {

/// Makes the database when it is absent and brings its schema to the newest version, one node at a
/// time. Refuses (failed_precondition) a database of a newer program. Throws `failure`.
result<void> open_schema(const dsn& address);

/// What open_schema would do; changes nothing. Refuses as that does. Throws `failure`.
result<migration_plan> plan_migration(const dsn& address);

} // namespace reprise::store::mysql
