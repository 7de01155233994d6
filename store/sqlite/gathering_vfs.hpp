#pragma once

#include <sqlite3.h>

#include <string>

namespace reprise::store::sqlite {

/// A layer between SQLite and the files of another VFS that gathers what is appended to a WAL.
/// SQLite writes each page of a transaction with two system calls, its header's and its own; here
/// all of them wait in memory until the sync that ends the transaction, and go out in one. Nobody
/// else can miss them: a connection tells the others of its frames behind that sync. So what writes
/// must do so with `synchronous = FULL`. Other files are opened as they always were.
///
/// Registered under a name of its own for the life of the object, which must be longer than that of
/// any connection that uses it.
class gathering_vfs {
public:
  /// `below`: the name of the VFS that does the work; empty: the default one. Unknown names are
  /// refused when a connection is opened.
  explicit gathering_vfs(const std::string& below);
  ~gathering_vfs();
  gathering_vfs(const gathering_vfs&) = delete;
  gathering_vfs& operator=(const gathering_vfs&) = delete;

  const std::string& name() const noexcept {
    return name_;
  }

private:
  std::string name_;
  sqlite3_vfs vfs_{};
};

} // namespace reprise::store::sqlite
