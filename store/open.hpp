#pragma once

#include "store/store.hpp"

#include <functional>
#include <optional>
#include <string>

namespace reprise::store {

/// An empty store in this process's memory.
std::unique_ptr<store> open_memory();

/// Bounds of what lists and counts may take from everybody else.
struct scan_bounds {
  /// So many at once; more wait for a session.
  int sessions = 2;
  /// One that takes longer is ended: resource_exhausted.
  duration time_max = std::chrono::seconds{10};
};

/// Of copies that are taken while the store is used (store/backup.hpp).
struct backup_limits {
  /// So much has to be left on the disk when a copy is made: the store lives there, too.
  std::uint64_t room_left_min = std::uint64_t{64} << 20;
  /// A copy is given up when nobody asked for it for so long.
  duration patience = std::chrono::seconds{60};
  /// From then on another one may take its place.
  duration courtesy = std::chrono::seconds{10};
};

struct sqlite_options {
  /// The file; it and its -wal and -lock neighbours belong to this process while it is open.
  std::string path{};
  /// Name of an SQLite VFS to use; empty: the default one. Tests inject faults with it.
  std::string vfs{};
  /// Reads that find their rows by an index: so many at once.
  int readers = 4;
  scan_bounds scans{};
  backup_limits backups{};
};

struct mysql_options {
  /// In place of what stands in the address, where it would be seen.
  std::optional<std::string> password{};
  /// Sessions for reads that find their rows by an index.
  int readers = 4;
  scan_bounds scans{};
  /// When the server cannot be reached: until the next attempt, growing from the first to the last.
  duration pause_first = std::chrono::milliseconds{20};
  duration pause_last = std::chrono::seconds{1};
  /// Told, on any thread, of how many groups the database had answered and has no more.
  std::function<void(std::uint64_t)> on_lost_commits{};
};

/// Opens or makes the file and migrates its schema. Refused with a sentence that says what to do
/// (failed_precondition) when another process has it open, it is corrupt, not ours, or newer.
result<std::unique_ptr<store>> open_sqlite(const sqlite_options& options);

/// Connects to `mysql://user[:password]@host[:port]/database`, with `?ssl-ca=FILE` behind it by TLS
/// (and with `&ssl-cert=FILE&ssl-key=FILE` by a certificate), and migrates the schema; makes the
/// database when it is absent. Verified on MariaDB 10.11; plain SQL that MySQL 8 and 9 take too.
result<std::unique_ptr<store>> open_mysql(const std::string& dsn,
                                          const mysql_options& options = {});

} // namespace reprise::store
