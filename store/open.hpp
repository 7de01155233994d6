#pragma once

#include "store/store.hpp"

namespace reprise::store {

/// An empty store in this process's memory.
std::unique_ptr<store> open_memory();

struct sqlite_options {
  /// The file; it and its -wal and -lock neighbours belong to this process while it is open.
  std::string path{};
  /// Name of an SQLite VFS to use; empty: the default one. Tests inject faults with it.
  std::string vfs{};
};

/// Opens or makes the file and migrates its schema. Refused with a sentence that says what to do
/// (failed_precondition) when another process has it open, it is corrupt, not ours, or newer.
result<std::unique_ptr<store>> open_sqlite(const sqlite_options& options);

/// Connects to `mysql://user[:password]@host[:port]/database` and migrates the schema; makes the
/// database when it is absent. Verified on MariaDB 10.11; plain SQL that MySQL 8 and 9 take too.
result<std::unique_ptr<store>> open_mysql(const std::string& dsn);

} // namespace reprise::store
