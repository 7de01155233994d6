#include "store/sqlite/schema.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace reprise::store {

namespace sqlite {

namespace {

/// The pages that are written to most stay in memory: heads, the ends of the journal and indexes.
constexpr int writer_cache_kib = 64 * 1024;

/// SQLite counts every allocation under one process-wide mutex unless told not to.
void configure_library() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  // Refused when SQLite is in use already, which is as good, only slower.
  static_cast<void>(configured);
}

void tune_writer(database& db) {
  db.execute("PRAGMA cache_size = -" + std::to_string(writer_cache_kib));
  db.execute("PRAGMA temp_store = MEMORY");
  // Debian's build overwrites deleted content with zeros by default: twice the writes.
  db.execute("PRAGMA secure_delete = OFF");
  db.execute("PRAGMA wal_autocheckpoint = 4000");
  db.execute("PRAGMA journal_size_limit = 67108864");
}

} // namespace

} // namespace sqlite

result<std::unique_ptr<store>> open_sqlite(const sqlite_options& options) {
  using namespace sqlite;
  configure_library();
  auto lock = file_lock::acquire(options.path);
  if (!lock)
    return lock.error();
  try {
    // By the path that every other name leads to: so there is one WAL, whatever name it is.
    auto writer = std::make_unique<database>(lock->path(), options.vfs,
                                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3_busy_timeout(writer->handle(), 5000);
    if (auto opened = open_schema(*writer, options.path); !opened)
      return opened.error();
    if (!lock->is_in_place())
      return make_error(errc::failed_precondition,
                        "The store file " + options.path + " was replaced while it was opened.");
    tune_writer(*writer);
    return std::unique_ptr<store>{
      std::make_unique<sqlite_store>(std::move(*lock), std::move(writer), options)};
  } catch (const failure& f) {
    return make_error(errc::failed_precondition,
                      "The store file " + options.path + " cannot be opened: " + f.what() + ".");
  }
}

} // namespace reprise::store
