#include "store/sqlite/backups.hpp"

#include "store/open.hpp"
#include "store/sqlite/file_lock.hpp"
#include "store/sqlite/schema.hpp"

#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace reprise::store {

namespace sqlite {

namespace {

error no_such_copy() {
  return make_error(errc::not_found, "There is no such copy: it was ended, or given up because "
                                     "nobody asked for it. Begin again.");
}

/// As SQLite wants the name of a file that is written as an address.
std::string address_of(const std::string& path) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out{"file:"};
  for (char c : path) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '?' || c == '#' || c == '%') {
      out += '%';
      out += hex[byte >> 4U];
      out += hex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out + "?immutable=1";
}

/// A file, locked against servers.
class locked_file final : public backups {
public:
  explicit locked_file(file_lock lock)
    : backups(lock.path(), "", backup_limits{}), lock_(std::move(lock)) {
  }

private:
  file_lock lock_;
};

} // namespace

backups::backups(std::string store_path, std::string vfs, const backup_limits& limits)
  : store_path_(std::move(store_path)), vfs_(std::move(vfs)), limits_(limits) {
}

result<std::string> backups::begin_backup() {
  std::lock_guard guard{mutex_};
  if (now_ && !now_->may_be_replaced())
    return make_error(errc::aborted, "Another copy of the store is being taken. Try again later.");
  now_.reset();
  try {
    auto begun = backup_copy::begin(store_path_, vfs_, limits_);
    if (!begun)
      return begun.error();
    now_ = std::move(*begun);
    return now_->name();
  } catch (const failure& f) {
    return to_error(f);
  }
}

std::shared_ptr<backup_copy> backups::find(const std::string& name) {
  std::lock_guard guard{mutex_};
  return now_ && now_->name() == name ? now_ : nullptr;
}

result<backup_state> backups::look_at_backup(const std::string& name) {
  auto found = find(name);
  return found ? found->look() : no_such_copy();
}

result<std::string> backups::read_backup(const std::string& name, std::uint64_t offset,
                                         std::size_t bytes_max) {
  auto found = find(name);
  return found ? found->read(offset, bytes_max) : no_such_copy();
}

void backups::end_backup(const std::string& name) {
  std::shared_ptr<backup_copy> ended;
  std::lock_guard guard{mutex_};
  if (now_ && now_->name() == name)
    ended = std::move(now_);
}

} // namespace sqlite

result<std::unique_ptr<backup_source>> open_sqlite_for_backup(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0)
    return make_error(errc::failed_precondition, "There is no file " + path + ".");
  auto lock = sqlite::file_lock::acquire(path);
  if (!lock)
    return lock.error();
  return std::unique_ptr<backup_source>{std::make_unique<sqlite::locked_file>(std::move(*lock))};
}

result<void> fold_sqlite_journal(const std::string& path) {
  using namespace sqlite;
  try {
    database db{path, "", SQLITE_OPEN_READWRITE};
    if (auto left = db.read_integer("PRAGMA wal_checkpoint(TRUNCATE)"); left == 0)
      return {};
    return make_error(errc::unavailable, "somebody reads " + path);
  } catch (const failure& f) {
    return to_error(f);
  }
}

result<migration_plan> try_sqlite_migration(const std::string& path) {
  using namespace sqlite;
  if (::access(path.c_str(), F_OK) != 0)
    return make_error(errc::failed_precondition, "There is no file " + path + ".");
  auto lock = file_lock::acquire(path);
  if (!lock)
    return lock.error();
  try {
    database db{lock->path(), "", SQLITE_OPEN_READWRITE};
    sqlite3_busy_timeout(db.handle(), 5000);
    return try_migration(db, path);
  } catch (const failure& f) {
    return make_error(errc::failed_precondition,
                      "The store file " + path + " cannot be opened: " + f.what() + ".");
  }
}

result<std::int64_t> check_sqlite_copy(const std::string& path) {
  using namespace sqlite;
  auto refuse = [&path](const std::string& what) {
    return make_error(errc::failed_precondition, "The file " + path + " " + what);
  };
  std::error_code failed;
  auto wal = std::filesystem::file_size(path + "-wal", failed);
  if (!failed && wal > 0)
    return refuse("has a -wal beside it: it is a store that is in use, or was cut off, and no "
                  "copy. Take one with `reprise backup`.");
  try {
    database db{address_of(path), "", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI};
    return check_copy(db, path);
  } catch (const failure& f) {
    return refuse(std::string{"cannot be read as a store: "} + f.what() + ".");
  }
}

result<void> adopt_sqlite_copy(const std::string& path) {
  auto adopt = [&path]() -> result<void> {
    auto db = open_sqlite({.path = path});
    if (!db)
      return db.error();
    constexpr incarnation_id self = 1;
    if (auto taken = take_everything(**db, self); !taken)
      return taken.error();
    return (*db)->leave(self);
  };
  auto adopted = adopt();
  // Its lock went with it.
  ::unlink((path + "-lock").c_str());
  return adopted;
}

} // namespace reprise::store
