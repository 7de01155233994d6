#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace reprise::store {

/// How far a copy is.
struct backup_state {
  /// While it is made: of so many bytes, as far as is known, so many are copied.
  std::uint64_t copied = 0;
  /// When it can be read, its size.
  std::uint64_t bytes = 0;
  bool is_ready = false;
};

/// A store of which a copy can be taken while it is written to. The copy is what was committed when
/// it was begun, whole; nobody who writes waits for it. One at a time; one that nobody asks for is
/// given up after a while. Thread-safe; calls may block for a moment.
class backup_source {
public:
  virtual ~backup_source() = default;

  /// Answers the copy's name. Refused: aborted, when another one is being read; resource_exhausted,
  /// when there is no room for it beside the store.
  virtual result<std::string> begin_backup() = 0;
  /// How far it is; waits a little for news. not_found: it was ended, or given up. Else why it
  /// failed.
  virtual result<backup_state> look_at_backup(const std::string& name) = 0;
  /// Bytes of a copy that is ready, from `offset` on: `bytes_max`, or fewer at its end.
  virtual result<std::string>
  read_backup(const std::string& name, std::uint64_t offset, std::size_t bytes_max) = 0;
  /// Frees what it takes; nothing when it is gone.
  virtual void end_backup(const std::string& name) = 0;
};

/// A store's file of which copies are to be taken while no server has it: as it is, of whatever
/// version its schema is. Refused (failed_precondition) when there is none, or when a server has
/// it.
result<std::unique_ptr<backup_source>> open_sqlite_for_backup(const std::string& path);

/// Whether a file that nobody writes to is a whole store that this program can open: data_loss or
/// failed_precondition with the reason else. Answers the version of its schema.
result<std::int64_t> check_sqlite_copy(const std::string& path);

/// Has all of a store in its one file, so that it can be moved: what was committed last may lie in
/// a journal beside it. For whoever has the lock on it. Refused when that cannot be read.
result<void> fold_sqlite_journal(const std::string& path);

/// Makes the copy of a store from which a server may go on: migrates it, and gives its slots new
/// epochs, so that whoever served it before the copy was taken is refused.
result<void> adopt_sqlite_copy(const std::string& path);

} // namespace reprise::store
