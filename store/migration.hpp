#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reprise::store {

/// What brings a schema from one version to the next.
struct migration_step {
  /// The version that it leads to.
  std::int64_t version = 0;
  std::string about{};
  /// Tables that it reads or rewrites, with the rows that they have now.
  std::vector<std::pair<std::string, std::int64_t>> rows{};
};

/// What opening a store would do to its schema.
struct migration_plan {
  /// 0: there is none yet.
  std::int64_t stored = 0;
  /// That of this program.
  std::int64_t known = 0;
  std::vector<migration_step> steps{};
  /// By so many bytes the store grew when it was tried; nothing where it cannot be tried.
  std::optional<std::int64_t> growth{};
};

/// Migrates a file that no server has, and takes everything back. Refused (failed_precondition)
/// like open_sqlite, and when there is no such file.
result<migration_plan> try_sqlite_migration(const std::string& path);

/// Looks at a database, and changes nothing: its statements cannot be taken back. `password` as in
/// mysql_options. Servers may be using it.
result<migration_plan> plan_mysql_migration(const std::string& dsn,
                                            const std::optional<std::string>& password = {});

} // namespace reprise::store
